import { inspect } from 'node:util';
import { Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import { createClient as createClient5 } from 'redis-5';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import { RedisStore, type NodeRedisClient, type RedisConnectOptions } from '../../lib/stores/redis/redis.store.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { closedTwice, runProgram } from '../fixtures/child-program.js';
import { TestEngine } from '../fixtures/engine.js';
import { eventually } from '../fixtures/eventually.js';
import { MASTER_NAME, startWatchedRedis } from '../fixtures/redis-sentinel.mjs';
import { startRedis } from '../fixtures/servers.mjs';
import { SpyStore } from '../fixtures/spy-store.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => Promise<unknown>)[] = [];

async function redis(...args: string[]): Promise<ChildServer> {
  const server = await startRedis(...args);
  leftovers.push(() => server.stop());
  return server;
}

async function proxyTo(server: ChildServer): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(server.port);
  leftovers.push(() => proxy.stop());
  return proxy;
}

async function connect(port: number, options: RedisConnectOptions = {}): Promise<RedisStore> {
  const store = await RedisStore.connect({ url: `redis://127.0.0.1:${port}`, ...options });
  leftovers.push(() => store.close());
  return store;
}

/** A client as its owner would make it, with the driver's defaults. */
function ownClient(make: new (port: number) => Redis | Redis5, port: number): Redis | Redis5 {
  const client = new make(port);
  client.on('error', () => {});
  leftovers.push(async () => client.disconnect());
  return client;
}

/** A store on a client of node-redis, with the driver's defaults. Does not wait for Redis. */
function ofNodeRedis(client: NodeRedisClient & { destroy(): unknown }): RedisStore {
  const store = new RedisStore(client);
  void client.connect().catch(() => {});
  leftovers.push(async () => client.destroy());
  return store;
}

const nodeRedis: [string, (port: number) => RedisStore][] = [
  ['your node-redis 6', (port) => ofNodeRedis(createClient({ socket: { host: '127.0.0.1', port } }))],
  ['your node-redis 5', (port) => ofNodeRedis(createClient5({ socket: { host: '127.0.0.1', port } }))],
  ['your pool of node-redis 6', (port) => ofNodeRedis(createClientPool({ socket: { host: '127.0.0.1', port } }))],
];

/** How many listen to each event. */
function listenersOf(client: {
  eventNames(): (string | symbol)[];
  listenerCount(event: string | symbol): number;
}): object {
  return Object.fromEntries(client.eventNames().map((event) => [event, client.listenerCount(event)]));
}

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

const drivers = [
  ['ioredis 6', Redis],
  ['ioredis 5', Redis5 as unknown as typeof Redis],
] as const;

const verbs: Record<string, (store: RedisStore) => Promise<unknown>> = {
  get: (store) => store.get('key'),
  set: (store) => store.set('key', 'value', 60),
  delete: (store) => store.delete('key'),
  read: (store) => store.read('key'),
  create: (store) => store.create('key', 'value', 60),
  replace: (store) => store.replace('key', 'value', 60, 'before'),
};

describe('A Redis that hangs', () => {
  it('is an error of every verb, and answers again as soon as it goes on', async () => {
    const server = await redis();
    const store = await connect(server.port);
    await store.set('key', 'before');
    await server.pause();
    for (const outcome of await Promise.allSettled(Object.values(verbs).map((verb) => verb(store)))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(SessionStoreError) });
    }
    server.resume();
    await eventually(() => store.get('key'));
  });

  it.each<[string, (port: number) => RedisStore]>([
    ['your ioredis 6', (port) => new RedisStore(ownClient(Redis, port))],
    ['your ioredis 5', (port) => new RedisStore(ownClient(Redis5, port))],
    ...nodeRedis,
  ])('is an error with a client of yours too, which would wait longer or for ever: %s', async (_name, makeStore) => {
    const server = await redis();
    const store = makeStore(server.port);
    await eventually(() => store.set('key', 'value'));
    await server.pause();
    await expect(store.get('key')).rejects.toThrow(/^Redis did not answer within 1000 ms: check that/);
    server.resume();
    expect(await eventually(() => store.get('key'))).toBe('value');
  });

  it('lets close end', async () => {
    const server = await redis();
    const store = await connect(server.port);
    await store.set('key', 'value');
    await server.pause();
    await store.close();
  });
});

