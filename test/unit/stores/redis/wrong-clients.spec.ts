import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { Cluster, Redis } from 'ioredis';
import Memcached from 'memcached';
import { describe, expect, it } from 'vitest';
import { SessionConfigurationError } from '../../../../lib/session.errors.js';
import { RedisStore, type RedisClient } from '../../../../lib/stores/redis/redis.store.js';

const nodes = [{ port: 1 }];
const sentinel = { name: 'sessions', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] };

describe('RedisStore', () => {
  it.each<[string, () => RedisClient]>([
    ['Redis of ioredis 6', () => new Redis({ lazyConnect: true })],
    ['Redis of ioredis 5', () => new Redis5({ lazyConnect: true })],
    ['Cluster of ioredis 6', () => new Cluster(nodes, { lazyConnect: true })],
    ['Cluster of ioredis 5', () => new Cluster5(nodes, { lazyConnect: true })],
    ['client of node-redis 6', () => createClient()],
    ['pool of node-redis 6', () => createClientPool()],
    ['cluster of node-redis 6', () => createCluster({ rootNodes: [] })],
    ['sentinel of node-redis 6', () => createSentinel(sentinel)],
    ['client of node-redis 5', () => createClient5()],
    ['pool of node-redis 5', () => createClientPool5()],
    ['cluster of node-redis 5', () => createCluster5({ rootNodes: [] })],
    ['sentinel of node-redis 5', () => createSentinel5(sentinel)],
  ])('takes a %s', (_name, make) => {
    expect(new RedisStore(make())).toBeInstanceOf(RedisStore);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'the client of node-redis 4 and older, which "legacy" imitates',
      () => createClient().legacy(),
      /node-redis.* has no connect, withTypeMapping, on, off, listenerCount: pass a Redis or a Cluster of ioredis/,
    ],
    ['the commands of a transaction', () => createClient().multi(), /no client to send commands on: it has no connect/],
    [
      'a sentinel of another version',
      () => Object.assign(Object.create(createSentinel(sentinel)), { _execute: undefined }),
      /has no _execute: pass/,
    ],
    [
      'a client of Memcached',
      () => new Memcached('127.0.0.1:1'),
      /of neither ioredis nor node-redis, and has no evalsha, eval, disconnect: pass/,
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
