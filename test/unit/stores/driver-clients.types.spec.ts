import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import type { Cluster, Redis } from 'ioredis';
import type Memcached from 'memcached';
import type { Db, MongoClient } from 'mongodb';
import type { Db as Db6, MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, expectTypeOf, it } from 'vitest';
import type { RedisBusClient } from '../../../lib/buses/redis/redis.bus.js';
import type { MemcachedClient } from '../../../lib/stores/memcached/memcached.store.js';
import type { MongoSource } from '../../../lib/stores/mongo/mongo.store.js';
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

  it('fit MongoStore, of driver 7 and 6, and so does the Db of a Mongoose connection', () => {
    expectTypeOf<MongoClient>().toExtend<MongoSource>();
    expectTypeOf<Db>().toExtend<MongoSource>();
    expectTypeOf<MongoClient6>().toExtend<MongoSource>();
    expectTypeOf<Db6>().toExtend<MongoSource>();
  });

  it('do not fit when they speak something else', () => {
    expectTypeOf<Memcached>().not.toExtend<RedisClient>();
    expectTypeOf<Redis>().not.toExtend<MemcachedClient>();
    expectTypeOf<Redis>().not.toExtend<MongoSource>();
  });
});
