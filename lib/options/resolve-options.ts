import type { IncomingMessage } from 'node:http';

import type { CookieOptions, ResolvedCookie } from '../cookies/cookie-options.js';
import { validateCookie } from '../cookies/cookie-rules.js';
import type { CookieSigner } from '../cookies/cookie-signer.js';
import { HmacSigner } from '../cookies/hmac.signer.js';
import { ItsdangerousSigner } from '../cookies/itsdangerous.signer.js';
import { parseDuration } from '../duration.js';
import { AddressPin } from '../pinning/address-pin.js';
import type { Pinning, PinningOptions } from '../pinning/pinning-options.js';
import { compileTrust, type TrustFunction } from '../proxy/proxy-trust.js';
import { RecordRewriter } from '../serializers/tagged-json/record-rewriter.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import { TaggedJsonSerializer } from '../serializers/tagged-json/tagged-json.serializer.js';
import { RecordNames } from '../session/record-names.js';
import { generateSessionId, isWellFormedId } from '../session/session-id.js';
import type { SessionLifetimeOptions } from '../session/session-lifetime.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import { checkConnection, checkedSerializer, checkedSigner } from './option-shapes.js';
import type { SessionMigration } from '../migration/session-migration.js';
import type { SessionModuleOptions, StoreName } from './session-options.js';

/** The one table of defaults. What is absent here has no default: it is off, or unset. */
const DEFAULTS = {
  store: 'memory',
  redis: { url: 'redis://127.0.0.1:6379' },
  memcached: { servers: '127.0.0.1:11211' },
  keyPrefix: 'session:',
  wire: 'native',
  hashIds: true,
  tombstones: true,
  idleTimeout: '14d',
  absoluteTimeout: undefined,
  maxRecordBytes: 1_000_000,
  expireDeadCookies: false,
  rolling: true,
  pinning: false,
  trustProxy: undefined,
  staticFiles: false,
  onLateSaveError: 'destroy',
  generateId: generateSessionId,
  cookie: {},
} as const satisfies SessionModuleOptions;

/** What Quart and Flask do otherwise. */
const QUART_DEFAULTS = {
  hashIds: false,
  tombstones: false,
  idleTimeout: '31d',
  rolling: 'write',
} as const satisfies SessionModuleOptions;

const COOKIE_DEFAULTS = {
  name: 'session',
  path: '/',
  httpOnly: true,
  secure: 'auto',
  sameSite: 'lax',
  persistent: true,
} as const satisfies CookieOptions;

const PINNING_DEFAULTS = {
  match: 'exact',
  ipv4Prefix: 24,
  ipv6Prefix: 64,
  onMismatch: 'destroy',
} as const satisfies Required<PinningOptions>;

const STORE_NAMES: readonly string[] = ['memory', 'redis', 'memcached', 'null'] satisfies readonly StoreName[];

/** What is there in any case once the defaults are laid in; two of them are `undefined`. */
type Laid = Omit<SessionModuleOptions, keyof typeof DEFAULTS> & {
  readonly [Name in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Name] extends undefined
    ? SessionModuleOptions[Name]
    : NonNullable<SessionModuleOptions[Name]>;
};

/** The options with every default laid in and every text turned into what the engine works with. */
export interface ResolvedOptions extends SessionLifetimeOptions {
  readonly store: NonNullable<SessionModuleOptions['store']>;
  readonly redis: NonNullable<SessionModuleOptions['redis']>;
  readonly memcached: NonNullable<SessionModuleOptions['memcached']>;
  readonly keyPrefix: string;
  readonly hashIds: boolean;
  readonly tombstones: boolean;
  readonly maxRecordBytes: number;
  readonly expireDeadCookies: boolean;
  /** Whether records say `_permanent`, as Quart and Flask write them. */
  readonly writesPermanent: boolean;
  readonly signer: CookieSigner | undefined;
  readonly serializer: SessionSerializer;
  /** Present where other programs write the records too. */
  readonly rewriter: RecordRewriter | undefined;
  readonly recordNames: RecordNames;
  readonly migration: SessionMigration | undefined;
  readonly generateId: () => string;
  readonly pin: AddressPin | undefined;
  readonly onMismatch: 'destroy' | 'reject';
  readonly trust: TrustFunction | undefined;
  readonly staticFiles: boolean;
  readonly onLateSaveError: 'destroy' | 'send';
  /** The cookie's attributes, where they do not depend on the request. */
  readonly cookie: ResolvedCookie | undefined;
  /** The cookie's attributes for a request. */
  readonly cookieFor: (request: IncomingMessage) => ResolvedCookie;
}

/**
 * Checks what the user wrote and lays the defaults in, once, at start-up.
 * @throws {SessionConfigurationError} that says what to write instead.
 */
