import { once } from 'node:events';

import { Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import { createClient as createClient5 } from 'redis-5';
import { createClient, createCluster, createSentinel } from 'redis';
import { afterEach, describe, expect, inject, it } from 'vitest';

import type { SessionBusListener, SessionEnding } from '../../lib/index.js';
import { RedisBus, type IoredisBusClient, type NodeRedisBusClient } from '../../lib/buses/redis/redis.bus.js';
import { RedisStore, type NodeRedisClient } from '../../lib/stores/redis/redis.store.js';
import { eventually } from '../fixtures/eventually.js';
import { startRedis } from '../fixtures/servers.mjs';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const ENDING: SessionEnding = { session: 'x'.repeat(43), reason: 'destroyed' };

const leftovers: (() => unknown)[] = [];
let channels = 0;

/** A channel of this test's own. */
const newChannel = (): string => `test:${process.pid}:${++channels}:endings`;

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

/** Notes what it hears, and can wait for it. */
class Listener implements SessionBusListener {
  readonly heard: unknown[] = [];
  readonly failures: unknown[] = [];
  timesMissed = 0;
  readonly #waiting: (() => void)[] = [];

  ended(ending: SessionEnding): void {
    this.heard.push(ending);
    this.#changed();
  }

  missed(): void {
    this.timesMissed++;
    this.#changed();
  }

  failed(error: unknown): void {
    this.failures.push(error);
    this.#changed();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function owned<Client extends { disconnect(): void }>(client: Client): Client {
  leftovers.push(() => client.disconnect());
  return client;
}

function closing(bus: RedisBus): RedisBus {
  leftovers.push(() => bus.close());
  return bus;
}

/** Listens, and waits until Redis has confirmed it. */
async function listen(bus: RedisBus): Promise<Listener> {
  const listener = new Listener();
  leftovers.push(bus.subscribe(listener));
  await listener.until(() => listener.timesMissed > 0);
  return listener;
}

/** How many connections listen on the channel. */
async function subscribers(channel: string): Promise<number> {
  const [, count] = (await owned(new Redis(inject('redisUrl'))).call('PUBSUB', 'NUMSUB', channel)) as [string, number];
  return count;
}

const cluster = (): Cluster => owned(new Cluster(inject('clusterNodes').map((port) => ({ host: '127.0.0.1', port }))));

const clients: [string, () => IoredisBusClient & { readonly status: string }][] = [
  ['ioredis 6', () => owned(new Redis(inject('redisUrl')))],
  ['ioredis 5', () => owned(new Redis5(inject('redisUrl')))],
  ['ioredis 6 with a prefix for its keys', () => owned(new Redis(inject('redisUrl'), { keyPrefix: 'app:' }))],
  ['ioredis 6 that connects late', () => owned(new Redis(inject('redisUrl'), { lazyConnect: true }))],
  ['ioredis 6 without a queue', () => owned(new Redis(inject('redisUrl'), { enableOfflineQueue: false }))],
  ['ioredis 6 that does not subscribe again', () => owned(new Redis(inject('redisUrl'), { autoResubscribe: false }))],
  ['a Cluster', cluster],
];

const nodeRedisClients: [string, (url: string) => NodeRedisClient & NodeRedisBusClient & { destroy(): void }][] = [
  ['node-redis 6', (url) => createClient({ url })],
  ['node-redis 6 over RESP2', (url) => createClient({ url, RESP: 2 })],
  ['node-redis 5', (url) => createClient5({ url })],
];

async function connected<Client extends { connect(): Promise<unknown>; destroy(): void }>(
  client: Client,
): Promise<Client> {
  await client.connect();
  leftovers.push(() => client.destroy());
  return client;
}

describe.each(nodeRedisClients)('RedisBus on a client of yours: %s', (_name, makeClient) => {
  it('carries a message to all that listen, and leaves the client open and fit for commands', async () => {
    const [channel, url] = [newChannel(), inject('redisUrl')];
    const [one, two] = [await connected(makeClient(url)), await connected(makeClient(url))];
    const sender = closing(new RedisBus(one, { channel }));
    const receiver = new RedisBus(two, { channel });
    const listeners = [await listen(sender), await listen(receiver)];
    await sender.publish(ENDING);
    for (const listener of listeners) await listener.until(() => listener.heard.length > 0);
    expect(listeners.map(({ heard }) => heard)).toEqual([[ENDING], [ENDING]]);
    await receiver.close();
    expect(await new RedisStore(two).get('nothing')).toBeUndefined();
    expect(two.isReady).toBe(true);
    await eventually(async () => expect(await subscribers(channel)).toBe(1));
  });

  it('listens again after its connection broke, and says that messages may be missing', async () => {
    const channel = newChannel();
    const proxy = await TcpProxy.start(Number(new URL(inject('redisUrl')).port));
    leftovers.push(() => proxy.stop());
    const client = await connected(makeClient(`redis://127.0.0.1:${proxy.port}`));
    const listener = await listen(closing(new RedisBus(client, { channel })));
    const sender = closing(await RedisBus.connect({ url: inject('redisUrl') }, { channel }));
    proxy.loseNextReply();
    await sender.publish(ENDING);
    await listener.until(() => listener.timesMissed > 1);
    expect(listener.heard).toEqual([]);
    await sender.publish(ENDING);
    await listener.until(() => listener.heard.length > 0);
  });
});

describe.each(clients)('RedisBus on a client of yours: %s', (_name, makeClient) => {
  it('carries a message to all that listen, and leaves the client open and fit for commands', async () => {
    const channel = newChannel();
    const [one, two] = [makeClient(), makeClient()];
    const sender = closing(new RedisBus(one, { channel }));
    const receiver = new RedisBus(two, { channel });
    const listeners = [await listen(sender), await listen(receiver)];
    await sender.publish(ENDING);
    for (const listener of listeners) await listener.until(() => listener.heard.length > 0);
    expect(listeners.map(({ heard }) => heard)).toEqual([[ENDING], [ENDING]]);
    await receiver.close();
    expect(await (two as unknown as Redis).get('nothing')).toBeNull();
    expect(two.status).toBe('ready');
  });
});

describe('RedisBus.connect', () => {
  it('opens no connection before something is sent or listens, and ends all of them', async () => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    const admin = owned(new Redis(server.port));
    const connections = async (): Promise<number> =>
      String(await admin.client('LIST'))
        .trim()
        .split('\n').length;
    const bus = await RedisBus.connect({ url: `redis://127.0.0.1:${server.port}` });
    expect(await connections()).toBe(1);
    await bus.publish(ENDING);
    expect(await connections()).toBe(2);
    await listen(bus);
    expect(await connections()).toBe(3);
    await bus.close();
    await bus.close();
    await eventually(async () => expect(await connections()).toBe(1));
    await expect(bus.publish(ENDING)).rejects.toThrow('is closed');
  });

  it('sends what is under way before it ends', async () => {
    const channel = newChannel();
    const listener = await listen(closing(await RedisBus.connect({ url: inject('redisUrl') }, { channel })));
    const bus = await RedisBus.connect({ url: inject('redisUrl') }, { channel });
    const sent = bus.publish(ENDING);
    await Promise.all([sent, bus.close()]);
    await listener.until(() => listener.heard.length > 0);
  });

  it('listens on one connection for all who subscribe, and on none once they have left', async () => {
    const channel = newChannel();
    const bus = closing(await RedisBus.connect({ url: inject('redisUrl') }, { channel }));
    const [one, two] = [new Listener(), new Listener()];
    const leave = [bus.subscribe(one), bus.subscribe(two)];
    await two.until(() => two.timesMissed > 0);
    expect(await subscribers(channel)).toBe(1);
    leave[0]?.();
    await bus.publish(ENDING);
    await two.until(() => two.heard.length > 0);
    expect(one.heard).toEqual([]);
    leave[1]?.();
    await eventually(async () => expect(await subscribers(channel)).toBe(0));
    expect([...one.failures, ...two.failures]).toEqual([]);
  });

  it('listens again after its connection broke, and says that messages may be missing', async () => {
    const channel = newChannel();
    const proxy = await TcpProxy.start(Number(new URL(inject('redisUrl')).port));
    leftovers.push(() => proxy.stop());
    const bus = closing(await RedisBus.connect({ url: `redis://127.0.0.1:${proxy.port}` }, { channel }));
    const listener = await listen(bus);
    const sender = closing(await RedisBus.connect({ url: inject('redisUrl') }, { channel }));
    proxy.loseNextReply();
    await sender.publish(ENDING);
    await listener.until(() => listener.timesMissed > 1);
    expect(listener.heard).toEqual([]);
    await sender.publish(ENDING);
    await listener.until(() => listener.heard.length > 0);
  });

  it('begins to listen once a Redis that is down is up', async () => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    await server.stop();
    const bus = closing(await RedisBus.connect({ url: `redis://127.0.0.1:${server.port}` }));
    const listener = new Listener();
    leftovers.push(bus.subscribe(listener));
    await listener.until(() => listener.failures.length > 0);
    expect(listener.failures[0]).toMatchObject({ code: 'SESSION_STORE' });
    await expect(bus.publish(ENDING)).rejects.toMatchObject({ code: 'SESSION_STORE' });
    await server.restart();
    await listener.until(() => listener.timesMissed > 0);
    await eventually(() => bus.publish(ENDING));
    await listener.until(() => listener.heard.length > 0);
  });

  it('gives up a message that a Redis that hangs does not take', async () => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    const bus = closing(await RedisBus.connect({ url: `redis://127.0.0.1:${server.port}` }));
    await bus.publish(ENDING);
    await server.pause();
    await expect(bus.publish(ENDING)).rejects.toThrow('did not answer within');
    server.resume();
  });

  it('says so when its user may not use the channel', async () => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    await owned(new Redis(server.port)).call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const bus = closing(await RedisBus.connect({ url: `redis://app:secret@127.0.0.1:${server.port}` }));
    const listener = new Listener();
    leftovers.push(bus.subscribe(listener));
    await listener.until(() => listener.failures.length > 0);
    const [error] = listener.failures as Error[];
    expect(error?.message).toContain('lets its user publish and subscribe');
    expect(error?.message).not.toContain('secret');
    await expect(bus.publish(ENDING)).rejects.toMatchObject({ isRefusal: true });
  });
});

