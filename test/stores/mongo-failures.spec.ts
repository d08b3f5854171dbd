import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';

import { MongoClient, type MongoClientOptions } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import type { SessionStore } from '../../lib/stores/session-store.js';
import { MongoStore, type MongoConnectOptions } from '../../lib/stores/mongo/mongo.store.js';
import { closedTwice } from '../fixtures/child-program.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { TestEngine } from '../fixtures/engine.js';
import { eventually } from '../fixtures/eventually.js';
import { startFakeMongo } from '../fixtures/mongo-server.mjs';
import { SpyStore } from '../fixtures/spy-store.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

// On fake-mongod.mjs throughout, which can be told how to fail, and is empty after a restart.

const leftovers: (() => Promise<unknown>)[] = [];

/** For the tests that do not stop it. */
let shared: ChildServer;
let admin: MongoClient;
let key: string;

beforeAll(async () => {
  shared = await startFakeMongo();
  admin = new MongoClient(urlOf(shared.port));
});

beforeEach(() => {
  key = randomUUID();
});

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
  await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
});

afterAll(async () => {
  await admin.close();
  await shared.stop();
});

async function mongo(): Promise<ChildServer> {
  const server = await startFakeMongo();
  leftovers.push(() => server.stop());
  return server;
}

async function proxyTo(server: ChildServer): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(server.port);
  leftovers.push(() => proxy.stop());
  return proxy;
}

/** Straight to one address: a replica set names the addresses of its members itself, past the proxy. */
const urlOf = (port: number): string => `mongodb://127.0.0.1:${port}/test?directConnection=true`;

async function connect(port: number, options: MongoConnectOptions = {}): Promise<MongoStore> {
  const store = await MongoStore.connect({ url: urlOf(port), ...options });
  leftovers.push(() => store.close());
  return store;
}

/** A client as its owner would make it, with the driver's defaults. */
function ownClient(Driver: typeof MongoClient, port: number, options: MongoClientOptions = {}): MongoClient {
  const client = new Driver(urlOf(port), options);
  leftovers.push(() => client.close());
  return client;
}

const drivers = [
  ['driver 7', MongoClient],
  ['driver 6', MongoClient6 as unknown as typeof MongoClient],
] as const;

const clients: [string, (port: number) => Promise<SessionStore>][] = [
  ['a client of its own', (port) => connect(port)],
  ...drivers.map(([name, Driver]): [string, (port: number) => Promise<SessionStore>] => [
    `your client of ${name}`,
    async (port) => new MongoStore(ownClient(Driver, port)),
  ]),
];

const verbs: Record<string, (store: SessionStore) => Promise<unknown>> = {
  get: (store) => store.get(key),
  set: (store) => store.set(key, 'value', 60),
  delete: (store) => store.delete(key),
  read: (store) => store.read(key),
  create: (store) => store.create(key, 'value', 60),
  replace: (store) => store.replace(key, 'value', 60, 'before'),
};
const writes = Object.keys(verbs).filter((verb) => verb !== 'get' && verb !== 'read');

/** Tells the shared server to fail, as a real one started with enableTestCommands can be told. */
async function fail(data: object, times = 1): Promise<void> {
  await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times }, data });
}

/** The commands of these names that the shared server has got. */
async function sent(...names: string[]): Promise<Record<string, unknown>[]> {
  return (await admin.db('admin').command({ sentCommands: 1, names })).commands;
}

const WRITE_COMMANDS = ['update', 'delete'];

describe('A MongoDB that hangs', () => {
  it.each(clients)(
    'is an error of every method, and answers again as soon as it goes on, with %s',
    async (_name, make) => {
      const server = await mongo();
      const store = await make(server.port);
      await eventually(() => store.set(key, 'before'));
      await server.pause();
      for (const outcome of await Promise.allSettled(Object.values(verbs).map((verb) => verb(store)))) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(SessionStoreError) });
        expect(outcome).toMatchObject({ reason: { isRefusal: false } });
      }
      server.resume();
      await eventually(() => store.get(key));
    },
  );

  it('is asked once for a logout where it hangs', async () => {
    const server = await mongo();
    const store = new SpyStore(await connect(server.port));
    const engine = new TestEngine(store);
    const open = await engine.open(await eventually(() => engine.stored({ user: 'ada' })));
    store.taken();
    await server.pause();
    await expect(open.live.destroy()).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: false });
    server.resume();
    expect(store.taken()).toBe('set');
  });

  it('lets close end', async () => {
    const server = await mongo();
    const store = await connect(server.port);
    await eventually(() => store.set(key, 'value'));
    await server.pause();
    await store.close();
  });
});

