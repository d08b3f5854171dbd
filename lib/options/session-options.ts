import type { IncomingMessage } from 'node:http';

import type { CookieOptions } from '../cookies/cookie-options.js';
import type { Secret } from '../cookies/keyed-signer.js';
import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { Duration } from '../duration.js';
import type { Pinning } from '../pinning/pinning-options.js';
import type { TrustProxy } from '../proxy/proxy-trust.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import type { SessionMigration } from '../migration/session-migration.js';
import type { MemcachedConnectOptions } from '../stores/memcached/memcached-connection.js';
import type { RedisConnectOptions } from '../stores/redis/redis-connection.js';
import type { MemcachedClient } from '../stores/memcached/memcached.store.js';
import type { RedisClient } from '../stores/redis/redis.store.js';
import type { SessionStore } from '../stores/session-store.js';

/** A store that the module ships, by name. */
export type StoreName = 'memory' | 'redis' | 'memcached' | 'null';

/** A store class whose constructor arguments Nest injects, from the module's `imports` or from global modules. */
export type SessionStoreClass = abstract new (...dependencies: never[]) => SessionStore;

/** Tells options from `{ client }`, though a driver may have any option. */
interface NoClient {
  readonly client?: undefined;
}

/** Where Redis is: a client you own and close yourself, or what the module needs to make one. */
export type RedisStoreOptions = { readonly client: RedisClient } | (RedisConnectOptions & NoClient);

/** Where Memcached is: a client you own and close yourself, or what the module needs to make one. */
export type MemcachedStoreOptions = { readonly client: MemcachedClient } | (MemcachedConnectOptions & NoClient);

/** What a user may write. Every option can be left out; the defaults stand in one table in `resolve-options`. */
export interface SessionModuleOptions {
  /**
   * Where sessions are kept: a name, a store of your own, or a store class to be made with injected dependencies. The memory store
   * is for one process; its sessions end with it.
   * @default 'memory'
   */
  readonly store?: StoreName | SessionStore | SessionStoreClass | undefined;
  /** With `store: 'redis'`: `{ url }`, ioredis options, or `{ client }`, a `Redis` or `Cluster` that you own. @default redis://127.0.0.1:6379 */
  readonly redis?: RedisStoreOptions | undefined;
  /** With `store: 'memcached'`: `{ servers }`, driver options, or `{ client }`, one that you own. @default 127.0.0.1:11211 */
  readonly memcached?: MemcachedStoreOptions | undefined;
  /**
   * Signs the id in the cookie (HMAC-SHA256). Of a list the first signs and all verify, so that a secret can be replaced
   * without logging anybody out. Without it the id travels bare, which its 192 random bits allow.
   * @default undefined
   */
  readonly secret?: Secret | readonly Secret[] | undefined;
  /** A signer of your own, instead of `secret`. @default HmacSigner over `secret`, or ItsdangerousSigner under `wire: 'quart'` */
  readonly signer?: CookieSigner | undefined;
  /** What the store's keys begin with. @default 'session:' */
  readonly keyPrefix?: string | undefined;
  /** The cookie's attributes, or a function that gives them for a request; it is given Node's own request. */
  readonly cookie?: CookieOptions | ((request: IncomingMessage) => CookieOptions) | undefined;
  /**
   * The format in the store and in the cookie. `'quart'` shares live sessions with Quart-Session or Flask on the same back-end: it
   * writes the plain id into the store's key (`hashIds: false`), signs as itsdangerous does (`ItsdangerousSigner` over `secret`, salt
   * `quart-session`), writes the `quart` dialect of `TaggedJsonSerializer` and `_permanent`, leaves no tombstones, and lets each write
   * renew the lifetime (`rolling: 'write'`, `idleTimeout: '31d'`). Each of these can be given beside it, but for `rolling`. What a request does
   * not change keeps the text that Python gave it, unless the serializer is one of your own. The library's one time, that of birth, which
   * `absoluteTimeout` counts from, lies under `_nest_session_created`; natively its times are `_created` and `_seen`. @default 'native'
   */
  readonly wire?: 'native' | 'quart' | undefined;
  /**
   * Takes over the sessions that another library left in the same back-end: `expressSession({ secret })`, with what that one was
   * told. @default undefined
   */
  readonly migrateFrom?: SessionMigration | undefined;
  /** Whether the store's keys hold a SHA-256 of the id instead of the id, so that a leaked dump holds no usable cookie. @default true, or false under `wire: 'quart'` */
  readonly hashIds?: boolean | undefined;
  /**
   * Whether an id that was destroyed or regenerated leaves a tombstone for 30 seconds, so that a request that still carries it does
   * not take the new cookie away. It is no JSON: off where other programs read the same keys. @default true, or false under `wire: 'quart'`
   */
  readonly tombstones?: boolean | undefined;
  /** How long a session lives without a request that uses it (OWASP ASVS 5.0, 7.3.1). @default '14d', or '31d' under `wire: 'quart'` */
  readonly idleTimeout?: Duration | undefined;
  /** How long a session lives at all, however busy; neither renewal nor `regenerate` extends it (OWASP ASVS 5.0, 7.3.2). @default undefined: no limit */
  readonly absoluteTimeout?: Duration | undefined;
  /**
   * Most bytes of a record as the store keeps it. A larger one is refused with `SessionTooLargeError` before it is written, and not
   * parsed when it is read: each request would have to, and a visitor could make one grow without end. @default 1_000_000
   */
  readonly maxRecordBytes?: number | undefined;
  /**
   * Whether a cookie whose session is gone is expired also by an answer that changes nothing, so that it does not cost a read each
   * time. Only where neither a record nor a tombstone is left. A request that a browser sends beside its login can then take the new
   * cookie away, if it still carries the dead one and is answered last. Needs `tombstones`. @default false
   */
  readonly expireDeadCookies?: boolean | undefined;
  /**
   * Whether use renews the idle timeout: once more than a tenth of it has gone by, not on every request. `'write'`: each write
   * renews it and reading does not, as in Quart and Flask; then the store's expiry alone is the idle timeout. @default true, or 'write' under
   * `wire: 'quart'`
   */
  readonly rolling?: boolean | 'write' | undefined;
  /** Whether a session stays with the client's IP address. @default false */
  readonly pinning?: Pinning | undefined;
  /**
   * Which proxies are believed about the client's address and scheme. `X-Forwarded-For` from anybody else is never believed.
   * @default undefined: as the adapter was told (`app.set('trust proxy')`, `new FastifyAdapter({ trustProxy })`)
   */
  readonly trustProxy?: TrustProxy | undefined;
  /** Whether static files may start and renew sessions, and so carry the cookie. @default false */
  readonly staticFiles?: boolean | undefined;
  /** How records become text. @default new TaggedJsonSerializer(), in the dialect of `wire` */
  readonly serializer?: SessionSerializer | undefined;
  /** Draws a session id: 16 to 128 letters, digits, `-` and `_`, unguessable. @default 192 random bits in base64url */
  readonly generateId?: (() => string) | undefined;
  /**
   * What becomes of an answer whose session could not be saved when it is too late for an error answer: `'destroy'` ends the
   * connection, so that nobody takes it for a saved one; `'send'` sends it all the same, without the cookie.
   * @default 'destroy'
   */
  readonly onLateSaveError?: 'destroy' | 'send' | undefined;
}
