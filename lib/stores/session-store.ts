import { SessionConfigurationError } from '../session.errors.js';

/** What {@link SessionStore.read} finds: the record as another program would read it, and its version. */
export interface StoredSession {
  /** The stored text, unchanged. */
  readonly value: string;
  /** Tells the store later whether the record is still the one that was read. Only the store itself looks at it. */
  readonly version: unknown;
}

/** The result of a {@link SessionStore.replace}. */
export type ReplaceOutcome = 'replaced' | 'conflict' | 'missing';

/**
 * A back-end that keeps records by key.
 *
 * Keys and values are opaque strings; a value is exactly what another program reads under that key. Missing, expired and
 * already deleted are results, never errors. A rejection means that the back-end failed or did not answer. It is a
 * {@link SessionStoreError} with the driver's error as `cause`, and with `isRefusal` if the back-end itself refused the command.
 * The store refuses a value that the back-end cannot hold before it sends it, with a {@link SessionTooLargeError}. Lifetimes are
 * whole seconds, at least 1. A store knows nothing of cookies, serializers and hashes.
 *
 * A result is certain. If a connection broke while a write was under way, and the driver sent the write again or gave it up, the
 * store cannot tell its own result from another client's: then it rejects. A write that was rejected without `isRefusal` may have
 * been carried out, at most once.
 */
export interface SessionStore {
  /** For direct use: the value, or `undefined` when the key is missing or expired. */
  get(key: string): Promise<string | undefined>;

  /**
   * For direct use, and for the tombstone of a destroyed session: stores the value whether or not the key exists, with a new
   * version.
   * @param ttl seconds until it expires, a whole number of at least 1; without it the value stays until it is deleted or evicted.
   */
  set(key: string, value: string, ttl?: number): Promise<void>;

  /**
   * Removes the key. `true` if there was something to remove; an already missing key is `false`, not an error. Rejects when it
   * found nothing but may itself have removed the key before, in a first attempt.
   */
  delete(key: string): Promise<boolean>;

  /** For the engine: the record and its version, or `undefined` when it is missing or expired. */
  read(key: string): Promise<StoredSession | undefined>;

  /**
   * For the engine: stores a record under a key that must not exist yet. `false` means that the key exists and nothing changed:
   * two sessions never share an id. Rejects when the record that exists may be its own, from a first attempt.
   */
  create(key: string, value: string, ttl: number): Promise<boolean>;

  /**
   * For the engine: stores a record only if the record under the key still has the version that was read (compare-and-set).
   * `'conflict'`: another write came first, and nothing changed. `'missing'`: the record is gone, and stays gone; replace never
   * creates, or a slow request would undo a logout. Rejects when the record that exists may be its own, from a first attempt: the
   * caller would take its own result for another client's, and count twice.
   */
  replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome>;
}

const VERBS: Readonly<Record<keyof SessionStore, true>> = {
  get: true,
  set: true,
  delete: true,
  read: true,
  create: true,
  replace: true,
};

/** The methods of every store. The first argument of each is a key. */
export const STORE_VERBS: readonly string[] = Object.keys(VERBS);

/** The optional power of a store that holds a connection. The maker of the store calls `close` once, at shutdown. */
export interface ClosableStore extends SessionStore {
  /** Ends the connections that the store itself opened, and no others. Safe to call twice. */
  close(): Promise<void>;
}

/** Whether the store has a connection to close. */
export function isClosableStore(store: SessionStore): store is ClosableStore {
  return typeof (store as Partial<ClosableStore>).close === 'function';
}

/**
 * The optional power of a store whose version of a record follows from the text alone. Saves of one session that wait for each other
 * in one process then go on from the text that the save before them has written, and save the read.
 */
export interface TextVersionedStore extends SessionStore {
  /**
   * The version that {@link SessionStore.read} gives to a record of this text, and that the next {@link SessionStore.replace} has to
   * name. `undefined` when only a read can tell, as for a text that does not come back as it was written.
   */
  versionOf(value: string): unknown;
}

/** Whether the store can tell the version of a record from its text. */
export function isTextVersionedStore(store: SessionStore): store is TextVersionedStore {
  return typeof (store as Partial<TextVersionedStore>).versionOf === 'function';
}

/**
 * The lifetime in seconds, if it is valid.
 * @throws {SessionConfigurationError} when it is not whole seconds of at least 1: Memcached reads 0 as "for ever" and Redis
 * refuses it, and a mistake must not depend on the store.
 */
export function checkedTtl(ttl: number): number {
  if (Number.isSafeInteger(ttl) && ttl >= 1) return ttl;
  throw new SessionConfigurationError(
    'A ttl is a whole number of seconds, at least 1; leave it out to keep the value.',
  );
}