describe('A connection that went silent', () => {
  it('is replaced by another one', async () => {
    const proxy = await proxyTo(await redis());
    const store = await connect(proxy.port);
    await store.set('key', 'value');
    proxy.freeze();
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.get('key'))).toBe('value');
  });
});

describe('A read that got no answer in time', () => {
  it('is not sent again when its connection breaks later', async () => {
    const server = await redis();
    const proxy = await proxyTo(server);
    const store = await connect(proxy.port);
    await store.set('key', 'value');
    proxy.freeze();
    const reads = await Promise.allSettled([store.get('key'), store.read('key')]);
    expect(reads).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    // ioredis sends what waits in the order in which it came, so that a read sent again would be there before this.
    await eventually(() => store.set('key', 'after'));
    expect(await ownClient(Redis, server.port).info('commandstats')).not.toContain('cmdstat_get:');
  });
});

describe('A Redis that is down', () => {
  it('does not keep an application from starting, and is used once it is there', async () => {
    const server = await redis();
    await server.stop();
    const store = await connect(server.port);
    for (const verb of Object.values(verbs)) await expect(verb(store)).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set('key', 'value'));
    expect(await store.get('key')).toBe('value');
  });

  it('is used again after a restart, though it has forgotten the script', async () => {
    const server = await redis();
    const store = await connect(server.port);
    await store.create('key', 'first', 60);
    expect(await store.replace('key', 'second', 60, 'first')).toBe('replaced');
    await server.restart();
    await eventually(() => store.set('key', 'first'));
    expect(await store.replace('key', 'second', 60, 'first')).toBe('replaced');
  });

  it('is an error that keeps the error of the driver', async () => {
    const store = await connect(await freePort());
    const error = await store.get('key').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SESSION_STORE', statusCode: 503 });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  it('lets the process end after close', async () => {
    const result = await closedTwice(
      { path: '~/lib/stores/redis/redis.store.ts', name: 'RedisStore' },
      { url: `redis://127.0.0.1:${await freePort()}` },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'SESSION_STORE\nclosed\n', stderr: '' });
  });
});

describe('A failover behind one address', () => {
  it.each<[string, (port: number) => Promise<RedisStore> | RedisStore]>([
    ['a client of its own', (port) => connect(port)],
    ['your ioredis 6', (port) => new RedisStore(ownClient(Redis, port))],
    ['your ioredis 5', (port) => new RedisStore(ownClient(Redis5, port))],
    ...nodeRedis,
  ])('costs one write an error, and then the store has the new master, with %s', async (_name, makeStore) => {
    const old = await redis();
    const promoted = await redis();
    const proxy = await proxyTo(old);
    const store = await makeStore(proxy.port);
    await eventually(() => store.set('key', 'before', 60));
    expect(await store.replace('key', 'replaced', 60, 'before')).toBe('replaced');

    await ownClient(Redis, old.port).replicaof('127.0.0.1', promoted.port);
    proxy.pointTo(promoted.port);
    const refused = store.replace('key', 'refused', 60, 'replaced');
    await expect(refused).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: true });
    await eventually(() => store.set('key', 'before', 60));
    expect(await store.replace('key', 'after', 60, 'before')).toBe('replaced');
    expect(await ownClient(Redis, promoted.port).get('key')).toBe('after');
  });
});

describe('A failover that a sentinel tells of', () => {
  it('leads the store to the new master, which has yet to learn the script', async () => {
    const watched = await startWatchedRedis();
    leftovers.push(() => watched.stop());
    const sentinelRootNodes = [{ host: '127.0.0.1', port: watched.sentinel.port }];
    const store = ofNodeRedis(createSentinel({ name: MASTER_NAME, sentinelRootNodes }));
    await eventually(() => store.set('key', 'before', 60));
    expect(await store.replace('key', 'replaced', 60, 'before')).toBe('replaced');
    await watched.failOver();
    const promoted = ownClient(Redis, watched.servers[1]!.port);
    // Until it has heard of the change, the old master takes writes that will be lost.
    await eventually(async () => {
      await store.set('key', 'after', 60);
      expect(await promoted.get('key')).toBe('after');
    });
    expect(await store.replace('key', 'replaced', 60, 'after')).toBe('replaced');
    expect(await promoted.get('key')).toBe('replaced');
  });
});

