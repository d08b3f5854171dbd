import { createClient, createCluster } from 'redis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import Memcached from 'memcached';
import { describe, expect, it } from 'vitest';
import { SessionConfigurationError } from '../../../../lib/session.errors.js';
import { RedisStore, type RedisClient } from '../../../../lib/stores/redis/redis.store.js';

const nodes = [{ port: 1 }];

describe('RedisStore', () => {
  it.each<[string, () => RedisClient]>([
    ['Redis of ioredis 6', () => new Redis({ lazyConnect: true })],
    ['Redis of ioredis 5', () => new Redis5({ lazyConnect: true })],
    ['Cluster of ioredis 6', () => new Cluster(nodes, { lazyConnect: true })],
    ['Cluster of ioredis 5', () => new Cluster5(nodes, { lazyConnect: true })],
  ])('takes a %s', (_name, make) => {
    expect(new RedisStore(make())).toBeInstanceOf(RedisStore);
  });

  it.each<[string, () => unknown, RegExp]>([
    // It would store the first record without a lifetime, and fail only then.
    [
      'a client of node-redis',
      () => createClient(),
      /node-redis.* has no evalsha: pass a Redis or a Cluster of ioredis/,
    ],
    ['a cluster of node-redis', () => createCluster({ rootNodes: [] }), /node-redis.* has no evalsha: pass/],
    [
      'a client of Memcached',
      () => new Memcached('127.0.0.1:1'),
      /not of ioredis, and has no evalsha, eval, disconnect: pass/,
    ],
    ['a URL', () => 'redis://:password@host', /is not a client: .*\{ url \}/],
    ['nothing', () => undefined, /is not a client/],
    ['null', () => null, /is not a client/],
    ['options', () => ({ host: 'localhost' }), /has no get, set, del, evalsha/],
  ])('refuses %s, and says what to pass instead', (_name, make, message) => {
    const given = make() as RedisClient;
    expect(() => new RedisStore(given)).toThrow(SessionConfigurationError);
    expect(() => new RedisStore(given)).toThrow(message);
    expect(() => new RedisStore(given)).not.toThrow('password');
  });
});
