import { Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import { describe, inject } from 'vitest';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { storeRunner } from '../fixtures/store-runner.js';

describeSessionStore(
  'RedisStore with a client of its own: every promise',
  async () => {
    const store = await RedisStore.connect({ url: inject('redisUrl') });
    const other = new Redis(inject('redisUrl'));
    return {
      store,
      readElsewhere: async (key) => (await other.get(key)) ?? undefined,
      close: async () => {
        await Promise.all([store.close(), other.quit()]);
      },
    };
  },
  storeRunner,
);

describe.concurrent.each([
  ['ioredis 6', () => new Redis(inject('redisUrl'))],
  ['ioredis 5', () => new Redis5(inject('redisUrl'))],
  ['ioredis 6 with auto-pipelining', () => new Redis(inject('redisUrl'), { enableAutoPipelining: true })],
  ['a key prefix of the client', () => new Redis(inject('redisUrl'), { keyPrefix: 'theirs:' })],
])('RedisStore on %s', (_name, makeClient) => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = makeClient();
      return { store: new RedisStore(client), close: async () => void (await client.quit()) };
    },
    storeRunner,
  );
});

describe.concurrent('RedisStore on a Redis Cluster', () => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = new Cluster(inject('clusterNodes').map((port) => ({ host: '127.0.0.1', port })));
      return { store: new RedisStore(client), close: async () => void (await client.quit()) };
    },
    storeRunner,
  );
});
