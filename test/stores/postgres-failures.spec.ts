import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { Client, Pool } from 'pg';
import { DataSource } from 'typeorm';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import {
  PostgresStore,
  type PostgresClient,
  type PostgresStoreOptions,
} from '../../lib/stores/postgres/postgres.store.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { ChildProgram, closedTwice, runProgram } from '../fixtures/child-program.js';
import { eventually } from '../fixtures/eventually.js';
import { startPostgres } from '../fixtures/postgres-server.mjs';
import { prismaClient } from '../fixtures/prisma-client.mjs';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

const portOf = (url: string): number => Number(new URL(url).port);
const urlOf = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`;
const newKey = (): string => `postgres-failures:${randomUUID()}`;

async function postgres(...args: string[]): Promise<ChildServer> {
  const server = await startPostgres(...args);
  leftovers.push(() => server.stop());
  return server;
}

/** To the server that all test files share. */
async function proxy(port = portOf(inject('postgresUrl'))): Promise<TcpProxy> {
  const started = await TcpProxy.start(port);
  leftovers.push(() => started.stop());
  return started;
}

async function connect(port: number, options: PostgresStoreOptions = {}): Promise<PostgresStore> {
  const store = await PostgresStore.connect({ url: urlOf(port), ...options });
  leftovers.push(() => store.close());
  return store;
}

function poolTo(port = portOf(inject('postgresUrl'))): Pool {
  const pool = new Pool({ connectionString: urlOf(port) });
  pool.on('error', () => {});
  leftovers.push(() => pool.end());
  return pool;
}

/** Another program, on a connection of its own. */
async function other(port = portOf(inject('postgresUrl'))): Promise<Client> {
  const client = new Client(urlOf(port));
  client.on('error', () => {});
  await client.connect();
  leftovers.push(() => client.end());
  return client;
}

/** An empty schema for a table of our own. */
async function newSchema(client: Client | Pool): Promise<string> {
  const schema = `s_${randomUUID().replaceAll('-', '')}`;
  await client.query(`CREATE SCHEMA ${schema}`);
  return schema;
}

/** Until a connection of this application's name waits for a lock; returns its process. */
async function waiting(client: Client, name: string): Promise<number> {
  return eventually(async () => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
      [name],
    );
    return rows[0]!.pid;
  });
}

const verbs: Record<string, (store: PostgresStore) => Promise<unknown>> = {
  get: (store) => store.get('key'),
  set: (store) => store.set('key', 'value', 60),
  delete: (store) => store.delete('key'),
  read: (store) => store.read('key'),
  create: (store) => store.create('key', 'value', 60),
  replace: (store) => store.replace('key', 'value', 60, '1'),
};

const UNCERTAIN = { code: 'SESSION_STORE', isRefusal: false };
const REFUSED = { code: 'SESSION_STORE', isRefusal: true };

describe('A PostgreSQL that hangs', () => {
  it('is an error of every verb, and answers again by new connections', async () => {
    const between = await proxy();
    const store = await connect(between.port, { max: 3 });
    const key = newKey();
    // All connections of the pool.
    await Promise.all([store.set(key, 'before'), store.get(key), store.get(key)]);
    between.freeze();
    for (const outcome of await Promise.allSettled(Object.values(verbs).map((verb) => verb(store)))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(SessionStoreError) });
    }
    expect(await eventually(() => store.get(key))).toBe('before');
    await store.set(key, 'after');
  });

  it('loses one command when connections went silent that nothing used', async () => {
    const between = await proxy();
    const store = await connect(between.port);
    const key = newKey();
    await Promise.all(Array.from({ length: 10 }, () => store.set(key, 'value')));
    between.freeze();
    await expect(store.get(key)).rejects.toThrow(/^PostgreSQL did not answer within 1000 ms: check that/);
    expect(await store.get(key)).toBe('value');
  });

  it('is an error with a Pool of yours too, which would wait for ever', async () => {
    const between = await proxy();
    const pool = poolTo(between.port);
    const store = new PostgresStore(pool);
    await store.get('key');
    between.freeze();
    await expect(store.get('key')).rejects.toThrow('did not answer within 1000 ms');
    await between.stop();
  });

  it('lets close end', async () => {
    const between = await proxy();
    const store = await connect(between.port);
    await store.set(newKey(), 'value', 60);
    between.freeze();
    await store.close();
  });

  it('lets the process end after close, whatever connections it has dropped', async () => {
    const between = await proxy();
    const key = newKey();
    const running = runProgram(
      `
      import { PostgresStore } from '~/lib/stores/postgres/postgres.store.ts';
      const store = await PostgresStore.connect({ url: '${urlOf(between.port)}', max: 3 });
      await Promise.all([1, 2, 3].map((n) => store.set('${key}' + n, 'value', 60)));
      await store.set('${key}', 'ready', 60);
      for (let hangs = false; !hangs; ) hangs = await store.get('${key}').then(() => false, () => true);
      await store.close();
    `,
      { drivers: 'installed' },
    );
    const store = await connect(portOf(inject('postgresUrl')));
    await eventually(async () => expect(await store.get(key)).toBe('ready'));
    between.freeze();
    expect(await running).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('is an error where it takes connections and says nothing', async () => {
    const server = await postgres();
    await server.pause();
    const store = await connect(server.port);
    await expect(store.get('key')).rejects.toThrow('did not answer within 1000 ms');
    server.resume();
    await eventually(() => store.get('key'));
  });
});

describe('A PostgreSQL that is down', () => {
  it('does not keep an application from starting, and is used once it is there, whatever it has forgotten', async () => {
    const server = await postgres();
    await server.stop();
    const store = await connect(server.port);
    for (const verb of Object.values(verbs)) {
      const error = await verb(store).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ ...UNCERTAIN, statusCode: 503, cause: { code: 'ECONNREFUSED' } });
    }
    for (const value of ['first', 'second']) {
      await server.restart();
      await eventually(() => store.set('key', value));
      expect(await store.get('key')).toBe(value);
    }
  });

  it('refuses nothing while it starts or ends', async () => {
    const query = (): Promise<never> => Promise.reject(Object.assign(new Error('starting up'), { code: '57P03' }));
    await expect(new PostgresStore({ query }).set('key', 'value')).rejects.toMatchObject(UNCERTAIN);
  });

  it('lets the process end after close', async () => {
    const result = await closedTwice(
      { path: '~/lib/stores/postgres/postgres.store.ts', name: 'PostgresStore' },
      { url: `postgres://127.0.0.1:${await freePort()}` },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'SESSION_STORE\nclosed\n', stderr: '' });
  });
});