describe('Connections that went silent', () => {
  it.each(clients)('leave the pool, with %s', async (_name, make) => {
    const proxy = await proxyTo(await mongo());
    const store = await make(proxy.port);
    await eventually(() => store.set(key, 'value'));
    await Promise.all([store.get(key), store.get(key)]);
    proxy.freeze();
    await expect(store.get(key)).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.get(key))).toBe('value');
  });

  it('leave a pool of one', async () => {
    const proxy = await proxyTo(await mongo());
    const store = await connect(proxy.port, { maxPoolSize: 1 });
    await eventually(() => store.set(key, 'value'));
    proxy.freeze();
    const late = await Promise.allSettled(Array.from({ length: 5 }, () => store.get(key)));
    expect(new Set(late.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(await eventually(() => store.get(key))).toBe('value');
  });
});

describe('A MongoDB that is down', () => {
  it.each(clients)(
    'does not keep an application from starting, and is used once it is there, with %s',
    async (_name, make) => {
      const server = await mongo();
      await server.stop();
      const store = await make(server.port);
      await Promise.all(Object.values(verbs).map((verb) => expect(verb(store)).rejects.toThrow(SessionStoreError)));
      await server.restart();
      await eventually(() => store.set(key, 'value'));
      expect(await store.get(key)).toBe('value');
    },
  );

  it('is used again after a restart', async () => {
    const server = await mongo();
    const store = await connect(server.port);
    await eventually(() => store.set(key, 'value'));
    await server.stop();
    await expect(store.get(key)).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set(key, 'again'));
    expect(await store.get(key)).toBe('again');
  });

  it('is an error that keeps the reason of the driver', async () => {
    const store = await connect(await freePort());
    const error = await store.get(key).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SESSION_STORE', statusCode: 503, isRefusal: false });
    expect(String((error as Error).cause)).toContain('ECONNREFUSED');
  });

  it('lets the process end after close', async () => {
    const result = await closedTwice(
      { path: '~/lib/stores/mongo/mongo.store.ts', name: 'MongoStore' },
      { url: urlOf(await freePort()) },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'SESSION_STORE\nclosed\n', stderr: '' });
  });
});

describe('A client of yours that is closed', () => {
  it.each(drivers)('stays closed: %s', async (_name, Driver) => {
    const server = await mongo();
    const client = ownClient(Driver, server.port);
    const store = new MongoStore(client);
    await store.set(key, 'value');
    await Promise.allSettled([...Array.from({ length: 5 }, () => store.get(key)), client.close()]);
    for (let count = 0; count < 3; count++) await expect(store.get(key)).rejects.toThrow(SessionStoreError);
    await expect(client.db().command({ ping: 1 })).rejects.toThrow();
  });

  it.each(drivers)('stays closed, also where it never had a connection: %s', async (_name, Driver) => {
    const server = await mongo();
    await server.stop();
    const client = ownClient(Driver, server.port, { serverSelectionTimeoutMS: 100 });
    const store = new MongoStore(client);
    for (let count = 0; count < 3; count++) await expect(store.get(key)).rejects.toThrow(SessionStoreError);
    await client.close();
    await server.restart();
    for (let count = 0; count < 3; count++) await expect(store.get(key)).rejects.toThrow(SessionStoreError);
    await expect(client.db().command({ ping: 1 })).rejects.toThrow();
  });
});