export function resolveOptions(options: SessionModuleOptions): ResolvedOptions {
  refuseUnknown(options);
  const defaults = { ...DEFAULTS, ...(options.wire === 'quart' ? QUART_DEFAULTS : {}) };
  const given = { ...defaults, ...withoutUndefined(options) } as Laid;
  checkChoices(given);
  return Object.freeze({
    store: given.store,
    redis: given.redis,
    memcached: given.memcached,
    keyPrefix: given.keyPrefix,
    hashIds: given.hashIds,
    tombstones: given.tombstones,
    maxRecordBytes: checkedRecordBytes(given.maxRecordBytes),
    expireDeadCookies: given.expireDeadCookies,
    rolling: given.rolling,
    staticFiles: given.staticFiles,
    onLateSaveError: given.onLateSaveError,
    idleTimeout: duration('idleTimeout', given.idleTimeout),
    absoluteTimeout:
      given.absoluteTimeout === undefined ? undefined : duration('absoluteTimeout', given.absoluteTimeout),
    generateId: checkedGenerator(given.generateId),
    signer: signerOf(given),
    ...recordFormOf(given),
    migration: checkedMigration(given.migrateFrom),
    ...pinOf(given.pinning),
    trust: given.trustProxy === undefined ? undefined : compileTrust(given.trustProxy),
    ...cookieOf(given.cookie),
  });
}

const KNOWN: readonly string[] = [...Object.keys(DEFAULTS), 'secret', 'signer', 'serializer', 'migrateFrom'];

/** What people write who come from elsewhere, and where it went. */
const HINTS: Readonly<Record<string, string>> = {
  isGlobal: 'it stands beside the options: in forRootAsync, beside useFactory',
  interceptor: 'it stands beside the options: in forRootAsync, beside useFactory',
  imports: 'it stands beside the options: in forRootAsync, beside useFactory',
  resave: 'it is not needed, an unchanged session is never saved',
  saveUninitialized: 'it is not needed, an empty session is never stored',
  maxAge: 'write idleTimeout, in seconds or as a text such as 30m',
  ttl: 'write idleTimeout, in seconds or as a text such as 30m',
  name: 'write cookie: { name }',
  prefix: 'write keyPrefix',
};

/** A misspelt option would be silently without effect; for `secret` or `pinning` that is a hole. */
function refuseUnknown(options: SessionModuleOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new SessionConfigurationError('There are no options: let the factory return an object, {} for the defaults.');
  }
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
  if (unknown === undefined) return;
  const hint = HINTS[unknown] ?? `the options are ${KNOWN.toSorted().join(', ')}`;
  throw new SessionConfigurationError(`There is no option '${unknown}': ${hint}.`);
}

function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function checkChoices(given: SessionModuleOptions): void {
  const { store } = given;
  const isStore = typeof store === 'function' || (typeof store === 'object' && store !== null);
  if (!isStore && !STORE_NAMES.includes(store as string)) {
    throw new SessionConfigurationError(
      `store is ${shown(store)}: write 'memory', 'redis', 'memcached', 'null', a store, or a store class.`,
    );
  }
  oneOf('wire', given.wire, ['native', 'quart']);
  oneOf('onLateSaveError', given.onLateSaveError, ['destroy', 'send']);
  for (const name of ['hashIds', 'tombstones', 'staticFiles', 'expireDeadCookies'] as const) {
    oneOf(name, given[name], [true, false]);
  }
  // Without them a session that ended a moment ago looks like one that ended long ago.
  if (given.expireDeadCookies === true && given.tombstones === false) {
    throw new SessionConfigurationError('expireDeadCookies needs tombstones: leave one of the two out.');
  }
  // Python renews a session without a word in the record: whoever counts from what the record says would end it too early.
  if (given.wire === 'quart' && given.rolling !== 'write') {
    throw new SessionConfigurationError(
      "Under wire: 'quart' each write renews a session: write rolling: 'write', or leave it out.",
    );
  }
  oneOf('rolling', given.rolling, [true, false, 'write']);
  for (const driver of ['redis', 'memcached'] as const) checkConnection(driver, given[driver]);
  if (typeof given.keyPrefix !== 'string') {
    throw new SessionConfigurationError(`keyPrefix is ${shown(given.keyPrefix)}: write a string such as 'session:'.`);
  }
}

function oneOf(name: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  throw new SessionConfigurationError(`${name} is ${shown(value)}: write ${choices.map(shown).join(' or ')}.`);
}

function duration(name: string, value: unknown): number {
  const seconds = parseDuration(value);
  if (seconds !== undefined) return seconds;
  throw new SessionConfigurationError(
    `${name} is ${shown(value)}: write seconds as a number above 0, or a string with a unit such as '30m', '12h' or '14d'.`,
  );
}