describe('A client of node-redis', () => {
  const ports = (): { socket: { host: string; port: number } }[] =>
    inject('clusterNodes').map((port) => ({ socket: { host: '127.0.0.1', port } }));
  const clients: [string, () => NodeRedisClient & { destroy(): unknown }][] = [
    ['a client', () => createClient({ url: inject('redisUrl') })],
    ['one of version 5', () => createClient5({ url: inject('redisUrl') })],
    ['a pool', () => createClientPool({ url: inject('redisUrl') })],
    ['a cluster', () => createCluster({ rootNodes: ports() })],
    ['a sentinel', () => createSentinel({ name: MASTER_NAME, sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] })],
  ];

  it.each(clients)('that nobody has connected is an error that says so: %s', async (_name, makeClient) => {
    const store = new RedisStore(makeClient());
    for (const verb of Object.values(verbs)) {
      await expect(verb(store)).rejects.toMatchObject({
        code: 'SESSION_STORE',
        message: expect.stringContaining('the application has called `client.connect().catch(() => {})`'),
      });
    }
  });

  it('that was closed is an error that says so', async () => {
    const client = createClient({ url: inject('redisUrl') });
    const store = new RedisStore(client);
    await client.connect();
    await store.get('key');
    client.destroy();
    await expect(store.get('key')).rejects.toThrow('is not open');
  });

  it('that refuses to queue commands is an error while Redis is down, and answers once it is up', async () => {
    const server = await redis();
    await server.stop();
    const socket = { host: '127.0.0.1', port: server.port };
    const store = ofNodeRedis(createClient({ socket, disableOfflineQueue: true }));
    for (const verb of Object.values(verbs)) await expect(verb(store)).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set('key', 'value'));
    expect(await store.get('key')).toBe('value');
  });

  it.each(nodeRedis)('is not sent what the store gave up while Redis was down: %s', async (_name, makeStore) => {
    const server = await redis();
    await server.stop();
    const store = makeStore(server.port);
    await expect(store.set('key', 'given up')).rejects.toThrow(SessionStoreError);
    // Takes its second too; what waits longer than one and a half is taken back.
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set('another key', 'value'));
    expect(await store.get('key')).toBeUndefined();
  });

  it.each(nodeRedis)('that is slow is not said to have broken, after it broke before: %s', async (_name, makeStore) => {
    const server = await redis();
    const store = makeStore(server.port);
    await eventually(() => store.set('key', 'value'));
    await server.stop();
    await expect(store.set('key', 'value')).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set('key', 'value'));
    await server.pause();
    await expect(store.set('key', 'another')).rejects.toThrow(/^Redis did not answer within 1000 ms: check that/);
  });

  it('whose write is late while Redis is down is not said to have broken either, but why there is no connection', async () => {
    const server = await redis();
    await server.stop();
    const store = ofNodeRedis(createClient({ socket: { host: '127.0.0.1', port: server.port } }));
    await expect(store.set('key', 'value')).rejects.toThrow(/^Redis did not answer within 1000 ms \(ECONNREFUSED\)/);
  });

  it('may have no listener for its errors: the process goes on, and closing the store leaves it so', async () => {
    const server = await redis();
    const program = `
      import { createClient } from 'redis';
      import { RedisStore } from '~/lib/stores/redis/redis.store.ts';
      const client = createClient({ socket: { host: '127.0.0.1', port: ${server.port}, reconnectStrategy: () => 10 } });
      const store = new RedisStore(client);
      await client.connect();
      await store.set('key', 'value');
      const isBack = () => new Promise((resolve) => client.once('ready', resolve));
      const kill = () => client.sendCommand(['QUIT']);
      await Promise.all([isBack(), kill()]);
      console.log(await store.get('key'));
      await store.close();
      await Promise.all([isBack(), kill()]);
      console.log(await client.get('key'));
      await client.close();
    `;
    const result = await runProgram(program, { drivers: 'installed' });
    expect(result).toMatchObject({ code: 0, stdout: 'value\nvalue\n', stderr: '' });
  });

  it('shows neither key nor value in an error, however it is printed', async () => {
    const server = await redis('--maxmemory', '1', '--rename-command', 'DEL', '');
    const store = ofNodeRedis(createClient({ socket: { host: '127.0.0.1', port: server.port } }));
    await eventually(() => store.get('key'));
    const writes = [
      store.set('a-secret-key', 'a-secret-value', 60),
      store.create('a-secret-key', 'a-secret-value', 60),
      store.delete('a-secret-key'),
    ];
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes).toMatchObject([
      { reason: { isRefusal: true } },
      { reason: { isRefusal: true } },
      { reason: { isRefusal: true, cause: { message: "ERR unknown command 'DEL'" } } },
    ]);
    expect(inspect(outcomes, { depth: 9, showHidden: true })).not.toContain('a-secret');
  });

  it('uses its Lua script after SCRIPT FLUSH', async () => {
    const server = await redis();
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    const store = ofNodeRedis(client);
    await eventually(() => store.set('key', '0', 60));
    for (const [before, after] of [
      ['0', '1'],
      ['1', '2'],
    ] as const) {
      await client.scriptFlush();
      expect(await store.replace('key', after, 60, before)).toBe('replaced');
    }
  });
});

