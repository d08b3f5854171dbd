import { randomUUID } from 'node:crypto';
import { once } from 'node:events';

import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import Memcached from 'memcached';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { REDIS_DEFAULTS, RedisStore, type NodeRedisClient } from '../../lib/stores/redis/redis.store.js';
import type { SessionStore } from '../../lib/stores/session-store.js';
import { TestEngine } from '../fixtures/engine.js';
import { MASTER_NAME, startWatchedRedis, type WatchedRedis } from '../fixtures/redis-sentinel.mjs';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

/** One store whose connections can break, and another process that writes to the same back-end. */
interface Setting {
  readonly store: SessionStore;
  readonly rival: SessionStore;
  /** One for each server. */
  readonly proxies: readonly TcpProxy[];
  /** A command as the driver writes its name. */
  readonly spell: (command: string) => string;
}

const inLowerCase = (command: string): string => command;
const inUpperCase = (command: string): string => command.toUpperCase();

async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(port);
  leftovers.push(() => proxy.stop());
  return proxy;
}

function quietly<Client extends Redis | Redis5 | Cluster | Cluster5>(client: Client): Client {
  (client as NodeJS.EventEmitter).on('error', () => {});
  leftovers.push(async () => client.disconnect());
  return client;
}

async function settingOf(makeStore: (port: number) => Promise<RedisStore> | RedisStore): Promise<Setting> {
  const proxy = await proxyTo(Number(new URL(inject('redisUrl')).port));
  const store = await makeStore(proxy.port);
  leftovers.push(() => store.close());
  return { store, rival: new RedisStore(quietly(new Redis(inject('redisUrl')))), proxies: [proxy], spell: inLowerCase };
}

type Nodes = { host: string; port: number }[];
type NatMap = Record<string, { host: string; port: number }>;

/** A proxy to each of them, and where it is by the address of the node. */
async function proxiesTo(nodes: Nodes): Promise<{ proxies: TcpProxy[]; map: NatMap }> {
  const map: NatMap = {};
  const proxies: TcpProxy[] = [];
  for (const { host, port } of nodes) {
    const proxy = await proxyTo(port);
    proxies.push(proxy);
    map[`${host}:${port}`] = { host, port: proxy.port };
  }
  return { proxies, map };
}

/**
 * After a MOVED, ioredis looks for its connection under the address in the reply instead of that of the `natMap`, and asks a master at
 * random until it has read the slots anew. Where that is slow, its sixteen attempts may all go to the wrong ones.
 */
const ENOUGH_ATTEMPTS = { maxRedirections: 200 };

async function clusterOf(make: (nodes: Nodes, natMap: NatMap) => Cluster | Cluster5): Promise<Setting> {
  const nodes = inject('clusterNodes').map((port) => ({ host: '127.0.0.1', port }));
  const { proxies, map } = await proxiesTo(nodes);
  const client = quietly(make(nodes, map));
  await once(client, 'ready');
  const store = new RedisStore(client);
  return { store, rival: new RedisStore(quietly(new Cluster(nodes))), proxies, spell: inLowerCase };
}

async function connected<Client extends NodeRedisClient & { destroy(): unknown }>(client: Client): Promise<Client> {
  // The store sees to the errors.
  const store = new RedisStore(client);
  await client.connect();
  leftovers.push(async () => {
    await store.close();
    await client.destroy();
  });
  return client;
}

const SOON_BACK = { reconnectStrategy: (): number => 10 };

/** One of node-redis. */
async function nodeRedisSettingOf(
  makeClient: (socket: {
    host: string;
    port: number;
    reconnectStrategy: () => number;
  }) => NodeRedisClient & { destroy(): unknown },
): Promise<Setting> {
  const setting = await settingOf(
    async (port) => new RedisStore(await connected(makeClient({ host: '127.0.0.1', port, ...SOON_BACK }))),
  );
  return { ...setting, spell: inUpperCase };
}

