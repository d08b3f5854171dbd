import type { CookieOptions, ResolvedCookie } from '../cookies/cookie-options.js';
import type { PinningOptions } from '../pinning/pinning-options.js';
import { generateSessionId } from '../session/session-id.js';
import { DEFAULT_NAME } from '../session.constants.js';
import type { SessionModuleOptions } from './session-options.js';

/** The one table of defaults. */
const DEFAULTS = {
  store: 'memory',
  memory: {},
  redis: { url: 'redis://127.0.0.1:6379' },
  memcached: { servers: '127.0.0.1:11211' },
  postgres: {},
  mongo: {},
  file: { directory: '' },
  datastore: {},
  keyPrefix: 'session:',
  wire: 'native',
  acceptUnsigned: false,
  hashIds: true,
  tombstones: true,
  idleTimeout: '14d',
  absoluteTimeout: undefined,
  maxRecordBytes: 1_000_000,
  expireDeadCookies: false,
  rolling: true,
  recheck: '30s',
  closeOnEnd: false,
  pinning: false,
  trustProxy: undefined,
  staticFiles: false,
  onLateSaveError: 'destroy',
  context: false,
  generateId: generateSessionId,
  cookie: {},
} as const satisfies SessionModuleOptions;

/** The defaults that differ under `wire: 'quart'`, because Quart and Flask differ. */
const QUART_DEFAULTS = {
  hashIds: false,
  tombstones: false,
  idleTimeout: '31d',
  rolling: 'write',
} as const satisfies SessionModuleOptions;

/** The options without a default: each is off, or depends on the others. */
const WITHOUT_DEFAULT = [
  'secret',
  'signer',
  'serializer',
  'migrateFrom',
  'migrateTo',
  'exposeAs',
  'bus',
  'user',
  'device',
  'sessionsPerUser',
] as const satisfies (keyof SessionModuleOptions)[];

const COOKIE_DEFAULTS = {
  name: 'session',
  path: '/',
  httpOnly: true,
  secure: 'auto',
  sameSite: 'lax',
  persistent: true,
} as const satisfies CookieOptions;

const COOKIE_WITHOUT_DEFAULT = ['domain', 'partitioned', 'priority'] as const satisfies (keyof CookieOptions)[];

/** The defaults of the long form of `pinning`. */
const PINNING_DEFAULTS = {
  match: 'exact',
  ipv4Prefix: 24,
  ipv6Prefix: 64,
  onMismatch: 'destroy',
} as const satisfies Required<PinningOptions>;

/** The names of all options. */
export const OPTION_NAMES: readonly string[] = [...Object.keys(DEFAULTS), ...WITHOUT_DEFAULT];

/** The names of all options of `pinning`. */
export const PINNING_OPTION_NAMES: readonly string[] = Object.keys(PINNING_DEFAULTS);

/** The names of all options of `cookie`. */
export const COOKIE_OPTION_NAMES: readonly string[] = [...Object.keys(COOKIE_DEFAULTS), ...COOKIE_WITHOUT_DEFAULT];

/** The options with every default filled in. */
export type OptionsWithDefaults = Pick<SessionModuleOptions, (typeof WITHOUT_DEFAULT)[number]> & {
  readonly [Name in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Name] extends undefined
    ? SessionModuleOptions[Name]
    : NonNullable<SessionModuleOptions[Name]>;
};

/** Fills in the defaults. An option that is undefined counts as left out. */
export function withDefaults(options: SessionModuleOptions): OptionsWithDefaults {
  const quartDefaults = options.wire === 'quart' ? QUART_DEFAULTS : {};
  return { ...DEFAULTS, ...quartDefaults, ...withoutUndefined(options) };
}

/**
 * Fills in the defaults of the option `cookie`.
 * @param options the attributes that are given.
 * @param moduleName the `name` of the module: each kind of session has a cookie of its own.
 */
export function withCookieDefaults(options: CookieOptions, moduleName: string): ResolvedCookie {
  const name = moduleName === DEFAULT_NAME ? COOKIE_DEFAULTS.name : `${moduleName}-${COOKIE_DEFAULTS.name}`;
  return { ...COOKIE_DEFAULTS, name, ...withoutUndefined(options) };
}

/** Fills in the defaults of the long form of `pinning`. */
export function withPinningDefaults(options: PinningOptions): Required<PinningOptions> {
  return { ...PINNING_DEFAULTS, ...withoutUndefined(options) };
}

function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