describe('A user of Redis that may do no more than the store needs', () => {
  it.each<[string, string, (port: number) => Promise<RedisStore> | RedisStore]>([
    // ioredis asks whether Redis has loaded its data yet.
    ['a client of its own', '+info', (port) => connect(port, { username: 'sessions', password: 'secret' })],
    [
      'your node-redis 6',
      '',
      (port) =>
        ofNodeRedis(createClient({ socket: { host: '127.0.0.1', port }, username: 'sessions', password: 'secret' })),
    ],
  ])('suffices, with %s', async (_name, ofDriver, makeStore) => {
    const server = await redis();
    const rules = `on >secret ~session:* +get +set +del +eval +evalsha ${ofDriver}`.trim().split(' ');
    await ownClient(Redis, server.port).call('ACL', 'SETUSER', 'sessions', 'reset', ...rules);
    const store = await makeStore(server.port);
    await eventually(() => store.set('session:key', 'before', 60));
    expect(await store.create('session:new', 'value', 60)).toBe(true);
    expect(await store.replace('session:key', 'after', 60, 'before')).toBe('replaced');
    await store.set('session:key', '\ud83d', 60);
    const found = await store.read('session:key');
    expect(await store.replace('session:key', 'after', 60, found?.version)).toBe('replaced');
    expect(await store.delete('session:key')).toBe(true);
    await expect(store.get('key')).rejects.toMatchObject({ isRefusal: true });
  });
});

