import type { IncomingMessage } from 'node:http';

import type { CookieOptions } from '../cookies/cookie-options.js';
import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { Secret } from '../cookies/keyed-signer.js';
import type { Duration } from '../duration.js';
import type { SessionMigration } from '../migration/session-migration.js';
import type { Pinning } from '../pinning/pinning-options.js';
import type { TrustProxy } from '../proxy/proxy-trust.js';
import type { SessionBus } from '../buses/session-bus.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import type { DatastoreStoreOptions } from '../stores/datastore/datastore-options.js';
import type { FileStoreOptions } from '../stores/file/file-options.js';
import type { MongoStoreOptions } from '../stores/mongo/mongo-options.js';
import type { PostgresStoreOptions } from '../stores/postgres/postgres-options.js';
import type { MemcachedConnectOptions } from '../stores/memcached/memcached-connection.js';
import type { MemcachedClient } from '../stores/memcached/memcached.store.js';
import type { RedisConnectOptions } from '../stores/redis/redis-connection.js';
import type { RedisClient } from '../stores/redis/redis.store.js';
import type { MemoryStoreOptions } from '../stores/memory.store.js';
import type { SessionStore } from '../stores/session-store.js';
import type { DeviceOf, SessionsPerUser, UserOf, UserOptions } from './user-options.js';

/** A store that the module ships, by name. */
export type StoreName = 'memory' | 'redis' | 'memcached' | 'postgres' | 'mongo' | 'file' | 'datastore' | 'null';

/** A store class whose constructor arguments Nest injects, from the module's `imports` or from global modules. */
export type SessionStoreClass = abstract new (...dependencies: never[]) => SessionStore;

/** Tells options from `{ client }`, because a driver may have any option. */
interface NoClient {
  readonly client?: undefined;
}

/** A bus that the module ships, by name. */
export type BusName = 'redis';

/** Where Redis is: a client that you own and close yourself, or the options for a client that the module makes. */
export type RedisStoreOptions = { readonly client: RedisClient } | (RedisConnectOptions & NoClient);

/** Where Memcached is: a client that you own and close yourself, or the options for a client that the module makes. */
export type MemcachedStoreOptions = { readonly client: MemcachedClient } | (MemcachedConnectOptions & NoClient);

/**
 * The options that say where each back-end is, by the name of its store. What is not the library's goes to the driver; a name that is
 * one slip from one of the library's is refused.
 */
export interface StoreConnections {
  /**
   * With `store: 'memory'`: its bounds, and the file in which a shutdown leaves the sessions for the next start.
   * @default 10,000 sessions of 64 MiB together, and no file
   */
  readonly memory?: MemoryStoreOptions | undefined;
  /**
   * With `store: 'redis'` or `bus: 'redis'`: `{ url }`, ioredis options, or `{ client }`, one of ioredis or node-redis that
   * you own.
   * @default redis://127.0.0.1:6379
   */
  readonly redis?: RedisStoreOptions | undefined;
  /**
   * With `store: 'memcached'`: `{ servers }`, driver options, or `{ client }`, a client that you own.
   * @default 127.0.0.1:11211
   */
  readonly memcached?: MemcachedStoreOptions | undefined;
  /**
   * With `store: 'postgres'`: `{ url }`, the options of `pg` for its `Pool`, or `{ client }`, a `Pool` that you own or anything with a
   * `query(sql, parameters)`; and the table, which the store makes unless `migrate` is `false`.
   * @default the server that the environment's PGHOST, PGUSER, PGDATABASE … name, and the table `nest_session`
   */
  readonly postgres?: PostgresStoreOptions | undefined;
  /**
   * With `store: 'mongo'`: `{ url }` and options of the driver, or `{ client }`, a `MongoClient` or `Db` that you own; in both the names of
   * the `database` and the `collection`.
   * @default mongodb://127.0.0.1:27017, the collection nest_session
   */
  readonly mongo?: MongoStoreOptions | undefined;
  /** With `store: 'file'`: `{ directory }`, the directory that holds the records, and how safe they are. */
  readonly file?: FileStoreOptions | undefined;
  /** With `store: 'datastore'`. */
  readonly datastore?: DatastoreStoreOptions | undefined;
}

/** Another store of the application: the one that sessions leave, or the one that they move to. */
export interface OtherStoreOptions extends StoreConnections {
  /** A name, whose store the module makes and closes, or a store that you own. */
  readonly store: StoreName | SessionStore;
  /** What its keys begin with, if that differs. @default the `keyPrefix` of the module */
  readonly keyPrefix?: string | undefined;
}

