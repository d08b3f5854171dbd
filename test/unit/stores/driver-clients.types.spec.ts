import type { Datastore } from '@google-cloud/datastore';
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import type { Cluster, Redis } from 'ioredis';
import type * as redis from 'redis';
import type * as redis5 from 'redis-5';
import type Memcached from 'memcached';
import type { Db, MongoClient } from 'mongodb';
import type { Db as Db6, MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, expectTypeOf, it } from 'vitest';
import type { IoredisBusClient, NodeRedisBusClient } from '../../../lib/buses/redis/redis.bus.js';
import type { DatastoreClient } from '../../../lib/stores/datastore/datastore.store.js';
import type { MemcachedClient } from '../../../lib/stores/memcached/memcached.store.js';
import type { MongoSource } from '../../../lib/stores/mongo/mongo.store.js';
import type { IoredisClient, NodeRedisClient, RedisClient } from '../../../lib/stores/redis/redis.store.js';

// Checked by tsc: running it proves nothing.
describe('The clients of users', () => {
  it('fit RedisStore, of ioredis 6 and 5, single and Cluster', () => {
    expectTypeOf<Redis>().toExtend<IoredisClient>();
    expectTypeOf<Cluster>().toExtend<IoredisClient>();
    expectTypeOf<Redis5>().toExtend<IoredisClient>();
    expectTypeOf<Cluster5>().toExtend<IoredisClient>();
    expectTypeOf<IoredisClient>().toExtend<RedisClient>();
  });

  it('fit RedisStore, of node-redis 6 and 5: clients, pools, clusters and sentinels', () => {
    expectTypeOf<redis.RedisClientType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis.RedisClientPoolType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis.RedisClusterType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis.RedisSentinelType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis5.RedisClientType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis5.RedisClientPoolType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis5.RedisClusterType>().toExtend<NodeRedisClient>();
    expectTypeOf<redis5.RedisSentinelType>().toExtend<NodeRedisClient>();
    expectTypeOf<NodeRedisClient>().toExtend<RedisClient>();
  });

  it('fit RedisStore as the functions of node-redis give them', () => {
    expectTypeOf<ReturnType<typeof redis.createClient>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis.createClientPool>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis.createCluster>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis.createSentinel>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis5.createClient>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis5.createClientPool>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis5.createCluster>>().toExtend<NodeRedisClient>();
    expectTypeOf<ReturnType<typeof redis5.createSentinel>>().toExtend<NodeRedisClient>();
  });

  it('fit RedisBus, of ioredis 6 and 5, single and Cluster', () => {
    expectTypeOf<Redis>().toExtend<IoredisBusClient>();
    expectTypeOf<Cluster>().toExtend<IoredisBusClient>();
    expectTypeOf<Redis5>().toExtend<IoredisBusClient>();
    expectTypeOf<Cluster5>().toExtend<IoredisBusClient>();
  });

  it('fit RedisBus, of node-redis 6 and 5', () => {
    expectTypeOf<redis.RedisClientType>().toExtend<NodeRedisBusClient>();
    expectTypeOf<redis5.RedisClientType>().toExtend<NodeRedisBusClient>();
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

  it('fit DatastoreStore', () => {
    expectTypeOf<Datastore>().toExtend<DatastoreClient>();
  });

  it('do not fit when they speak something else', () => {
    expectTypeOf<Memcached>().not.toExtend<RedisClient>();
    expectTypeOf<Redis>().not.toExtend<MemcachedClient>();
    expectTypeOf<Redis>().not.toExtend<MongoSource>();
  });
});