describe('RedisStore', () => {
  it('replaces after SCRIPT FLUSH', async () => {
    const server = await redis();
    const client = ownClient(Redis, server.port);
    const store = new RedisStore(client);
    await store.create('key', '0', 60);
    for (const [before, after] of [
      ['0', '1'],
      ['1', '2'],
      ['2', '3'],
    ] as const) {
      await client.script('FLUSH');
      expect(await store.replace('key', after, 60, before)).toBe('replaced');
    }
  });

  it('takes an answer that came while the process was busy', async () => {
    const server = await redis();
    const store = await connect(server.port);
    await store.set('key', 'value');
    const answer = store.get('key');
    await new Promise(setImmediate);
    for (const end = Date.now() + 1200; Date.now() < end;);
    expect(await answer).toBe('value');
  });

  it('logs out where it is full: nothing can be stored any more, but a record can be deleted', async () => {
    const server = await redis();
    const client = ownClient(Redis, server.port);
    const engine = new TestEngine(new RedisStore(client));
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    await client.config('SET', 'maxmemory', '1');
    await expect((await engine.open(id)).live.update((data) => void (data.n = 1))).rejects.toMatchObject({
      code: 'SESSION_STORE',
    });
    await open.live.destroy();
    expect(await engine.seen(id)).toBeUndefined();
    expect(await client.dbsize()).toBe(0);
  });

  it('is asked once for a logout where it hangs: only one that refuses to store is asked to delete', async () => {
    const server = await redis();
    const store = new SpyStore(await connect(server.port));
    const engine = new TestEngine(store);
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    store.taken();
    await server.pause();
    await expect(open.live.destroy()).rejects.toMatchObject({ code: 'SESSION_STORE', isRefusal: false });
    server.resume();
    expect(store.taken()).toBe('set');
  });

  it('shows neither key nor value in an error, however it is printed', async () => {
    const server = await redis('--maxmemory', '1');
    const store = await connect(server.port);
    const writes = [
      store.set('a-secret-key', 'a-secret-value', 60),
      store.create('a-secret-key', 'a-secret-value', 60),
      store.replace('a-secret-key', 'a-secret-value', 60, 'a-secret-value'),
    ];
    const [set, create] = await Promise.allSettled(writes);
    for (const outcome of [set, create]) {
      const { reason } = outcome as PromiseRejectedResult;
      expect(String((reason as Error).cause)).toContain('OOM');
      expect(inspect(reason, { depth: 9, showHidden: true })).not.toContain('a-secret');
      expect((reason as { cause: unknown }).cause).toMatchObject({ command: { name: 'set' } });
    }
  });

  it('refuses a lifetime that is none, before it is sent', async () => {
    const store = await connect(await freePort());
    for (const ttl of [0, -1, 0.5, NaN]) {
      await expect(store.set('key', 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(store.create('key', 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(store.replace('key', 'value', ttl, 'old')).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    }
  });

  it.each(drivers)('leaves a client of yours open and as it was, when it is closed: %s', async (_name, Driver) => {
    const server = await redis();
    const client = ownClient(Driver, server.port) as Redis;
    await client.ping();
    const before = listenersOf(client);
    const store = new RedisStore(client);
    await store.set('key', 'value');
    expect(listenersOf(client)).not.toEqual(before);
    await Promise.all([store.close(), store.close()]);
    expect(listenersOf(client)).toEqual(before);
    expect(await client.ping()).toBe('PONG');
    await expect(store.get('key')).rejects.toThrow('the store is closed');
  });

  it('leaves a Cluster of yours and its nodes as they were, when it is closed', async () => {
    const cluster = new Cluster(inject('clusterNodes').map((port) => ({ host: '127.0.0.1', port })));
    leftovers.push(async () => cluster.disconnect());
    await cluster.set('warm', 'value');
    // ioredis connects to a node when it first needs it, and listens on it while it does.
    await Promise.all(cluster.nodes().map((node) => node.ping()));
    const counts = (): unknown => [cluster, ...cluster.nodes()].map(listenersOf);
    const before = counts();
    const store = new RedisStore(cluster);
    await store.get('key');
    expect(counts()).not.toEqual(before);
    await store.close();
    expect(counts()).toEqual(before);
    expect(await cluster.get('warm')).toBe('value');
  });

  it('waits at close for the answers under way, and takes no more commands', async () => {
    const server = await redis();
    const store = await connect(server.port);
    const saved = store.set('key', 'value');
    await Promise.all([store.close(), saved]);
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
  });

  it('takes options of ioredis beside its own', async () => {
    const server = await redis();
    const store = await connect(server.port, { keyPrefix: 'theirs:', db: 3 });
    await store.set('key', 'value');
    const client = ownClient(Redis, server.port);
    await client.select(3);
    expect(await client.get('theirs:key')).toBe('value');
  });

  it.each(['localhost:6379', 'http://localhost', 'redis://:pass word@', '', 6379])(
    'refuses the URL %s, and does not repeat it',
    async (url) => {
      const error = await RedisStore.connect({ url: url as string }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'SESSION_CONFIGURATION',
        message: expect.stringContaining('redis://host:6379/0'),
      });
      expect((error as Error).message).not.toContain('pass word');
    },
  );

  it('says what to install when there is no driver', async () => {
    const program = `
      import { RedisStore } from '~/lib/stores/redis/redis.store.ts';
      await RedisStore.connect({}).catch((error) => console.log(error.code, error.message));
    `;
    const { stdout } = await runProgram(program, { drivers: 'missing' });
    expect(stdout).toMatch(/^SESSION_CONFIGURATION .*npm i ioredis\n$/);
  });
});