async function nodeRedisClusterOf(make: typeof createCluster): Promise<Setting> {
  const nodes = inject('clusterNodes').map((port) => ({ host: '127.0.0.1', port }));
  const { proxies, map } = await proxiesTo(nodes);
  const rootNodes = nodes.map((socket) => ({ socket }));
  const client = await connected(make({ rootNodes, nodeAddressMap: map, defaults: { socket: SOON_BACK } }));
  const rival = new RedisStore(quietly(new Cluster(nodes)));
  return { store: new RedisStore(client), rival, proxies, spell: inUpperCase };
}

async function nodeRedisSentinelOf({ sentinel, servers }: WatchedRedis): Promise<Setting> {
  const { proxies, map } = await proxiesTo(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
  const sentinelRootNodes = [{ host: '127.0.0.1', port: sentinel.port }];
  const options = { name: MASTER_NAME, sentinelRootNodes, nodeAddressMap: map };
  const client = await connected(createSentinel({ ...options, nodeClientOptions: { socket: SOON_BACK } }));
  const rival = new RedisStore(quietly(new Redis(servers[0]!.port)));
  return { store: new RedisStore(client), rival, proxies, spell: inUpperCase };
}

const NODES_RECONNECT = { clusterNodeRetryStrategy: (times: number): number => 10 * times };

const SENDS_AGAIN = true;
const SENDS_ONCE = false;

const settings: [string, boolean, () => Promise<Setting>][] = [
  [
    'a client of its own',
    SENDS_ONCE,
    () => settingOf((port) => RedisStore.connect({ url: `redis://127.0.0.1:${port}` })),
  ],
  ['your ioredis 6', SENDS_AGAIN, () => settingOf((port) => new RedisStore(quietly(new Redis(port))))],
  ['your ioredis 5', SENDS_AGAIN, () => settingOf((port) => new RedisStore(quietly(new Redis5(port))))],
  [
    'your ioredis 6 with auto-pipelining',
    SENDS_AGAIN,
    () => settingOf((port) => new RedisStore(quietly(new Redis(port, { enableAutoPipelining: true })))),
  ],
  [
    'your ioredis 5 with the options of our own',
    SENDS_ONCE,
    () => settingOf((port) => new RedisStore(quietly(new Redis5(port, REDIS_DEFAULTS)))),
  ],
  [
    'your Cluster of ioredis 6',
    SENDS_AGAIN,
    () => clusterOf((nodes, natMap) => new Cluster(nodes, { natMap, ...ENOUGH_ATTEMPTS })),
  ],
  [
    'your Cluster of ioredis 5',
    SENDS_AGAIN,
    () => clusterOf((nodes, natMap) => new Cluster5(nodes, { natMap, ...ENOUGH_ATTEMPTS })),
  ],
  [
    'your Cluster whose nodes reconnect by themselves',
    SENDS_AGAIN,
    () => clusterOf((nodes, natMap) => new Cluster(nodes, { natMap, ...ENOUGH_ATTEMPTS, ...NODES_RECONNECT })),
  ],
  ['your node-redis 6', SENDS_ONCE, () => nodeRedisSettingOf((socket) => createClient({ socket }))],
  ['your node-redis 6 over RESP2', SENDS_ONCE, () => nodeRedisSettingOf((socket) => createClient({ socket, RESP: 2 }))],
  ['your pool of node-redis 6', SENDS_ONCE, () => nodeRedisSettingOf((socket) => createClientPool({ socket }))],
  ['your node-redis 5', SENDS_ONCE, () => nodeRedisSettingOf((socket) => createClient5({ socket }))],
  ['your cluster of node-redis 6', SENDS_ONCE, () => nodeRedisClusterOf(createCluster)],
  [
    'your cluster of node-redis 5',
    SENDS_ONCE,
    () => nodeRedisClusterOf(createCluster5 as unknown as typeof createCluster),
  ],
  ['your sentinel of node-redis 6', SENDS_ONCE, () => nodeRedisSentinelOf(watched)],
];

let watched: WatchedRedis;

beforeAll(async () => {
  watched = await startWatchedRedis();
});

afterAll(() => watched.stop());

const NOT_KNOWN = {
  code: 'SESSION_STORE',
  statusCode: 503,
  message: expect.stringContaining('not known whether it was carried out'),
};

const newKey = (): string => `lost-replies:${randomUUID()}`;

describe.each(settings)('A reply that gets lost, with %s:', (_name, sendsAgain, make) => {
  let store: SessionStore;
  let rival: SessionStore;
  let proxies: readonly TcpProxy[];
  let spell: Setting['spell'];
  let key: string;

  beforeEach(async () => {
    ({ store, rival, proxies, spell } = await make());
    key = newKey();
    await store.set(key, 'before', 60);
    // Teaches Redis the script, and each master of a Cluster: their keys lie with one of them each.
    for (const tag of ['{a}', '{b}', '{c}']) await store.replace(`${tag}${key}`, 'before', 60, 'before');
  });

  /**
   * Redis carries the command out, its reply is lost, and others do this before the client is back; resolves when they have. Happens
   * once: a Cluster may send the command again to a server that does not have the key.
   */
  const lose = (
    text: string,
    others = async (): Promise<unknown> => undefined,
    of: 'reply' | 'command' = 'reply',
  ): Promise<unknown> =>
    new Promise((resolve) => {
      const meanwhile = async (): Promise<void> => {
        for (const proxy of proxies) proxy.loseNoMore();
        resolve(await others());
      };
      for (const proxy of proxies) {
        if (of === 'reply') proxy.loseReplyTo(text, meanwhile);
        else proxy.loseCommand(text, meanwhile);
      }
    });
  const timesSent = (text: string): number => proxies.reduce((sum, proxy) => sum + proxy.timesSent(text), 0);

  it('replace does not take what another process wrote over its own for a conflict', async () => {
    const others = lose('a text of ours', () => rival.replace(key, 'a text of theirs', 60, 'a text of ours'));
    await expect(store.replace(key, 'a text of ours', 60, 'before')).rejects.toMatchObject(NOT_KNOWN);
    expect(await others).toBe('replaced');
    expect(await rival.get(key)).toBe('a text of theirs');
    // The driver has it sent again before it is known what becomes of it, or never.
    expect(timesSent('a text of ours') > 1).toBe(sendsAgain);
  });

  it('replace does not count again where another process has put back what was read', async () => {
    const others = lose('a text of ours', () => rival.replace(key, 'before', 60, 'a text of ours'));
    await expect(store.replace(key, 'a text of ours', 60, 'before')).rejects.toMatchObject(NOT_KNOWN);
    expect(await others).toBe('replaced');
  });

  it('replace does not take its own text for that of another process', async () => {
    void lose('a text of both');
    await expect(store.replace(key, 'a text of both', 60, 'before')).rejects.toMatchObject(NOT_KNOWN);
    expect(await store.replace(key, 'a text of both', 60, 'before')).toBe('conflict');
  });

  it('replace does not take the text of another process for its own, though its command never arrived', async () => {
    const others = lose('a text of both', () => rival.replace(key, 'a text of both', 60, 'before'), 'command');
    await expect(store.replace(key, 'a text of both', 60, 'before')).rejects.toMatchObject(NOT_KNOWN);
    expect(await others).toBe('replaced');
  });

  it('create does not take its own record for that of another process', async () => {
    void lose('a text of ours');
    await expect(store.create(`${key}:new`, 'a text of ours', 60)).rejects.toMatchObject(NOT_KNOWN);
    expect(await rival.get(`${key}:new`)).toBe('a text of ours');
    expect(await store.create(`${key}:new`, 'a text of ours', 60)).toBe(false);
  });

  it('delete does not say that there was nothing when it has removed the record itself', async () => {
    void lose(spell('del'));
    await expect(store.delete(key)).rejects.toMatchObject(NOT_KNOWN);
    expect(await rival.get(key)).toBeUndefined();
  });

  it('reading is done again, and nobody notices', async () => {
    void lose(spell('get'));
    expect(await store.get(key)).toBe('before');
    void lose(spell('get'));
    expect(await store.read(key)).toEqual({ value: 'before', version: 'before' });
    expect(timesSent(`${spell('get')}\r\n$${key.length}\r\n${key}`)).toBeGreaterThanOrEqual(4);
  });

  describe('a session', () => {
    let engine: TestEngine;
    let elsewhere: TestEngine;

    beforeEach(() => {
      engine = new TestEngine(store);
      elsewhere = new TestEngine(rival);
    });

    it('counts an update at most once, and runs its function once, though another process writes in between', async () => {
      const id = await engine.stored({ n: 1, other: 0 });
      const open = await engine.open(id);
      let runs = 0;
      const others = lose(spell('evalsha'), async () => {
        const other = await elsewhere.open(id);
        other.live.other = 1;
        await other.commit();
      });
      const update = open.live.update((data) => {
        runs++;
        data.n = Number(data.n) + 1;
      });
      await expect(update).rejects.toMatchObject(NOT_KNOWN);
      await others;
      expect([runs, await elsewhere.seen(id)]).toEqual([1, { n: 2, other: 1 }]);
    });

    it('never goes on under two ids when it is regenerated', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id);
      void lose(spell('evalsha'));
      await expect(open.live.regenerate({ keep: true })).rejects.toMatchObject(NOT_KNOWN);
      expect(await elsewhere.seen(id)).toBeUndefined();
    });

    it('that is new is not handed out when it may not have been stored', async () => {
      const open = await engine.open();
      open.live.user = 'ada';
      void lose('NX');
      await expect(open.commit()).rejects.toMatchObject(NOT_KNOWN);
      expect(open.cookieAction).not.toBe('set');
    });
  });
});