describe('A connection that breaks', () => {
  it('while nothing uses it is no error', async () => {
    const store = await connect(portOf(inject('postgresUrl')), { application_name: 'idle-breaks' });
    const key = newKey();
    await store.set(key, 'value', 60);
    const client = await other();
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle-breaks'`);
    await eventually(async () => expect(await store.get(key)).toBe('value'));
  });

  it('under a write is an error, and the write is not sent again', async () => {
    const store = await connect(portOf(inject('postgresUrl')), { application_name: 'write-breaks' });
    const key = newKey();
    await store.create(key, 'before', 60);
    const version = (await store.read(key))?.version;
    const client = await other();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM nest_session WHERE key = $1 FOR UPDATE', [key]);
    const replaced = store.replace(key, 'after', 60, version);
    const outcome = replaced.catch((error: unknown) => error);
    await client.query('SELECT pg_terminate_backend($1)', [await waiting(client, 'write-breaks')]);
    expect(await outcome).toMatchObject(UNCERTAIN);
    await client.query('COMMIT');
    expect(await store.read(key)).toEqual({ value: 'before', version });
  });

  it('under a read costs no more than the time to send it again', async () => {
    const store = await connect(portOf(inject('postgresUrl')), { application_name: 'read-breaks' });
    const client = await other();
    const schema = await newSchema(client);
    const own = await connect(portOf(inject('postgresUrl')), { application_name: 'read-breaks', schema });
    await own.set('key', 'value');
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${schema}.nest_session`);
    const read = own.get('key');
    await client.query('SELECT pg_terminate_backend($1)', [await waiting(client, 'read-breaks')]);
    await client.query('COMMIT');
    expect(await read).toBe('value');
    await store.close();
  });
});

describe('A reply that gets lost', () => {
  const writes: Record<string, (store: PostgresStore, key: string, version: unknown) => Promise<unknown>> = {
    'INSERT INTO': (store, key) => store.set(key, 'after', 60),
    UPDATE: (store, key, version) => store.replace(key, 'after', 60, version),
    DELETE: (store, key) => store.delete(key),
  };

  it.each(Object.entries(writes))('is an error of %s, which is sent once', async (text, write) => {
    const between = await proxy();
    const store = await connect(between.port, { sweepInterval: false });
    const key = newKey();
    await store.create(key, 'before', 60);
    const { version } = (await store.read(key))!;
    const sent = between.timesSent(text);
    between.loseReplyTo(text);
    await expect(write(store, key, version)).rejects.toMatchObject(UNCERTAIN);
    expect(between.timesSent(text)).toBe(sent + 1);
    expect((await store.read(key))?.value).toBe(text === 'DELETE' ? undefined : 'after');
  });

  it('is no error of a read', async () => {
    const between = await proxy();
    const store = await connect(between.port);
    const key = newKey();
    await store.set(key, 'value', 60);
    between.loseReplyTo('SELECT');
    expect(await store.get(key)).toBe('value');
  });
});

describe('A PostgreSQL that takes no writes', () => {
  it('refuses them, and the store finds the new primary behind the same address', async () => {
    const promoted = await postgres();
    const old = await postgres();
    const between = await proxy(old.port);
    const store = await connect(between.port);
    await Promise.all(Array.from({ length: 5 }, () => store.set('key', 'old')));
    const client = await other(old.port);
    await client.query('ALTER SYSTEM SET default_transaction_read_only = on');
    await client.query('SELECT pg_reload_conf()');
    between.pointTo(promoted.port);
    await eventually(() => expect(store.set('key', 'refused')).rejects.toMatchObject(REFUSED));
    await store.set('key', 'new');
    expect(await store.get('key')).toBe('new');
    const { rows } = await (await other(promoted.port)).query('SELECT count(*)::int AS count FROM nest_session');
    expect(rows).toEqual([{ count: 1 }]);
  });
});

describe('A pool that is in use', () => {
  it('is an error within the deadline, and works again when it is free', async () => {
    const store = await connect(portOf(inject('postgresUrl')), { max: 1, application_name: 'full-pool' });
    const key = newKey();
    await store.set(key, 'value', 60);
    const client = await other();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM nest_session WHERE key = $1 FOR UPDATE', [key]);
    const outcomes = await Promise.allSettled([store.set(key, 'blocked', 60), store.get(key)]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { ...UNCERTAIN, message: expect.stringContaining('did not answer') } });
    }
    await client.query('COMMIT');
    await eventually(() => store.get(key));
  });
});

describe('A missing table', () => {
  it('is made by the first command, and again when it was dropped', async () => {
    const client = await other();
    const schema = await newSchema(client);
    const store = new PostgresStore(poolTo(), { schema });
    for (const verb of Object.values(verbs)) {
      await client.query(`DROP TABLE IF EXISTS ${schema}.nest_session`);
      await verb(store);
    }
    const { rows } = await client.query<{ indexname: string }>(
      'SELECT indexname FROM pg_indexes WHERE schemaname = $1 ORDER BY 1',
      [schema],
    );
    expect(rows.map(({ indexname }) => indexname)).toEqual(['nest_session_pkey', 'nest_session_sweep']);
  });

  it('is an error that says what to run, without migrate', async () => {
    const client = await other();
    const schema = await newSchema(client);
    const options = { schema, migrate: false };
    const store = new PostgresStore(poolTo(), options);
    await expect(store.get('key')).rejects.toMatchObject({
      ...REFUSED,
      message: `PostgreSQL has no table "${schema}"."nest_session": run the SQL of PostgresStore.schema(options), or call migrate() with a role that may create tables.`,
    });
    await client.query(PostgresStore.schema(options));
    await client.query(PostgresStore.schema(options));
    await store.set('key', 'value');
    await store.migrate();
    expect(await store.get('key')).toBe('value');
  });

  it('is an error that says what to run, for a role that may not make it', async () => {
    const client = await other();
    const schema = await newSchema(client);
    const role = `r_${schema}`;
    await client.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const store = await connect(portOf(inject('postgresUrl')), { user: role, url: undefined, ...at(), schema });
    await expect(store.set('key', 'value')).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining('does not let this role make it: run the SQL of PostgresStore.schema(options)'),
      cause: { code: '42501' },
    });
    await client.query(PostgresStore.schema({ schema }));
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.nest_session TO ${role}`);
    await store.set('key', 'value');
    expect([await store.get('key'), await store.delete('key'), await store.sweep()]).toEqual(['value', true, 0]);
  });

  it('is made once by four processes that start at the same time', async () => {
    const schema = await newSchema(await other());
    const program = await ChildProgram.build(`
      import { PostgresStore } from '~/lib/stores/postgres/postgres.store.ts';
      const store = await PostgresStore.connect({ url: process.env.URL, schema: '${schema}' });
      const commands = Array.from({ length: 10 }, (_, at) => store.create('key' + at, 'value', 60));
      console.log((await Promise.all(commands)).filter(Boolean).length);
      await store.close();
    `);
    leftovers.push(() => program.remove());
    const results = await Promise.all([1, 2, 3, 4].map(() => program.run({ URL: inject('postgresUrl') })));
    expect(results.map(({ stderr }) => stderr).join('')).toBe('');
    expect(results.reduce((sum, { stdout }) => sum + Number(stdout), 0)).toBe(10);
  });
});

