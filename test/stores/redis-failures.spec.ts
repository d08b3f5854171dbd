import { inspect } from 'node:util';
import { Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import { RedisStore, type RedisConnectOptions } from '../../lib/stores/redis/redis.store.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { runProgram } from '../fixtures/child-program.js';
import { TestEngine } from '../fixtures/engine.js';
import { eventually } from '../fixtures/eventually.js';
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

  it.each(drivers)('is an error with a client of yours too, which would wait for ever: %s', async (_name, Driver) => {
    const server = await redis();
    const store = new RedisStore(ownClient(Driver, server.port));
    await store.set('key', 'value');
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
    const program = `
      import { RedisStore } from '~/lib/stores/redis/redis.store.ts';
      const store = await RedisStore.connect({ url: 'redis://127.0.0.1:${await freePort()}' });
      await store.get('key').catch((error) => console.log(error.code));
      await Promise.all([store.close(), store.close()]);
      console.log('closed');
    `;
    const result = await runProgram(program, { drivers: 'installed' });
    expect(result).toMatchObject({ code: 0, stdout: 'SESSION_STORE\nclosed\n', stderr: '' });
  });
});

describe('A failover behind one address', () => {
  it.each<[string, (port: number) => Promise<RedisStore> | RedisStore]>([
    ['a client of its own', (port) => connect(port)],
    ['your ioredis 6', (port) => new RedisStore(ownClient(Redis, port))],
    ['your ioredis 5', (port) => new RedisStore(ownClient(Redis5, port))],
  ])('costs one write an error, and then the store has the new master, with %s', async (_name, makeStore) => {
    const old = await redis();
    const promoted = await redis();
    const proxy = await proxyTo(old);
    const store = await makeStore(proxy.port);
    await store.set('key', 'before', 60);
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
