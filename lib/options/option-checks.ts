import type { SessionBus } from '../buses/session-bus.js';
import { parseDuration } from '../duration.js';
import { isWellFormedId } from '../session/session-id.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import {
  COOKIE_OPTION_NAMES,
  OPTION_NAMES,
  PINNING_OPTION_NAMES,
  type OptionsWithDefaults,
} from './option-defaults.js';
import { checkBus, checkConnection, CONNECTIONS } from './option-shapes.js';
import type { BusName, StoreName } from './session-options.js';

const STORE_NAMES: readonly string[] = [
  'memory',
  'redis',
  'memcached',
  'postgres',
  'mongo',
  'file',
  'datastore',
  'null',
] satisfies readonly StoreName[];

const BUS_NAMES: readonly BusName[] = ['redis'];

const BOOLEANS = [true, false] as const;

/** The values of each option that has a fixed set of them. */
const CHOICES = {
  wire: ['native', 'quart'],
  onLateSaveError: ['destroy', 'send'],
  hashIds: BOOLEANS,
  tombstones: BOOLEANS,
  staticFiles: BOOLEANS,
  expireDeadCookies: BOOLEANS,
  closeOnEnd: BOOLEANS,
  acceptUnsigned: BOOLEANS,
  context: BOOLEANS,
} as const satisfies Partial<Record<keyof OptionsWithDefaults, readonly unknown[]>>;

const BESIDE_THE_OPTIONS = 'it stands beside the options: in forRootAsync, beside useFactory';
const AS_IDLE_TIMEOUT = 'write idleTimeout, in seconds or as a text such as 30m';

/** The remedies for names of other libraries, and for names in the wrong place. */
const HINTS: Readonly<Record<string, string>> = {
  isGlobal: BESIDE_THE_OPTIONS,
  interceptor: 'it is not needed, the interceptor runs for the handlers that have a session, and for no others',
  imports: BESIDE_THE_OPTIONS,
  resave: 'it is not needed, an unchanged session is never saved',
  saveUninitialized: 'it is not needed, an empty session is never stored',
  maxAge: AS_IDLE_TIMEOUT,
  ttl: AS_IDLE_TIMEOUT,
  name: `for the cookie write cookie: { name }; the name of the module stands beside useFactory`,
  prefix: 'write keyPrefix',
};

/**
 * Refuses an unknown option, because a misspelt one would silently do nothing; for `secret` or `pinning` that is a hole.
 * @throws {SessionConfigurationError} when an option is unknown, or there are no options.
 */
export function checkNames(options: object): void {
  if (typeof options !== 'object' || options === null) {
    throw new SessionConfigurationError('There are no options: let the factory return an object, {} for the defaults.');
  }
  const unknown = unknownName(options, OPTION_NAMES);
  if (unknown === undefined) return;
  const hint = HINTS[unknown] ?? `the options are ${OPTION_NAMES.toSorted().join(', ')}`;
  throw new SessionConfigurationError(`There is no option '${unknown}': ${hint}.`);
}

/** @throws {SessionConfigurationError} when the name of a module is none that a cookie and a key can have in them. */
export function checkModuleName(name: unknown): void {
  if (typeof name === 'string' && /^[A-Za-z0-9_-]{1,32}$/.test(name)) return;
  throw new SessionConfigurationError(
    `The name of the SessionModule is ${shown(name)}: write 1 to 32 letters, digits, '-' and '_', such as 'admin'.`,
  );
}

/** @throws {SessionConfigurationError} when an option of `cookie` is unknown. */
export function checkCookieNames(cookie: object): void {
  const unknown = unknownName(cookie, COOKIE_OPTION_NAMES);
  if (unknown === undefined) return;
  const isLifetime = ['maxAge', 'expires'].includes(unknown);
  const hint = isLifetime ? AS_IDLE_TIMEOUT : `write ${COOKIE_OPTION_NAMES.join(', ')}`;
  throw new SessionConfigurationError(`There is no option cookie.${unknown}: ${hint}.`);
}

/** @throws {SessionConfigurationError} when an option of `pinning` is unknown. */
export function checkPinningNames(pinning: object): void {
  const unknown = unknownName(pinning, PINNING_OPTION_NAMES);
  if (unknown === undefined) return;
  throw new SessionConfigurationError(
    `There is no option pinning.${unknown}: write ${PINNING_OPTION_NAMES.join(', ')}.`,
  );
}

