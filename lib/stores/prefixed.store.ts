import type { SessionStore } from './session-store.js';

/** What the keys of sessions begin with: in the application, and in the other store. */
export interface Prefixes {
  readonly keyPrefix: string;
  readonly otherPrefix: string;
}

/** A store whose keys of sessions begin otherwise, under the keys that the application has for them now. */
export function otherPrefixed(store: SessionStore, { keyPrefix, otherPrefix }: Prefixes): SessionStore {
  if (otherPrefix === keyPrefix) return store;
  const keyOf = (key: string): string => (key.startsWith(keyPrefix) ? otherPrefix + key.slice(keyPrefix.length) : key);
  return {
    get: (key) => store.get(keyOf(key)),
    set: (key, value, ttl) => store.set(keyOf(key), value, ttl),
    delete: (key) => store.delete(keyOf(key)),
    read: (key) => store.read(keyOf(key)),
    create: (key, value, ttl) => store.create(keyOf(key), value, ttl),
    replace: (key, value, ttl, version) => store.replace(keyOf(key), value, ttl, version),
  };
}
