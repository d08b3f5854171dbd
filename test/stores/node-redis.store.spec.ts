import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5';
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { RedisStore, type NodeRedisClient } from '../../lib/stores/redis/redis.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { MASTER_NAME, startWatchedRedis, type WatchedRedis } from '../fixtures/redis-sentinel.mjs';
import { storeRunner } from '../fixtures/store-runner.js';

const url = (): string => inject('redisUrl');
const rootNodes = (): { url: string }[] => inject('clusterNodes').map((port) => ({ url: `redis://127.0.0.1:${port}` }));

let watched: WatchedRedis;

beforeAll(async () => {
  watched = await startWatchedRedis();
});

afterAll(() => watched.stop());

const sentinelOptions = (): { name: string; sentinelRootNodes: { host: string; port: number }[] } => ({
  name: MASTER_NAME,
  sentinelRootNodes: [{ host: '127.0.0.1', port: watched.sentinel.port }],
});

const buffers = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String } };

describe.concurrent.each<[string, () => NodeRedisClient & { close(): Promise<unknown> }]>([
  ['node-redis 6', () => createClient({ url: url() })],
  ['node-redis 6 over RESP2', () => createClient({ url: url(), RESP: 2 })],
  ['node-redis 6 that maps its answers to other types', () => createClient({ url: url(), commandOptions: buffers })],
  ['node-redis 6 with a key prefix', () => createClient({ url: url(), keyPrefix: 'theirs:' })],
  ['a pool of node-redis 6', () => createClientPool({ url: url() })],
  ['a cluster of node-redis 6', () => createCluster({ rootNodes: rootNodes(), useReplicas: true })],
  ['a sentinel of node-redis 6', () => createSentinel({ ...sentinelOptions(), replicaPoolSize: 1 })],
  ['node-redis 5', () => createClient5({ url: url() })],
  ['node-redis 5 over RESP3', () => createClient5({ url: url(), RESP: 3 })],
  ['a pool of node-redis 5', () => createClientPool5({ url: url() })],
  ['a cluster of node-redis 5', () => createCluster5({ rootNodes: rootNodes() })],
  ['a sentinel of node-redis 5', () => createSentinel5(sentinelOptions())],
])('RedisStore on %s', (_name, makeClient) => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = makeClient();
      const store = new RedisStore(client);
      await client.connect();
      return { store, close: async () => void (await client.close()) };
    },
    storeRunner,
  );
});
