import { DatastoreStore } from '../stores/datastore/datastore.store.js';
import { FileStore } from '../stores/file/file.store.js';
import { MemcachedStore } from '../stores/memcached/memcached.store.js';
import { MemoryStore } from '../stores/memory.store.js';
import { MigratingStore } from '../stores/migrating.store.js';
import { MongoStore } from '../stores/mongo/mongo.store.js';
import { NullStore } from '../stores/null.store.js';
import { PostgresStore } from '../stores/postgres/postgres.store.js';
import { RedisStore } from '../stores/redis/redis.store.js';
import type { SessionStore } from '../stores/session-store.js';
import type { StoreName } from './session-options.js';

const CLASSES: Readonly<Record<StoreName, { readonly prototype: SessionStore }>> = {
  memory: MemoryStore,
  null: NullStore,
  redis: RedisStore,
  memcached: MemcachedStore,
  postgres: PostgresStore,
  mongo: MongoStore,
  file: FileStore,
  datastore: DatastoreStore,
};

/** The name under which the option `store` chooses this store; of one of the application's own, the name of its class. */
export function storeName(store: SessionStore): string {
  return shippedAs(store) ?? (store.constructor.name || 'store');
}

/** Whether the store is one of the library's whose back-end may be down. */
export function hasBackEnd(store: SessionStore): boolean {
  // While sessions move, at least one of the two stores is none of this process.
  if (store instanceof MigratingStore) return true;
  const name = shippedAs(store);
  return name !== undefined && name !== 'memory' && name !== 'null';
}

function shippedAs(store: SessionStore): StoreName | undefined {
  const names = Object.keys(CLASSES) as StoreName[];
  return names.find((name) => CLASSES[name].prototype.isPrototypeOf(store));
}
