import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { describe, expect, it } from 'vitest';

import {
  expressSession,
  HmacSigner,
  MemoryStore,
  SessionConfigurationError,
  type SessionModuleOptions,
} from '../../../lib/index.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';

/** What a JavaScript user, or a configuration file, may put there. */
const resolveAnything = resolveOptions as (options: unknown) => ReturnType<typeof resolveOptions>;

const DAY = 86_400;

const OPTIONS = [
  'absoluteTimeout, acceptUnsigned, bus, closeOnEnd, context, cookie, datastore, device, expireDeadCookies, exposeAs, file, generateId',
  'hashIds, idleTimeout, keyPrefix, maxRecordBytes, memcached, memory, migrateFrom, migrateTo, mongo, onLateSaveError, pinning',
  'postgres, recheck, redis, rolling, secret, serializer, sessionsPerUser, signer, staticFiles, store, tombstones, trustProxy, user, wire',
].join(', ');
const STORES =
  "write 'memory', 'redis', 'memcached', 'postgres', 'mongo', 'file', 'datastore', 'null', a store, or a store class.";
const DURATION = "write seconds as a number above 0, or a string with a unit such as '30m', '12h' or '14d'.";
const BYTES = 'write a whole number of bytes of at least 1000, such as 1_000_000.';
const EITHER = 'write true or false.';
const BESIDE = 'it stands beside the options: in forRootAsync, beside useFactory.';
const LASTING = 'write idleTimeout, in seconds or as a text such as 30m.';
const SECRET =
  "HmacSigner: a secret is empty or is no text. Is its environment variable set? Write 32 random bytes or more, for example from 'openssl rand -hex 32'.";
const GENERATOR =
  "generateId must draw a different id each time, of 16 to 128 letters, digits, '-' and '_': leave it out, or return randomUUID().";
const SIGNER = 'give a CookieSigner, such as new HmacSigner(secret), or write secret instead.';
const SERIALIZER = 'give a SessionSerializer, such as new TaggedJsonSerializer(), or leave it out.';
const EXPOSE = "write a name such as 'httpSession', or false to show the session nowhere.";
const TAKEN = "which requests or Passport use themselves: write another name, such as 'httpSession'.";
const MIGRATION =
  "write the store, { store: 'redis', redis: { url } }, or expressSession({ secret }), imported from 'nest-session'.";
const COOKIE = 'write name, path, httpOnly, secure, sameSite, persistent, domain, partitioned, priority.';
const REDIS = "write { url: 'redis://host:6379' }, or { client }.";
const MEMCACHED = "write { servers: 'host:11211' }, or { client }.";
const EMPTY_MEMORY =
  "migrateFrom.store is 'memory' without a snapshot, so that it is empty: the sessions ended with the process that had them. Deploy the application as it was with memory: { snapshot }, and then migrateFrom: { store: 'memory', memory: { snapshot } } with the same path.";

const ONE_STORE = new MemoryStore();