function checkedRecordBytes(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 1000) return Number(value);
  throw new SessionConfigurationError(
    `maxRecordBytes is ${shown(value)}: write a whole number of bytes of at least 1000, such as 1_000_000.`,
  );
}

function checkedGenerator(generateId: () => string): () => string {
  const sample = typeof generateId === 'function' ? generateId() : undefined;
  if (typeof sample === 'string' && isWellFormedId(sample) && generateId() !== sample) return generateId;
  throw new SessionConfigurationError(
    "generateId must draw a different id each time, of 16 to 128 letters, digits, '-' and '_': leave it out, or return randomUUID().",
  );
}

function signerOf({ secret, signer, wire }: SessionModuleOptions): CookieSigner | undefined {
  if (secret !== undefined && signer !== undefined) {
    throw new SessionConfigurationError('secret and signer are both given: write one of them.');
  }
  if (signer !== undefined) return checkedSigner(signer);
  if (secret === undefined) return undefined;
  return wire === 'quart' ? new ItsdangerousSigner(secret) : new HmacSigner(secret);
}

function recordFormOf({
  wire,
  serializer = new TaggedJsonSerializer({ dialect: wire }),
}: Laid): Pick<ResolvedOptions, 'serializer' | 'rewriter' | 'recordNames' | 'writesPermanent'> {
  checkedSerializer(serializer);
  if (wire === 'native') {
    return { serializer, rewriter: undefined, recordNames: RecordNames.native, writesPermanent: false };
  }
  // A serializer of the user's own may write anything, also one that extends ours.
  const isOurs = Object.getPrototypeOf(serializer) === TaggedJsonSerializer.prototype;
  const rewriter = isOurs ? new RecordRewriter(serializer) : undefined;
  return { serializer, rewriter, recordNames: RecordNames.quart, writesPermanent: true };
}

function checkedMigration(migration: SessionMigration | undefined): SessionMigration | undefined {
  if (migration === undefined || typeof (migration as Partial<SessionMigration> | null)?.newIdOf === 'function') {
    return migration;
  }
  throw new SessionConfigurationError(
    "migrateFrom is no migration: write expressSession({ secret }), imported from 'nest-session'.",
  );
}

function pinOf(pinning: Pinning): Pick<ResolvedOptions, 'pin' | 'onMismatch'> {
  if (pinning === false) return { pin: undefined, onMismatch: PINNING_DEFAULTS.onMismatch };
  const isLong = typeof pinning === 'object' && pinning !== null;
  const long: PinningOptions = isLong ? pinning : pinning === true ? {} : { match: pinning };
  const { match, ipv4Prefix, ipv6Prefix, onMismatch } = { ...PINNING_DEFAULTS, ...withoutUndefined(long) };
  oneOf('pinning', match, ['exact', 'prefix']);
  oneOf('pinning.onMismatch', onMismatch, ['destroy', 'reject']);
  bits('ipv4Prefix', ipv4Prefix, 32);
  bits('ipv6Prefix', ipv6Prefix, 128);
  const prefix = { ipv4: ipv4Prefix, ipv6: ipv6Prefix };
  return { pin: new AddressPin({ match: match === 'exact' ? 'exact' : prefix }), onMismatch };
}

function bits(name: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most) return;
  throw new SessionConfigurationError(`pinning.${name} is ${shown(value)}: write a whole number from 1 to ${most}.`);
}

function cookieOf(cookie: NonNullable<SessionModuleOptions['cookie']>): Pick<ResolvedOptions, 'cookie' | 'cookieFor'> {
  if (typeof cookie === 'function') {
    return { cookie: undefined, cookieFor: (request) => resolveCookie(cookie(request)) };
  }
  const resolved = resolveCookie(cookie);
  return { cookie: resolved, cookieFor: () => resolved };
}

function resolveCookie(options: CookieOptions): ResolvedCookie {
  const cookie = Object.freeze({ ...COOKIE_DEFAULTS, ...withoutUndefined(options) }) as ResolvedCookie;
  const unknown = Object.keys(cookie).find((key) => !COOKIE_KEYS.includes(key));
  if (unknown !== undefined) {
    const hint = ['maxAge', 'expires'].includes(unknown) ? HINTS.maxAge : `write ${COOKIE_KEYS.join(', ')}`;
    throw new SessionConfigurationError(`There is no option cookie.${unknown}: ${hint}.`);
  }
  validateCookie(cookie);
  return cookie;
}

const COOKIE_KEYS: readonly string[] = [...Object.keys(COOKIE_DEFAULTS), 'domain', 'partitioned', 'priority'];