/** The options of the module. Each can be left out; `option-defaults` has the one table of defaults. */
export interface SessionModuleOptions extends StoreConnections {
  /**
   * Where sessions are kept: a name, a store of your own, or a store class that Nest instantiates with its dependencies. The memory
   * store is for one process; its sessions end with it.
   * @default 'memory'
   */
  readonly store?: StoreName | SessionStore | SessionStoreClass | undefined;
  /**
   * Signs the id in the cookie (HMAC-SHA256). Of a list the first signs and all verify, so that you can replace a secret without
   * logging users out. Without a secret the id is not signed, which its 192 random bits allow.
   * @default undefined
   */
  readonly secret?: Secret | readonly Secret[] | undefined;
  /**
   * A signer of your own, instead of `secret`. It is given the request, so that each tenant can have a secret of its own.
   * @default HmacSigner over `secret`, or ItsdangerousSigner under `wire: 'quart'`
   */
  readonly signer?: CookieSigner | undefined;
  /**
   * Whether a cookie without a signature opens its session too, and gets one with the response. For an application that has not signed
   * so far: until the longest lifetime of a session has gone by. Needs `secret` or `signer`. A cookie whose signature is wrong opens
   * nothing, as ever.
   * @default false
   */
  readonly acceptUnsigned?: boolean | undefined;
  /**
   * What the store's keys begin with. In a module with a `name` the name and a colon follow, except under `wire: 'quart'`.
   * @default 'session:'
   */
  readonly keyPrefix?: string | undefined;
  /**
   * The cookie's attributes, or a function that returns them for a request; its argument is Node's own request.
   * @default the defaults of {@link CookieOptions}
   */
  readonly cookie?: CookieOptions | ((request: IncomingMessage) => CookieOptions) | undefined;
  /**
   * The property of the request under which an open session shows. Nest's own `@Session()` and Passport read `request.session`; choose
   * another name, or `false`, where another library has that one. `@Session()` of this library works with any name, and without one.
   * @default 'session', or false for a module with a name
   */
  readonly exposeAs?: string | false | undefined;
  /**
   * The format in the store and in the cookie. `'quart'` shares live sessions with Quart-Session or Flask on the same back-end: it
   * writes the plain id into the store's key (`hashIds: false`), signs as itsdangerous does (`ItsdangerousSigner` over `secret`, salt
   * `quart-session`), writes the `quart` dialect of `TaggedJsonSerializer` and `_permanent`, leaves no tombstones, and lets each write
   * renew the lifetime (`rolling: 'write'`, `idleTimeout: '31d'`). You can set each of these yourself, except `rolling`.
   *
   * A member that a request does not change keeps the text that Python gave it, unless the serializer is one of your own. The library
   * adds one time, that of the session's creation, from which `absoluteTimeout` counts: `_nest_session_created`. Natively its times are
   * `_created` and `_seen`.
   * @default 'native'
   */
  readonly wire?: 'native' | 'quart' | undefined;
  /**
   * Where the sessions are so far. A store that they leave for this one: `{ store: 'redis', redis: { url } }`, with the options of that
   * store, or a store that you own. Each session moves at its next request, so that nothing is left there once the longest lifetime of a
   * session has gone by. Or another library: `expressSession({ secret })`, with the options of that library, whose sessions lie in the
   * same back-end. A memory store needs the `snapshot` of the process before.
   * @default undefined
   */
  readonly migrateFrom?: SessionMigration | OtherStoreOptions | SessionStore | undefined;
  /**
   * The store that sessions will move to, for a rolling deploy: the step before `migrateFrom`. New sessions still begin in `store`, and
   * none is moved, but one that a process of the next step has moved already is found there.
   * @default undefined
   */
  readonly migrateTo?: OtherStoreOptions | SessionStore | undefined;
  /**
   * Whether the store's keys hold a SHA-256 of the id instead of the id, so that a leaked dump holds no usable cookie.
   * @default true, or false under `wire: 'quart'`
   */
  readonly hashIds?: boolean | undefined;
  /**
   * Whether an id that was destroyed or regenerated leaves a tombstone for 30 seconds, so that the response to a request that still
   * carries the id does not remove the new cookie. A tombstone is no JSON: off if other programs read the same keys.
   * @default true, or false under `wire: 'quart'`
   */
  readonly tombstones?: boolean | undefined;
  /**
   * How long a session lives without a request that uses it (OWASP ASVS 5.0, 7.3.1): seconds as a number, or a text such as `'30m'`.
   * @default '14d', or '31d' under `wire: 'quart'`
   */
  readonly idleTimeout?: Duration | undefined;
  /**
   * How long a session lives at all, however busy; neither renewal nor `regenerate` extends it (OWASP ASVS 5.0, 7.3.2).
   * @default undefined: no limit
   */
  readonly absoluteTimeout?: Duration | undefined;
  /**
   * Most bytes of a record as the store keeps it. A larger record is refused with `SessionTooLargeError` before it is written, and is
   * not parsed when it is read: otherwise each request parses it, and a visitor can make it grow without end.
   * @default 1_000_000
   */
  readonly maxRecordBytes?: number | undefined;
  /**
   * Whether a response that changes nothing also expires a cookie whose session is gone, so that the cookie does not cost a read each
   * time. Only if neither a record nor a tombstone is left. When a browser sends a request beside its login, with the dead cookie, and
   * that response comes last, it removes the new cookie. Needs `tombstones`.
   * @default false
   */
  readonly expireDeadCookies?: boolean | undefined;
  /**
   * Whether use renews the idle timeout: after more than a tenth of it has passed, not on every request. `'write'`: each write
   * renews it and reading does not, as in Quart and Flask; then the store's expiry alone is the idle timeout.
   * @default true, or 'write' under `wire: 'quart'`
   */
  readonly rolling?: boolean | 'write' | undefined;
  /**
   * Tells the other processes at once when this one has ended a session, so that each can abort its `signal`: `'redis'`, on the Redis
   * of the option `redis`, or a bus of your own. It opens one connection that sends, unless `redis` has a client, and one that
   * listens once a signal is in use.
   * @default undefined: other processes see it within `recheck`
   */
  readonly bus?: BusName | SessionBus | undefined;
  /**
   * How long a session can have ended before its `signal` aborts, if no message of the option `bus` has told: a session whose signal
   * something has read is read again within this time. Seconds as a number, or a text such as `'30s'`.
   * @default '30s'
   */
  readonly recheck?: Duration | undefined;
  /**
   * Whether a connection of a gateway is closed when the session ends that its handshake presents: a logout in one tab closes the
   * sockets of the others. A client of ws gets the close code 4401 and the reason, one of socket.io an `exception` event with the
   * reason before it is disconnected. A connection without a session stays. With `bus` it also works across processes at once,
   * otherwise within `recheck`.
   * @default false
   */
  readonly closeOnEnd?: boolean | undefined;
  /**
   * Whose session it is, told from its data: `(data) => data.user?.id`. `UserSessions` then lists and ends the sessions of a user. A
   * sign-in costs two more commands of the store, a logout two, and a renewal two; a read costs none, unless you write `{ of, verify }`.
   * @default undefined: sessions are nobody's
   */
  readonly user?: UserOf | UserOptions | undefined;
  /**
   * What a list of a user's sessions shows of the device that signed in: `(request) => request.headers['user-agent']`. Needs `user`.
   * @default undefined: nothing
   */
  readonly device?: DeviceOf | undefined;
  /**
   * How many sessions one user may have at the same time. Needs `user`.
   * @default undefined: 1,000, and beyond that the oldest one ends
   */
  readonly sessionsPerUser?: SessionsPerUser | undefined;
  /**
   * Whether a session stays with the client's IP address.
   * @default false
   */
  readonly pinning?: Pinning | undefined;
  /**
   * Which proxies may tell the client's address and scheme. `X-Forwarded-For` from any other peer is ignored.
   * @default undefined: as the adapter is configured (`app.set('trust proxy')`, `new FastifyAdapter({ trustProxy })`)
   */
  readonly trustProxy?: TrustProxy | undefined;
  /**
   * Whether static files may start and renew sessions, and so carry the cookie.
   * @default false
   */
  readonly staticFiles?: boolean | undefined;
  /**
   * Turns records into text and back.
   * @default new TaggedJsonSerializer(), in the dialect of `wire`
   */
  readonly serializer?: SessionSerializer | undefined;
  /**
   * Draws a session id: 16 to 128 letters, digits, `-` and `_`, unguessable.
   * @default 192 random bits in base64url
   */
  readonly generateId?: (() => string) | undefined;
  /**
   * What happens to a response when its session could not be saved and a part of it has left, so that no error can take its place.
   * `'destroy'` ends the connection, so that the client does not take the response for a success. `'send'` sends the rest.
   * @default 'destroy'
   */
  readonly onLateSaveError?: 'destroy' | 'send' | undefined;
  /**
   * Whether services find the session of the request that they run in, with `await sessions.current()` and no argument. Node's
   * `AsyncLocalStorage` then follows each request: on Node 20 and 22 every `await` of the process costs more, up to 10 µs in all for a
   * request that reads its session.
   * @default false
   */
  readonly context?: boolean | undefined;
}
