import { DatastoreStore } from '../stores/datastore/datastore.store.js';
import { FileStore } from '../stores/file/file.store.js';
import { MemcachedStore } from '../stores/memcached/memcached.store.js';
import { MigratingStore } from '../stores/migrating.store.js';
import { MemoryStore } from '../stores/memory.store.js';
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
export function storeName(given: SessionStore): string {
  const store = ownOf(given);
  return shippedAs(store) ?? (store.constructor.name || 'store');
}

/** Whether the store is one of the library's whose back-end may be down. */
export function hasBackEnd(store: SessionStore | StoreName): boolean {
  const name = typeof store === 'string' ? store : shippedAs(ownOf(store));
  return name !== undefined && name !== 'memory' && name !== 'null';
}

function shippedAs(store: SessionStore): StoreName | undefined {
  const names = Object.keys(CLASSES) as StoreName[];
  return names.find((name) => CLASSES[name].prototype.isPrototypeOf(store));
}

/** The store of the application, while sessions move between two. */
function ownOf(store: SessionStore): SessionStore {
  return store instanceof MigratingStore ? store.own : store;
}
