import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Memcached from 'memcached';
import { defaults } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MemoryStore, SessionConfigurationError, type SessionModuleOptions } from '../../../lib/index.js';
import { RedisBus } from '../../../lib/buses/redis/redis.bus.js';
import { createStore } from '../../../lib/options/create-store.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { StoreName } from '../../../lib/options/session-options.js';
import { DatastoreStore } from '../../../lib/stores/datastore/datastore.store.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { MemcachedStore } from '../../../lib/stores/memcached/memcached.store.js';
import { MongoStore } from '../../../lib/stores/mongo/mongo.store.js';
import { PostgresStore } from '../../../lib/stores/postgres/postgres.store.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';
import { propertiesOf } from '../../fixtures/type-program.js';

type Connections = Omit<SessionModuleOptions, 'store'>;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nest-session-options-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What the start of an application with these options throws. */
async function refusal(store: StoreName, connection: object): Promise<unknown> {
  const options = { store, [store]: connection } as Connections;
  return (async () => createStore(store, resolveOptions(options)))().then(
    () => undefined,
    (error: unknown) => error,
  );
}

const query = async (): Promise<never> => {
  throw new Error('never asked');
};

describe('the options of a store', () => {
  it.each<[StoreName, object, string]>([
    ['memory', { snapshott: '/p' }, 'There is no option memory.snapshott: write max, maxBytes, snapshot.'],
    [
      'file',
      { directory: '/d', fsnyc: false },
      'There is no option file.fsnyc: write directory, fsync, sweepInterval.',
    ],
    ['redis', { ulr: 'secret' }, 'There is no option redis.ulr: write redis.url.'],
    ['redis', { uri: 'secret' }, 'There is no option redis.uri: write redis.url.'],
    ['redis', { URL: 'secret' }, 'There is no option redis.URL: write redis.url.'],
    ['redis', { hots: 'h' }, 'There is no option redis.hots: write redis.host.'],
    ['redis', { hostt: 'h' }, 'There is no option redis.hostt: write redis.host.'],
    ['redis', { host: 'h', prt: 1 }, 'There is no option redis.prt: write redis.port.'],
    ['redis', { cilent: {} }, 'There is no option redis.cilent: write redis.client.'],
    ['memcached', { url: 'secret' }, "There is no option memcached.url: write memcached.servers, 'host:11211'."],
    ['memcached', { server: 'h:1' }, 'There is no option memcached.server: write memcached.servers.'],
    [
      'postgres',
      { url: 'postgres://h/d', unloged: true },
      'There is no option postgres.unloged: write postgres.unlogged.',
    ],
    ['postgres', { uri: 'secret' }, 'There is no option postgres.uri: write postgres.url.'],
    ['postgres', { sweepinterval: 1 }, 'There is no option postgres.sweepinterval: write postgres.sweepInterval.'],
    [
      'postgres',
      { connectionStrng: 'secret' },
      'There is no option postgres.connectionStrng: write postgres.connectionString.',
    ],
    ['mongo', { uri: 'mongodb://secret' }, 'There is no option mongo.uri: write mongo.url.'],
    ['mongo', { colection: 'c' }, 'There is no option mongo.colection: write mongo.collection.'],
    ['datastore', { projectID: 'p' }, 'There is no option datastore.projectID: write datastore.projectId.'],
    ['datastore', { kinds: 'k' }, 'There is no option datastore.kinds: write datastore.kind.'],
    ['redis', { client: {}, url: 'secret' }, 'redis.url does nothing beside redis.client: leave out one of them.'],
    [
      'memcached',
      { client: {}, servers: 'h' },
      'memcached.servers does nothing beside memcached.client: leave out one of them.',
    ],
    [
      'postgres',
      { client: { query }, unloged: true },
      'postgres.unloged does nothing beside postgres.client: write only schema, table, unlogged, migrate, sweepInterval there, or leave out client.',
    ],
    [
      'mongo',
      { client: {}, colection: 'c' },
      'mongo.colection does nothing beside mongo.client: write only database, collection there, or leave out client.',
    ],
    [
      'datastore',
      { client: {}, projectId: 'secret' },
      'datastore.projectId does nothing beside datastore.client: write only kind, namespace there, or leave out client.',
    ],
  ])('of %s refuse %j, and quote no value', async (store, connection, message) => {
    const error = await refusal(store, connection);
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect((error as Error).message).toBe(message);
    expect(message).not.toContain('secret');
  });

  it.each<[StoreName, readonly string[], string, object]>([
    ['redis', ["import('ioredis').RedisOptions", "import('ioredis-5').RedisOptions"], 'sentinels', { url: 'no URL' }],
    ['memcached', ["import('memcached').options"], 'failures', { servers: '' }],
    ['postgres', ["import('pg').PoolConfig"], 'connectionString', { url: 'no URL' }],
    [
      'mongo',
      ["import('mongodb').MongoClientOptions", "import('mongodb-6').MongoClientOptions"],
      'replicaSet',
      { url: 'no URL' },
    ],
    ['datastore', ["import('@google-cloud/datastore').DatastoreOptions"], 'keyFilename', { namespace: '/' }],
  ])('of %s may be any of its driver, and none is taken for misspelt', async (store, types, known, wrong) => {
    const names = types.flatMap(propertiesOf);
    expect(names).toContain(known);
    // What is refused is the wrong value, which is looked at after the spelling.
    const options = { ...Object.fromEntries(names.map((name) => [name, undefined])), ...wrong };
    const [of] = Object.keys(wrong);
    expect(((await refusal(store, options)) as Error).message).toMatch(
      new RegExp(`^${store}\\.${of}(?:: write| has) `),
    );
  });

  it('of memcached and postgres may be what the driver knows besides its types', async () => {
    const memcached = { ...Memcached.config, servers: '' };
    expect(((await refusal('memcached', memcached)) as Error).message).toMatch(/^memcached\.servers: write/);
    const postgres = { ...defaults, url: 'no URL' };
    expect(((await refusal('postgres', postgres)) as Error).message).toMatch(/^postgres\.url: write/);
  });

  it('are the same for a store that a program makes', async () => {
    const client = { query };
    const calls: (() => unknown)[] = [
      () => new MemoryStore({ snapshott: '/p' } as never),
      () => FileStore.connect({ directory: folder, fsnyc: true } as never),
      () => RedisStore.connect({ ulr: 'u' }),
      () => RedisBus.connect({ ulr: 'u' }),
      () => MemcachedStore.connect({ server: 'h' }),
      () => PostgresStore.connect({ tabel: 't' }),
      () => new PostgresStore(client, { tabel: 't' } as never),
      () => PostgresStore.schema({ tabel: 't' } as never),
      () => MongoStore.connect({ colection: 'c' }),
      () => new MongoStore({} as never, { colection: 'c' } as never),
      () => DatastoreStore.connect({ kinds: 'k' }),
      () => new DatastoreStore({} as never, { kinds: 'k' } as never),
    ];
    for (const call of calls) {
      await expect((async () => call())()).rejects.toThrow(SessionConfigurationError);
      await expect((async () => call())()).rejects.toThrow(
        /^There is no option \w+\.(?:snapshott|fsnyc|ulr|server|tabel|colection|kinds): write /,
      );
    }
  });

  it('that MongoDB alone would know are refused by its driver', async () => {
    const error = (await refusal('mongo', { url: 'mongodb://127.0.0.1', maxPoolSiez: 1 })) as Error;
    expect(error.message).toContain('the driver refused its URL or options');
    expect(String(error.cause)).toContain('maxpoolsiez');
  });
});