/** Where the shared server is, in the options of pg. */
function at(): { host: string; port: number; database: string } {
  return { host: '127.0.0.1', port: portOf(inject('postgresUrl')), database: 'postgres' };
}

describe('PostgresStore', () => {
  const hiding: readonly (readonly [string, () => Promise<PostgresClient> | PostgresClient])[] = [
    ['pg', () => poolTo()],
    [
      'Prisma',
      () => {
        const prisma = prismaClient(inject('postgresUrl'));
        leftovers.push(() => prisma.$disconnect());
        return { query: (sql, parameters) => prisma.$queryRawUnsafe(sql, ...parameters) };
      },
    ],
    [
      'TypeORM',
      async () => {
        const dataSource = await new DataSource({ type: 'postgres', url: inject('postgresUrl') }).initialize();
        leftovers.push(() => dataSource.destroy());
        return dataSource;
      },
    ],
  ];

  it.each(hiding)('shows neither key nor value in an error of %s, however it is printed', async (_name, make) => {
    const client = await other();
    const schema = await newSchema(client);
    const store = new PostgresStore(await make(), { schema });
    await store.migrate();
    await client.query(`ALTER TABLE ${schema}.nest_session ADD CHECK (octet_length(value) < 10 AND length(key) < 10)`);
    const writes = [
      store.set('a-secret-key', 'a-secret-value', 60),
      store.create('a-secret-key', 'a-secret-value', 60),
    ];
    for (const outcome of await Promise.allSettled(writes)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: REFUSED });
      const shown = inspect(outcome, { depth: 12, showHidden: true });
      expect(shown).toContain('23514');
      expect(shown).not.toContain('a-secret');
      expect(shown).not.toContain(Buffer.from('a-secret-value').toString('base64'));
    }
  });

  it('keeps every key apart, and shows those of sessions as they are', async () => {
    const client = await other();
    const schema = await newSchema(client);
    const store = new PostgresStore(poolTo(), { schema });
    const keys = [
      'session:AZaz09_-',
      'a\u0000b',
      'a\ud800',
      'a\ufffd',
      'a\udc00',
      '\\u0000',
      '\u0000',
      'é',
      'x'.repeat(2500),
    ];
    for (const key of keys) await store.set(key, key.slice(0, 20));
    expect(await Promise.all(keys.map((key) => store.create(key, 'again', 60)))).toEqual(keys.map(() => false));
    const { rows } = await client.query<{ key: string }>(`SELECT key FROM ${schema}.nest_session ORDER BY key`);
    expect(rows.slice(0, 3).map(({ key }) => key)).toEqual(['\\u0000', '\\u005cu0000', '\\u00e9']);
    expect(rows.map(({ key }) => key)).toContain('session:AZaz09_-');
    expect(rows).toHaveLength(keys.length);
    await expect(store.get('x'.repeat(2501))).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
  });

  it('takes the longest key, which does not compress', async () => {
    const store = new PostgresStore(poolTo());
    const key = Array.from({ length: 70 }, () => randomUUID())
      .join('')
      .slice(0, 2500);
    expect(key).toHaveLength(2500);
    expect(await store.create(key, 'value', 60)).toBe(true);
    expect(await store.get(key)).toBe('value');
  });

  it('takes a megabyte, a lifetime of ages, and half of a surrogate pair as Redis does', async () => {
    const store = new PostgresStore(poolTo());
    const key = newKey();
    const large = 'é\u0000'.repeat(400_000);
    await store.set(key, large, Number.MAX_SAFE_INTEGER);
    expect((await store.get(key)) === large).toBe(true);
    await store.set(key, 'a\ud800b', 60);
    expect(await store.get(key)).toBe('a\ufffdb');
  });

  it('reads and replaces what another program wrote, even bytes that are no UTF-8', async () => {
    const store = new PostgresStore(poolTo());
    const key = newKey();
    await store.set(key, 'value');
    const client = await other();
    await client.query(`UPDATE nest_session SET value = '\\xff41' WHERE key = $1`, [key]);
    const stored = await store.read(key);
    expect(stored?.value).toBe('\ufffdA');
    expect(await store.replace(key, 'ours', 60, stored?.version)).toBe('replaced');
  });

  it('goes by the clock of the server in a transaction that stays open', async () => {
    const client = await other();
    const key = newKey();
    await client.query('BEGIN');
    const store = new PostgresStore({ query: (sql, parameters) => client.query(sql, parameters) });
    await store.set(key, 'value', 1);
    expect(await store.get(key)).toBe('value');
    await eventually(async () => expect(await store.get(key)).toBeUndefined());
    await client.query('COMMIT');
  });

  it('refuses a lifetime that is none, before it is sent', async () => {
    const store = await connect(await freePort());
    for (const ttl of [0, -1, 0.5, NaN]) {
      await expect(store.set('key', 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(store.create('key', 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(store.replace('key', 'value', ttl, '1')).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    }
  });

  it('leaves a Pool of yours open and as it was, when it is closed', async () => {
    const pool = poolTo();
    const listeners = (): unknown => pool.eventNames().map((event) => [event, pool.listenerCount(event)]);
    const before = listeners();
    const store = await PostgresStore.connect({ client: pool });
    await store.set(newKey(), 'value', 60);
    await Promise.all([store.close(), store.close()]);
    expect(listeners()).toEqual(before);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await expect(store.get('key')).rejects.toThrow('the store is closed');
  });

  it('waits at close for the answers under way, and takes no more commands', async () => {
    const store = await connect(portOf(inject('postgresUrl')));
    const saved = store.set(newKey(), 'value', 60);
    await Promise.all([store.close(), saved]);
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
  });

  it.each(['localhost:5432', 'http://localhost', 'mysql://:pass word@', '', 5432, 'postgres://a:pass word@b:c/d'])(
    'refuses the URL %s, and does not repeat it',
    async (url) => {
      const error = await PostgresStore.connect({ url: url as string }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SESSION_CONFIGURATION' });
      expect(inspect(error, { showHidden: true, depth: 5 })).not.toMatch(/pass.{1,3}word/);
    },
  );

  it.each([
    { table: 'a"b' },
    { table: '' },
    { table: 'x'.repeat(58) },
    { schema: 'a.b' },
    { schema: '1a' },
    { unlogged: 'yes' },
    { migrate: 1 },
    { sweepInterval: '30' },
    { sweepInterval: 0 },
  ])('refuses %o', async (options) => {
    const wrong = options as PostgresStoreOptions;
    await expect(PostgresStore.connect(wrong)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    expect(() => new PostgresStore(poolTo(), wrong)).toThrow(/^postgres\./);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /has no query: pass a Pool of pg, an object with query/],
    ['a Client', () => new Client(), /is one connection, which would not come back after a break: pass a Pool of pg/],
    [
      'Prisma',
      () => prismaClient(inject('postgresUrl')),
      /pass \{ query: .*prisma\.\$queryRawUnsafe\(sql, \.\.\.parameters\)/,
    ],
    ['Drizzle', () => ({ $client: {}, query: {} }), /pass its db\.\$client/],
    ['Kysely', () => ({ executeQuery: () => {} }), /CompiledQuery\.raw\(sql, parameters\)/],
    ['MikroORM', () => ({ getConnection: () => {} }), /orm\.em\.getConnection\(\)\.getClient\(\)/],
  ])('says what to pass instead of %s', (_name, make, message) => {
    expect(() => new PostgresStore(make() as PostgresClient)).toThrow(message);
  });

  it.each(['url', 'max', 'tabel', 'password'])('refuses %s beside a client, and does not repeat it', async (name) => {
    const options = { client: poolTo(), schema: 'public', [name]: 'pass word' };
    await expect(PostgresStore.connect(options)).rejects.toThrow(
      `postgres.${name} does nothing beside postgres.client`,
    );
    await expect(PostgresStore.connect(options)).rejects.not.toThrow('pass word');
    const store = await PostgresStore.connect({ client: poolTo(), url: undefined, sweepInterval: false });
    await store.close();
  });

  it.each([undefined, null, 'text', '', 7, {}, '99999999999999999999', '9223372036854775808', '1.5'])(
    'takes the version %o, which is not of this store, for one that no record has',
    async (version) => {
      const store = await connect(portOf(inject('postgresUrl')));
      const key = newKey();
      expect(await store.replace(key, 'new', 60, version)).toBe('missing');
      await store.set(key, 'old', 60);
      expect(await store.replace(key, 'new', 60, version)).toBe('conflict');
      expect(await store.get(key)).toBe('old');
    },
  );

  it('refuses a client in the place of options', async () => {
    const pool = poolTo();
    const options = pool as unknown as PostgresStoreOptions;
    await expect(PostgresStore.connect(options)).rejects.toThrow('postgres is a client: write { client }');
  });

  it('sends a statement again that was given up in favour of another one, until the deadline', async () => {
    const conflict = (): Promise<never> => Promise.reject(Object.assign(new Error('conflict'), { code: '40001' }));
    let count = 0;
    const once = new PostgresStore({ query: async () => (count++ === 0 ? conflict() : [{ outcome: 'created' }]) });
    expect(await once.create('key', 'value', 60)).toBe(true);
    await expect(new PostgresStore({ query: conflict }).set('key', 'value')).rejects.toThrow('did not answer within');
  });

  it('says what a query has to return', async () => {
    const store = new PostgresStore({ query: async () => 1 });
    await expect(store.get('key')).rejects.toMatchObject({
      code: 'SESSION_CONFIGURATION',
      message: expect.stringContaining('return its array of rows, or { rows }'),
    });
  });

  it('says what to install when there is no driver', async () => {
    const program = `
      import { PostgresStore } from '~/lib/stores/postgres/postgres.store.ts';
      await PostgresStore.connect({}).catch((error) => console.log(error.code, error.message));
    `;
    const { stdout } = await runProgram(program, { drivers: 'missing' });
    expect(stdout).toMatch(/^SESSION_CONFIGURATION .*npm i pg\n$/);
  });
});