describe.each(clients)('A reply of MongoDB that gets lost, with %s,', (_name, make) => {
  it.each([
    ['set', (store: SessionStore) => store.set(key, 'a text of ours', 60), undefined],
    [
      'replace',
      async (store: SessionStore) => store.replace(key, 'a text of ours', 60, (await store.read(key))?.version),
      'replaced',
    ],
    ['create', (store: SessionStore) => store.create(`${key}:new`, 'a text of ours', 60), true],
  ])('does not keep %s from its certain answer: the server knows the second attempt', async (_verb, write, answer) => {
    const proxy = await proxyTo(shared);
    const store = await make(proxy.port);
    await eventually(() => store.set(key, 'before', 60));
    proxy.loseReplyTo('a text of ours');
    expect(await write(store)).toBe(answer);
    expect(proxy.timesSent('a text of ours')).toBe(2);
    const commands = await sent('update');
    const [first, second] = commands.slice(-2);
    expect(second).toMatchObject({ lsid: first?.lsid, txnNumber: first?.txnNumber });
  });

  it('does not make a delete say that there was nothing', async () => {
    const proxy = await proxyTo(shared);
    const store = await make(proxy.port);
    await eventually(() => store.set(key, 'before', 60));
    proxy.loseReplyTo('deletes');
    expect(await store.delete(key)).toBe(true);
    expect(await store.delete(key)).toBe(false);
  });

  it.each(writes)('does not make a refusal of the second attempt at %s one of the first', async (verb) => {
    const proxy = await proxyTo(shared);
    const store = await make(proxy.port);
    await eventually(() => store.set(key, 'before', 60));
    const name = verb === 'delete' ? 'deletes' : 'updates';
    proxy.loseReplyTo(name, () => fail({ failCommands: WRITE_COMMANDS, errorCode: 13 }));
    await expect(verbs[verb]!(store)).rejects.toMatchObject({ isRefusal: false, cause: { code: 13 } });
    await fail({ failCommands: WRITE_COMMANDS, errorCode: 13 });
    await expect(verbs[verb]!(store)).rejects.toMatchObject({ isRefusal: true, cause: { code: 13 } });
  });

  it('makes no update count twice', async () => {
    const proxy = await proxyTo(shared);
    const engine = new TestEngine(await make(proxy.port));
    const id = await eventually(() => engine.stored({ n: 1 }));
    const open = await engine.open(id);
    proxy.loseReplyTo('updates');
    await open.live.update((data) => void (data.n = Number(data.n) + 1));
    expect(await engine.seen(id)).toEqual({ n: 2 });
  });
});

describe('A client that sends no write twice', () => {
  it.each(writes)('makes a lost reply to %s an error', async (verb) => {
    const proxy = await proxyTo(shared);
    const store = await connect(proxy.port, { retryWrites: false });
    await eventually(() => store.set(key, 'value', 60));
    proxy.loseReplyTo(verb === 'delete' ? 'deletes' : 'updates');
    await expect(verbs[verb]!(store)).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: false });
  });
});

describe('An error of MongoDB', () => {
  it.each(writes)('to %s is a refusal where the server changed nothing', async (verb) => {
    const store = await connect(shared.port);
    await eventually(() => store.set(key, 'value', 60));
    await fail({ failCommands: WRITE_COMMANDS, errorCode: 13 });
    await expect(verbs[verb]!(store)).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: true });
  });

  it.each([
    ['InterruptedAtShutdown', { errorCode: 11_600 }],
    ['InterruptedDueToReplStateChange', { errorCode: 11_602, errorLabels: ['RetryableWriteError'] }],
    ['NotWritablePrimary', { errorCode: 10_107, errorLabels: ['RetryableWriteError'] }],
    ['MaxTimeMSExpired', { errorCode: 50 }],
    ['HostUnreachable of a mongos', { errorCode: 6 }],
    ['WriteConcernTimeout', { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } }],
    ['UnsatisfiableWriteConcern', { writeConcernError: { code: 100, errmsg: 'Not enough data-bearing nodes' } }],
  ])('is none where the write may have been carried out: %s', async (_name, failure) => {
    const store = await connect(shared.port);
    await eventually(() => store.set(key, 'value', 60));
    await fail({ failCommands: WRITE_COMMANDS, ...failure }, 5);
    await expect(store.set(key, 'after', 60)).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: false });
  });

  it('lets a logout delete what it cannot mark', async () => {
    const engine = new TestEngine(await connect(shared.port));
    const id = await eventually(() => engine.stored({ user: 'ada' }));
    const open = await engine.open(id);
    await fail({ failCommands: ['update'], errorCode: 8000 });
    await open.live.destroy();
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('shows neither key nor value, however it is printed', async () => {
    const store = await connect(shared.port);
    await eventually(() => store.set(key, 'value'));
    await fail({ failCommands: [...WRITE_COMMANDS, 'find'], errorCode: 13 }, 4);
    const outcomes = await Promise.allSettled([
      store.set('a-secret-key', 'a-secret-value', 60),
      store.create('a-secret-key', 'a-secret-value', 60),
      store.delete('a-secret-key'),
      store.get('a-secret-key'),
    ]);
    for (const outcome of outcomes) {
      const { reason } = outcome as PromiseRejectedResult;
      expect((reason as Error).cause).toMatchObject({ code: 13, codeName: 'Code13' });
      expect(inspect([reason, (reason as Error).cause], { depth: 9, showHidden: true })).not.toContain('a-secret');
    }
  });
});