describe('what other programs write on the channel', () => {
  it.each([
    ['no JSON', 'destroyed'],
    ['half a message', '{"session":"'],
    ['nothing', ''],
    ['a megabyte', JSON.stringify({ ...ENDING, session: 'x'.repeat(1_000_000) })],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
  ])('is passed over: %s', async (_what, message) => {
    const channel = newChannel();
    const client = owned(new Redis(inject('redisUrl')));
    const bus = closing(new RedisBus(client, { channel }));
    const listener = await listen(bus);
    await client.publish(channel, message);
    await bus.publish(ENDING);
    await listener.until(() => listener.heard.length > 0);
    expect([listener.heard, listener.failures]).toEqual([[ENDING], []]);
  });

  it('is handed on where it is JSON, for the engine to judge', async () => {
    const channel = newChannel();
    const client = owned(new Redis(inject('redisUrl')));
    const listener = await listen(closing(new RedisBus(client, { channel })));
    for (const message of ['null', '7', '[]', '{"session":7}']) await client.publish(channel, message);
    await listener.until(() => listener.heard.length === 4);
    expect(listener.heard).toEqual([null, 7, [], { session: 7 }]);
  });
});

it('a Cluster brings a message from any node to any node', async () => {
  const channel = newChannel();
  const listener = await listen(closing(new RedisBus(cluster(), { channel })));
  const ports = inject('clusterNodes');
  for (const port of ports) {
    const node = owned(new Redis(port));
    await once(node, 'ready');
    await node.publish(channel, JSON.stringify(ENDING));
  }
  await listener.until(() => listener.heard.length === ports.length);
});

it.each([
  ['nothing', undefined],
  ['a client without duplicate', { publish: () => {} }],
  ['a cluster of node-redis', createCluster({ rootNodes: [] })],
  ['a sentinel of node-redis', createSentinel({ name: 'x', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] })],
])('RedisBus refuses %s', (_what, client) => {
  expect(() => new RedisBus(client as never)).toThrow(
    'pass a Redis or a Cluster of ioredis, 5 or 6, or a client of node-redis',
  );
});
