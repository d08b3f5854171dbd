import { SessionConfigurationError } from '../session.errors.js';
import type { SessionStore } from './session-store.js';

const WHOLE = Symbol('nest-session.whole-store');

/** Verbs whose first argument is a key. */
const VERBS: readonly PropertyKey[] = [
  'get',
  'set',
  'delete',
  'read',
  'create',
  'replace',
] satisfies (keyof SessionStore)[];

/**
 * The store as the application may use it: everything but the keys of sessions. A key that a user can choose could otherwise be the
 * key of a session, and its value a session of the user's own making.
 * @param keyPrefix what the keys of sessions begin with; where it is empty they cannot be told from others, and all are allowed.
 */
export function applicationStore(store: SessionStore, keyPrefix: string): SessionStore {
  if (keyPrefix === '') return store;
  // A proxy, so that a store of the user's keeps its class, its further methods and its lifecycle hooks.
  return new Proxy(store, new KeyGuard(keyPrefix));
}

/** The store behind {@link applicationStore}, or the given one where a test has put it in its place. */
export function wholeStore(store: SessionStore): SessionStore {
  return (store as { readonly [WHOLE]?: SessionStore })[WHOLE] ?? store;
}

class KeyGuard implements ProxyHandler<SessionStore> {
  readonly #keyPrefix: string;

  constructor(keyPrefix: string) {
    this.#keyPrefix = keyPrefix;
  }

  get(store: SessionStore, property: PropertyKey): unknown {
    if (property === WHOLE) return store;
    const value: unknown = Reflect.get(store, property, store);
    if (typeof value !== 'function' || property === 'constructor') return value;
    if (!VERBS.includes(property)) return value.bind(store) as unknown;
    return async (key: unknown, ...rest: unknown[]): Promise<unknown> => {
      this.#check(key);
      return Reflect.apply(value, store, [key, ...rest]) as unknown;
    };
  }

  #check(key: unknown): void {
    if (typeof key !== 'string' || !key.startsWith(this.#keyPrefix)) return;
    throw new SessionConfigurationError(
      `Keys that begin with '${this.#keyPrefix}' belong to sessions (\`keyPrefix\`): choose another key for SESSION_STORE.`,
    );
  }
}