describe('resolveOptions', () => {
  it.each<[unknown, string]>([
    [undefined, 'There are no options: let the factory return an object, {} for the defaults.'],
    [null, 'There are no options: let the factory return an object, {} for the defaults.'],
    [{ secrets: ['x'] }, `There is no option 'secrets': the options are ${OPTIONS}.`],
    [{ isGlobal: false }, `There is no option 'isGlobal': ${BESIDE}`],
    [
      { interceptor: 'global' },
      "There is no option 'interceptor': it is not needed, the interceptor runs for the handlers that have a session, and for no others.",
    ],
    [{ imports: [] }, `There is no option 'imports': ${BESIDE}`],
    [{ resave: false }, "There is no option 'resave': it is not needed, an unchanged session is never saved."],
    [
      { saveUninitialized: false },
      "There is no option 'saveUninitialized': it is not needed, an empty session is never stored.",
    ],
    [{ maxAge: 1 }, `There is no option 'maxAge': ${LASTING}`],
    [{ ttl: 1 }, `There is no option 'ttl': ${LASTING}`],
    [
      { name: 'sid' },
      "There is no option 'name': for the cookie write cookie: { name }; the name of the module stands beside useFactory.",
    ],
    [{ prefix: 'sess:' }, "There is no option 'prefix': write keyPrefix."],

    [{ store: 'sqlite' }, `store is 'sqlite': ${STORES}`],
    [{ store: null }, `store is null: ${STORES}`],
    [{ redis: 'redis://:password@host' }, `redis is no object: ${REDIS}`],
    [{ redis: null }, `redis is no object: ${REDIS}`],
    [{ file: '/var/lib/app' }, "file is no object: write { directory: '/var/lib/app/sessions' }."],
    [{ memory: true }, "memory is no object: write { snapshot: '/var/lib/app/sessions' }."],
    [{ redis: new Map() }, "redis is a client: write { client }, or { url: 'redis://host:6379' }."],
    [
      { store: 'redis', redis: { client: undefined } },
      'redis.client is undefined: give the client, or leave the key out.',
    ],
    [{ memcached: 'localhost:11211' }, `memcached is no object: ${MEMCACHED}`],
    [{ memcached: ['localhost'] }, `memcached is no object: ${MEMCACHED}`],
    [{ memcached: new Map() }, "memcached is a client: write { client }, or { servers: 'host:11211' }."],
    [{ memcached: { client: undefined } }, 'memcached.client is undefined: give the client, or leave the key out.'],
    [{ keyPrefix: 1 }, "keyPrefix is 1: write a string such as 'session:'."],

    [{ wire: 'flask' }, "wire is 'flask': write 'native' or 'quart'."],
    [
      { wire: 'quart', rolling: true },
      "Under wire: 'quart' each write renews a session: write rolling: 'write', or leave it out.",
    ],
    [{ rolling: 'read' }, "rolling is 'read': write true or false or 'write'."],
    [{ hashIds: 'no' }, `hashIds is 'no': ${EITHER}`],
    [{ tombstones: 'no' }, `tombstones is 'no': ${EITHER}`],
    [{ staticFiles: 1 }, `staticFiles is 1: ${EITHER}`],
    [{ context: 'on' }, `context is 'on': ${EITHER}`],
    [{ expireDeadCookies: 'true' }, `expireDeadCookies is 'true': ${EITHER}`],
    [{ closeOnEnd: 4401 }, `closeOnEnd is 4401: ${EITHER}`],
    [{ expireDeadCookies: true, tombstones: false }, 'expireDeadCookies needs tombstones: leave one of the two out.'],
    [{ expireDeadCookies: true, wire: 'quart' }, 'expireDeadCookies needs tombstones: leave one of the two out.'],
    [{ onLateSaveError: 'ignore' }, "onLateSaveError is 'ignore': write 'destroy' or 'send'."],

    [{ idleTimeout: 0 }, `idleTimeout is 0: ${DURATION}`],
    [{ idleTimeout: '30' }, `idleTimeout is '30': ${DURATION}`],
    [{ idleTimeout: null }, `idleTimeout is null: ${DURATION}`],
    [{ bus: 'kafka' }, "bus is 'kafka': write 'redis', a bus, or leave it out."],
    [{ bus: {} }, "The given bus has no publish, subscribe: implement SessionBus whole, or write bus: 'redis'."],
    [{ bus: null }, "bus is null: write 'redis', a bus, or leave it out."],
    [{ recheck: 0 }, `recheck is 0: ${DURATION}`],
    [{ absoluteTimeout: '-1d' }, `absoluteTimeout is '-1d': ${DURATION}`],
    [{ maxRecordBytes: 999 }, `maxRecordBytes is 999: ${BYTES}`],
    [{ maxRecordBytes: 1000.5 }, `maxRecordBytes is 1000.5: ${BYTES}`],
    [{ maxRecordBytes: Infinity }, `maxRecordBytes is Infinity: ${BYTES}`],
    [{ maxRecordBytes: '1mb' }, `maxRecordBytes is '1mb': ${BYTES}`],
    [{ generateId: () => 'always-the-same-id' }, GENERATOR],
    [{ generateId: () => 'short' }, GENERATOR],
    [{ generateId: () => 7 }, GENERATOR],
    [{ generateId: 'an-id-that-is-no-function' }, GENERATOR],

    [{ secret: '' }, SECRET],
    [{ secret: [] }, 'HmacSigner needs a secret: pass at least one, the one that signs first.'],
    [{ secret: ['new', ''] }, SECRET],
    [{ secret: '', wire: 'quart' }, SECRET.replace('HmacSigner', 'ItsdangerousSigner')],
    [
      { secret: 'password', signer: new HmacSigner('password') },
      'secret and signer are both given: write one of them.',
    ],
    [{ signer: {} }, `signer has no sign, unsign: ${SIGNER}`],
    [{ signer: null }, `signer has no sign, unsign: ${SIGNER}`],
    [{ signer: HmacSigner }, `signer has no sign, unsign: ${SIGNER}`],
    [{ signer: { sign: String } }, `signer has no unsign: ${SIGNER}`],
    [{ serializer: {} }, `serializer has no stringify, parse: ${SERIALIZER}`],
    [{ serializer: null }, `serializer has no stringify, parse: ${SERIALIZER}`],
    [{ serializer: { stringify: String } }, `serializer has no parse: ${SERIALIZER}`],
    [{ migrateFrom: expressSession }, `migrateFrom is no migration: ${MIGRATION}`],
    [{ migrateFrom: 'express-session' }, `migrateFrom is no migration: ${MIGRATION}`],
    [{ migrateFrom: null }, `migrateFrom is no migration: ${MIGRATION}`],
    [{ migrateFrom: {} }, `migrateFrom is no migration: ${MIGRATION}`],
    [{ migrateTo: 'redis' }, `migrateTo is no migration: ${MIGRATION}`],
    [{ migrateTo: { store: 'redis', url: 'password' } }, `migrateTo has no option 'url': ${MIGRATION}`],
    [{ migrateFrom: { store: 'sqlite' } }, `migrateFrom.store is 'sqlite': ${STORES}`],
    [{ migrateFrom: { store: MemoryStore } }, 'migrateFrom.store is a class: give the store itself, or its name.'],
    [
      { migrateFrom: { store: 'memory', keyPrefix: 1 } },
      'migrateFrom.keyPrefix is no text: write what the keys of that store begin with.',
    ],
    [{ migrateFrom: { store: 'redis', redis: 'redis://:password@host' } }, `redis is no object: ${REDIS}`],
    [
      { store: 'redis', migrateFrom: { store: 'memory' }, migrateTo: { store: 'memory' } },
      'migrateFrom and migrateTo are both given: write migrateTo in a first step, and migrateFrom in the next.',
    ],
    [
      { store: 'redis', redis: { url: 'redis://h' }, migrateFrom: { store: 'redis', redis: { url: 'redis://h' } } },
      'migrateFrom is the store of the module itself: name the other one, or a keyPrefix that differs.',
    ],
    [
      { store: ONE_STORE, migrateTo: ONE_STORE },
      'migrateTo is the store of the module itself: name the other one, or a keyPrefix that differs.',
    ],
    [
      {
        store: 'postgres',
        postgres: { url: 'postgres://h/d', unlogged: true, sweepInterval: false },
        migrateFrom: { store: 'postgres', postgres: { url: 'postgres://h/d', table: undefined } },
      },
      'migrateFrom is the store of the module itself: name the other one, or a keyPrefix that differs.',
    ],
    [
      {
        store: 'file',
        file: { directory: '/var/../sessions', fsync: false },
        migrateTo: { store: 'file', file: { directory: '/sessions/' } },
      },
      'migrateTo is the store of the module itself: name the other one, or a keyPrefix that differs.',
    ],
    [{ store: 'redis', migrateFrom: { store: 'memory' } }, EMPTY_MEMORY],
    [{ store: 'redis', migrateFrom: { store: 'memory', memory: { snapshot: undefined } } }, EMPTY_MEMORY],
    [
      { acceptUnsigned: true },
      'acceptUnsigned is for an application that begins to sign: write secret, or leave acceptUnsigned out.',
    ],
    [{ acceptUnsigned: 'yes', secret: 's' }, `acceptUnsigned is 'yes': ${EITHER}`],

    [{ pinning: 'perhaps' }, "pinning is 'perhaps': write 'exact' or 'prefix'."],
    [{ pinning: null }, "pinning is null: write 'exact' or 'prefix'."],
    [{ pinning: { match: 'network' } }, "pinning.match is 'network': write 'exact' or 'prefix'."],
    [
      { pinning: { mtach: 'prefix' } },
      'There is no option pinning.mtach: write match, ipv4Prefix, ipv6Prefix, onMismatch.',
    ],
    [{ pinning: { onMismatch: 'warn' } }, "pinning.onMismatch is 'warn': write 'destroy' or 'reject'."],
    [{ pinning: { match: 'prefix', ipv4Prefix: 33 } }, 'pinning.ipv4Prefix is 33: write a whole number from 1 to 32.'],
    [{ pinning: { ipv6Prefix: 0 } }, 'pinning.ipv6Prefix is 0: write a whole number from 1 to 128.'],
    [
      { trustProxy: 'everybody' },
      "trustProxy holds 'everybody': write an address, a CIDR range such as '10.0.0.0/8', or one of the names loopback, linklocal, uniquelocal.",
    ],

    [{ exposeAs: true }, `exposeAs is true: ${EXPOSE}`],
    [{ exposeAs: '' }, `exposeAs is '': ${EXPOSE}`],
    [{ exposeAs: 'http-session' }, `exposeAs is 'http-session': ${EXPOSE}`],
    [{ exposeAs: null }, `exposeAs is null: ${EXPOSE}`],
    [{ exposeAs: 'user' }, `exposeAs is 'user', ${TAKEN}`],
    [{ exposeAs: 'headers' }, `exposeAs is 'headers', ${TAKEN}`],
    [{ exposeAs: '__proto__' }, `exposeAs is '__proto__', ${TAKEN}`],
    [{ exposeAs: 'constructor' }, `exposeAs is 'constructor', ${TAKEN}`],
    [{ exposeAs: '_sessionManager' }, `exposeAs is '_sessionManager', ${TAKEN}`],

    [{ cookie: { maxAge: 1 } }, `There is no option cookie.maxAge: ${LASTING}`],
    [{ cookie: { expires: 1 } }, `There is no option cookie.expires: ${LASTING}`],
    [{ cookie: { samesite: 'lax' } }, `There is no option cookie.samesite: ${COOKIE}`],
    [{ cookie: { sameSite: 'none' } }, "cookie: sameSite: 'none' needs secure: true, or browsers drop the cookie."],
  ])('refuses %j and says what to write', (options, message) => {
    expect(() => resolveAnything(options)).toThrow(new SessionConfigurationError(message));
    expect(message).not.toContain('password');
  });

  it.each([
    [{ table: 'old_sessions' }, { table: 'sessions' }],
    [{ schema: 'old' }, { schema: 'new' }],
    [{ table: 'old_sessions', sweepInterval: false }, { sweepInterval: 60 }],
  ])('lets sessions move from the PostgreSQL of %j to that of %j, in one database', (old, current) => {
    const url = 'postgres://h/d';
    const migrateFrom = { store: 'postgres', postgres: { url, ...old } };
    const { storeMigration } = resolveAnything({ store: 'postgres', postgres: { url, ...current }, migrateFrom });
    expect(storeMigration?.connections.postgres).toMatchObject(old);
  });

  it('checks the cookie of a function for each request', () => {
    const { cookie, cookieFor } = resolveAnything({ cookie: ({ url }: IncomingMessage) => ({ path: url, age: 1 }) });
    expect(cookie).toBeUndefined();
    expect(() => cookieFor({ url: '/' } as IncomingMessage)).toThrow(`There is no option cookie.age: ${COOKIE}`);
  });

  it('lays the defaults in', () => {
    expect(resolveOptions({})).toMatchObject({
      store: 'memory',
      redis: { url: 'redis://127.0.0.1:6379' },
      memcached: { servers: '127.0.0.1:11211' },
      keyPrefix: 'session:',
      hashIds: true,
      tombstones: true,
      recheck: 30,
      idleTimeout: 14 * DAY,
      absoluteTimeout: undefined,
      maxRecordBytes: 1_000_000,
      expireDeadCookies: false,
      closeOnEnd: false,
      rolling: true,
      staticFiles: false,
      context: false,
      onLateSaveError: 'destroy',
      signer: undefined,
      migration: undefined,
      pin: undefined,
      trust: undefined,
      writesPermanent: false,
      cookie: { name: 'session', path: '/', httpOnly: true, secure: 'auto', sameSite: 'lax', persistent: true },
    });
  });

  it("lays other defaults in under wire: 'quart'", () => {
    expect(resolveOptions({ wire: 'quart' })).toMatchObject({
      hashIds: false,
      tombstones: false,
      idleTimeout: 31 * DAY,
      rolling: 'write',
      writesPermanent: true,
    });
  });

  it.each<keyof SessionModuleOptions>([
    'store',
    'redis',
    'memcached',
    'keyPrefix',
    'hashIds',
    'tombstones',
    'idleTimeout',
    'maxRecordBytes',
    'expireDeadCookies',
    'closeOnEnd',
    'rolling',
    'staticFiles',
    'context',
    'onLateSaveError',
  ])('takes %s: undefined for its default', (name) => {
    expect(resolveOptions({ [name]: undefined })).toHaveProperty(name, resolveOptions({})[name as 'store']);
  });

  it('takes cookie: { name: undefined } for its default', () => {
    expect(resolveAnything({ cookie: { name: undefined } }).cookie?.name).toBe('session');
  });

  it('gives what cannot be changed', () => {
    const resolved = resolveOptions({});
    expect([Object.isFrozen(resolved), Object.isFrozen(resolved.cookie)]).toEqual([true, true]);
  });

  it('turns durations into seconds', () => {
    expect(resolveOptions({ idleTimeout: '30m', absoluteTimeout: 90.5 })).toMatchObject({
      idleTimeout: 1800,
      absoluteTimeout: 90.5,
    });
  });

  it('keeps the generator of ids', () => {
    expect(resolveOptions({ generateId: randomUUID }).generateId).toBe(randomUUID);
  });
});