describe('A reply that gets lost between a client of its own and Redis', () => {
  it('does not make it send a write again', async () => {
    const { store, proxies } = await settingOf((port) => RedisStore.connect({ url: `redis://127.0.0.1:${port}` }));
    const [proxy] = proxies as [TcpProxy];
    const key = newKey();
    await store.set(key, 'before', 60);
    const writes: Record<string, () => Promise<unknown>> = {
      'set by us': () => store.set(key, 'set by us', 60),
      'replaced by us': () => store.replace(key, 'replaced by us', 60, 'set by us'),
      'created by us': () => store.create(newKey(), 'created by us', 60),
    };
    for (const [text, write] of Object.entries(writes)) {
      proxy.loseReplyTo(text);
      await expect(write()).rejects.toMatchObject(NOT_KNOWN);
      await store.get(key);
      expect(proxy.timesSent(text)).toBe(1);
    }
  });
});

describe.each<[string, (server: string) => Promise<MemcachedStore> | MemcachedStore]>([
  ['a client of its own', (servers) => MemcachedStore.connect({ servers })],
  ['your client', (server) => new MemcachedStore(new Memcached(server))],
])('A reply of Memcached that gets lost, with %s,', (_name, connect) => {
  let proxy: TcpProxy;
  let engine: TestEngine;

  beforeEach(async () => {
    proxy = await proxyTo(Number(inject('memcachedServer').split(':')[1]));
    const store = await connect(`127.0.0.1:${proxy.port}`);
    leftovers.push(() => store.close());
    engine = new TestEngine(store);
  });

  const count = (data: Record<string, unknown>): void => void (data.n = Number(data.n ?? 0) + 1);

  it('is an error of an update, whose function is not run again', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    let runs = 0;
    proxy.loseReplyTo('cas ');
    const update = open.live.update((data) => {
      runs++;
      count(data);
    });
    await expect(update).rejects.toBeInstanceOf(SessionStoreError);
    expect([runs, proxy.timesSent('cas '), await engine.seen(id)]).toEqual([1, 1, { n: 2 }]);
  });

  it('is an error of a regenerate, which is not sent again', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    proxy.loseReplyTo('cas ');
    await expect(open.live.regenerate({ keep: true })).rejects.toBeInstanceOf(SessionStoreError);
    expect([proxy.timesSent('cas '), await engine.seen(id)]).toEqual([1, undefined]);
  });

  it('is an error of a new session, which is not sent again', async () => {
    const open = await engine.open();
    proxy.loseReplyTo('add ');
    await expect(open.live.update(count)).rejects.toBeInstanceOf(SessionStoreError);
    expect([proxy.timesSent('add '), await engine.seen(open.id)]).toEqual([1, { n: 1 }]);
  });
});
