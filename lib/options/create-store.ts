import { SessionConfigurationError } from '../session.errors.js';
import { MemcachedStore } from '../stores/memcached/memcached.store.js';
import { MemoryStore } from '../stores/memory.store.js';
import { NullStore } from '../stores/null.store.js';
import { RedisStore } from '../stores/redis/redis.store.js';
import type { SessionStore } from '../stores/session-store.js';
import { checkedMemcachedClient, missingMethods } from './option-shapes.js';
import type { ResolvedOptions } from './resolve-options.js';
import type { StoreName } from './session-options.js';

/** Makes the store of that name. A driver is loaded only here, and only the one that is named. */
export async function createStore(name: StoreName, { redis, memcached }: ResolvedOptions): Promise<SessionStore> {
  switch (name) {
    case 'memory':
      return new MemoryStore();
    case 'null':
      return new NullStore();
    case 'redis':
      return redis.client !== undefined ? new RedisStore(redis.client) : RedisStore.connect(redis);
    case 'memcached':
      return memcached.client !== undefined
        ? new MemcachedStore(checkedMemcachedClient(memcached.client))
        : MemcachedStore.connect(memcached);
    default:
      return name satisfies never;
  }
}

const VERBS = ['get', 'set', 'delete', 'read', 'create', 'replace'] as const satisfies (keyof SessionStore)[];

/**
 * Refuses what is no store, before the first request finds out.
 * @throws {SessionConfigurationError} that names the missing verbs.
 */
export function checkStore(store: SessionStore): SessionStore {
  const missing = missingMethods(store, VERBS);
  if (missing.length === 0) return store;
  throw new SessionConfigurationError(`The given store has no ${missing.join(', ')}: implement SessionStore whole.`);
}
