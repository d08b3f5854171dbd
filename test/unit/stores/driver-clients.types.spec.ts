import type { Datastore } from '@google-cloud/datastore';
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import type { Cluster, Redis } from 'ioredis';
import type Memcached from 'memcached';
import { describe, expectTypeOf, it } from 'vitest';
import type { RedisBusClient } from '../../../lib/buses/redis/redis.bus.js';
import type { DatastoreClient } from '../../../lib/stores/datastore/datastore.store.js';
import type { MemcachedClient } from '../../../lib/stores/memcached/memcached.store.js';
import type { RedisClient } from '../../../lib/stores/redis/redis.store.js';

// Checked by tsc: running it proves nothing.
describe('The clients of users', () => {
  it('fit RedisStore, of ioredis 6 and 5, single and Cluster', () => {
    expectTypeOf<Redis>().toExtend<RedisClient>();
    expectTypeOf<Cluster>().toExtend<RedisClient>();
    expectTypeOf<Redis5>().toExtend<RedisClient>();
    expectTypeOf<Cluster5>().toExtend<RedisClient>();
  });

  it('fit RedisBus, of ioredis 6 and 5, single and Cluster', () => {
    expectTypeOf<Redis>().toExtend<RedisBusClient>();
    expectTypeOf<Cluster>().toExtend<RedisBusClient>();
    expectTypeOf<Redis5>().toExtend<RedisBusClient>();
    expectTypeOf<Cluster5>().toExtend<RedisBusClient>();
  });

  it('fit MemcachedStore', () => {
    expectTypeOf<Memcached>().toExtend<MemcachedClient>();
  });

  it('fit DatastoreStore', () => {
    expectTypeOf<Datastore>().toExtend<DatastoreClient>();
  });

  it('do not fit when they speak something else', () => {
    expectTypeOf<Memcached>().not.toExtend<RedisClient>();
    expectTypeOf<Redis>().not.toExtend<MemcachedClient>();
  });
});
