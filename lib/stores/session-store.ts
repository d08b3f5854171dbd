/** What {@link SessionStore.read} finds: the record as another program would read it, and what version it is. */
export interface StoredSession {
  /** The stored text, unchanged. */
  readonly value: string;
  /** Whatever this store needs to tell later whether the record is still the one that was read. Opaque to all others. */
  readonly version: unknown;
}

/** What became of a {@link SessionStore.replace}. */
export type ReplaceOutcome = 'replaced' | 'conflict' | 'missing';

/**
 * A back-end that keeps records by key.
 *
 * Keys and values are opaque strings; a value is exactly what another program reads under that key. Missing, expired and
 * already deleted are answers, never errors. A rejection means that the back-end failed or did not answer, and is a
 * {@link SessionStoreError} with the driver's error as `cause`, and with `isRefusal` where the back-end itself said no; a value
 * the back-end cannot hold is refused before it is sent, with a {@link SessionTooLargeError}. Lifetimes are whole seconds, at
 * least 1. A store knows nothing of cookies, serializers and hashes.
 *
 * An answer is certain. Where a connection broke while a write was under way, and the driver sent it again or gave it up, the
 * store cannot tell its own result from a rival's: then it rejects. A write that was rejected without `isRefusal` may have been
 * carried out; it counts at most once.
 */
export interface SessionStore {
  /** For direct use: the value, or `undefined` when the key is missing or expired. */
  get(key: string): Promise<string | undefined>;

  /**
   * For direct use, and for the tombstone of a session that was destroyed: stores the value whether or not the key exists. Whoever
   * read before finds another version from then on.
   * @param ttl seconds until it expires, a whole number of at least 1; without it the value stays until it is deleted or evicted.
   */
  set(key: string, value: string, ttl?: number): Promise<void>;

  /**
   * Removes the key. `true` if there was something to remove; an already missing key is `false`, not an error. Where this very call
   * may have removed it before it found nothing, it rejects.
   */
  delete(key: string): Promise<boolean>;

  /** For the engine: the record and its version, or `undefined` when it is missing or expired. */
  read(key: string): Promise<StoredSession | undefined>;

  /**
   * For the engine: stores a record under a key that must not exist yet. `false` means that the key exists, and then nothing
   * was changed: two sessions never share an id. Where the record that exists may be the one of this very call, it rejects.
   */
  create(key: string, value: string, ttl: number): Promise<boolean>;

  /**
   * For the engine: stores a record only if the one under the key is still the version that was read (compare-and-set).
   * `'conflict'`: somebody else wrote in between, and nothing was changed. `'missing'`: the record is gone, and it stays gone;
   * replace never creates, or a slow request would undo a logout. Where the record that is there may be the one of this very call,
   * it rejects: the caller would take its own result for a rival's, and count twice.
   */
  replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome>;
}

/** The optional power of a store that holds a connection: whoever made the store calls `close` once, at shutdown. */
export interface ClosableStore extends SessionStore {
  /** Ends the connections that the store itself opened, and no others. Safe to call twice. */
  close(): Promise<void>;
}

/** Whether the store has a connection to close. */
export function isClosableStore(store: SessionStore): store is ClosableStore {
  return typeof (store as Partial<ClosableStore>).close === 'function';
}
