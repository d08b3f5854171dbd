import { DatastoreStore } from '../stores/datastore/datastore.store.js';
import { FileStore } from '../stores/file/file.store.js';
import { MemcachedStore } from '../stores/memcached/memcached.store.js';
import { MemoryStore } from '../stores/memory.store.js';
import { MongoStore } from '../stores/mongo/mongo.store.js';
import { NullStore } from '../stores/null.store.js';
import { PostgresStore } from '../stores/postgres/postgres.store.js';
import { RedisStore } from '../stores/redis/redis.store.js';
import type { SessionStore } from '../stores/session-store.js';
import { checkedMemcachedClient } from './option-shapes.js';
import type { OptionsWithDefaults } from './option-defaults.js';
import type { StoreConnections, StoreName } from './session-options.js';

/**
 * Makes the store of that name. It loads the driver of that store, and no other.
 * @throws {SessionConfigurationError} when the driver is not installed, or its client or options are wrong.
 */
export async function createStore(
  name: StoreName,
  options: Pick<OptionsWithDefaults, keyof StoreConnections>,
): Promise<SessionStore> {
  const { redis, memcached } = options;
  switch (name) {
    case 'memory':
      return new MemoryStore(options.memory);
    case 'null':
      return new NullStore();
    case 'redis':
      return redis.client !== undefined ? new RedisStore(redis.client) : RedisStore.connect(redis);
    case 'memcached':
      return memcached.client !== undefined
        ? new MemcachedStore(checkedMemcachedClient(memcached.client))
        : MemcachedStore.connect(memcached);
    case 'postgres':
      return PostgresStore.connect(options.postgres);
    case 'mongo':
      return MongoStore.connect(options.mongo);
    case 'file':
      return FileStore.connect(options.file);
    case 'datastore':
      return DatastoreStore.connect(options.datastore);
    default:
      return name satisfies never;
  }
}