function unknownName(options: object, names: readonly string[]): string | undefined {
  return Object.keys(options).find((name) => !names.includes(name));
}

/**
 * Checks the options that stay as they are. The checks of those that become something else stand below, one for each.
 * @throws {SessionConfigurationError} when one has a wrong value, or two exclude each other.
 */
export function checkChoices(given: OptionsWithDefaults): void {
  checkStoreChoice(given.store);
  checkBusChoice(given.bus);
  for (const [name, choices] of Object.entries(CHOICES)) oneOf(name, given[name as keyof typeof CHOICES], choices);
  // Without tombstones a session that ended a moment ago looks like one that ended long ago.
  if (given.expireDeadCookies && !given.tombstones) {
    throw new SessionConfigurationError('expireDeadCookies needs tombstones: leave one of the two out.');
  }
  checkRolling(given);
  for (const name of CONNECTIONS) checkConnection(name, given[name]);
  if (typeof given.keyPrefix !== 'string') {
    throw new SessionConfigurationError(`keyPrefix is ${shown(given.keyPrefix)}: write a string such as 'session:'.`);
  }
}

/** @throws {SessionConfigurationError} when the value names no store and is none. */
export function checkStoreChoice(store: unknown, name = 'store'): void {
  const isStore = typeof store === 'function' || (typeof store === 'object' && store !== null);
  if (isStore || STORE_NAMES.includes(store as string)) return;
  throw new SessionConfigurationError(
    `${name} is ${shown(store)}: write ${STORE_NAMES.map(shown).join(', ')}, a store, or a store class.`,
  );
}

function checkBusChoice(bus: unknown): void {
  if (bus === undefined || (BUS_NAMES as readonly unknown[]).includes(bus)) return;
  if (typeof bus === 'object' && bus !== null) checkBus(bus as SessionBus);
  else throw new SessionConfigurationError(`bus is ${shown(bus)}: write 'redis', a bus, or leave it out.`);
}

function checkRolling({ wire, rolling }: OptionsWithDefaults): void {
  // Python renews a session without writing the time of it into the record: an idle timeout from that time would end it too early.
  if (wire === 'quart' && rolling !== 'write') {
    throw new SessionConfigurationError(
      "Under wire: 'quart' each write renews a session: write rolling: 'write', or leave it out.",
    );
  }
  oneOf('rolling', rolling, [...BOOLEANS, 'write']);
}

/** @throws {SessionConfigurationError} when the value is none of the choices. */
export function oneOf(name: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  throw new SessionConfigurationError(`${name} is ${shown(value)}: write ${choices.map(shown).join(' or ')}.`);
}

/**
 * The duration in seconds.
 * @throws {SessionConfigurationError} when the value is no duration.
 */
export function checkedSeconds(name: string, value: unknown): number {
  const seconds = parseDuration(value);
  if (seconds !== undefined) return seconds;
  throw new SessionConfigurationError(
    `${name} is ${shown(value)}: write seconds as a number above 0, or a string with a unit such as '30m', '12h' or '14d'.`,
  );
}

/** @throws {SessionConfigurationError} when the value is not a whole number of at least 1000. */
export function checkedRecordBytes(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 1000) return Number(value);
  throw new SessionConfigurationError(
    `maxRecordBytes is ${shown(value)}: write a whole number of bytes of at least 1000, such as 1_000_000.`,
  );
}

/** @throws {SessionConfigurationError} when the generator draws a malformed id, or the same id twice. */
export function checkedGenerator(generateId: () => string): () => string {
  const sample = typeof generateId === 'function' ? generateId() : undefined;
  if (typeof sample === 'string' && isWellFormedId(sample) && generateId() !== sample) return generateId;
  throw new SessionConfigurationError(
    "generateId must draw a different id each time, of 16 to 128 letters, digits, '-' and '_': leave it out, or return randomUUID().",
  );
}

/** @throws {SessionConfigurationError} when the value is not a whole number from 1 to `most`. */
export function checkPrefixBits(name: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most) return;
  throw new SessionConfigurationError(`pinning.${name} is ${shown(value)}: write a whole number from 1 to ${most}.`);
}
