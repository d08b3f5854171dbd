import { SessionConfigurationError } from '../session.errors.js';
import { MemoryRecords, type MemoryBounds } from './memory-records.js';
import type { ReplaceOutcome, SessionStore, StoredSession } from './session-store.js';
import { checkedTtl } from './ttl.js';

/** Sessions a {@link MemoryStore} keeps unless told otherwise. */
export const MEMORY_STORE_MAX = 10_000;
/** Bytes of sessions a {@link MemoryStore} keeps unless told otherwise: 64 MiB. */
export const MEMORY_STORE_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Options of a {@link MemoryStore}. Both bounds hold for sessions, and once more for the values that the application itself keeps
 * in the store: neither pushes the other out. Beyond a bound the record goes that was not used for longest.
 */
export interface MemoryStoreOptions {
  /** Most sessions to keep, and most values; a whole number of at least 1. @default 10000 */
  readonly max?: number;
  /**
   * Most bytes of sessions to keep, and most of values; a whole number of at least 1. Key and value count, two bytes for each
   * UTF-16 code unit. What alone is larger is refused with a {@link SessionTooLargeError}. @default 67108864, which is 64 MiB
   */
  readonly maxBytes?: number;
}

/**
 * Keeps records in this process: for development, tests and a single small instance. They are gone after a restart and are
 * seen by no other process. Bounded, and without a timer that would keep the process alive: an expired record leaves its
 * place when it is asked for, or when there is no room for another one.
 *
 * Anyone who can start sessions can fill it. When a record has to go that has not expired, a process warning of the name
 * `MemoryStore` says so, once for each store.
 *
 * What `create` makes counts as a session, what `set` puts under a new key as a value of the application.
 */
export class MemoryStore implements SessionStore {
  readonly #sessions: MemoryRecords;
  readonly #values: MemoryRecords;
  #writes = 0;
  #warned = false;

  /** @throws {SessionConfigurationError} when `max` or `maxBytes` is not a whole number of at least 1. */
  constructor({ max = MEMORY_STORE_MAX, maxBytes = MEMORY_STORE_MAX_BYTES }: MemoryStoreOptions = {}) {
    if (!isBound(max)) {
      throw new SessionConfigurationError('MemoryStore: max is a number of records, a whole number of at least 1.');
    }
    if (!isBound(maxBytes)) {
      throw new SessionConfigurationError('MemoryStore: maxBytes is a number of bytes, a whole number of at least 1.');
    }
    const bounds: MemoryBounds = { max, maxBytes };
    this.#sessions = new MemoryRecords(bounds, () =>
      this.#warn('a session that had not expired: its user is signed out'),
    );
    this.#values = new MemoryRecords(bounds, () => this.#warn('a value of the application that had not expired'));
  }

  async get(key: string): Promise<string | undefined> {
    return this.#find(key)?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    // A tombstone takes the place of its session.
    this.#write(this.#sessions.has(key) ? this.#sessions : this.#values, key, value, ttl);
  }

  async delete(key: string): Promise<boolean> {
    return this.#sessions.delete(key) || this.#values.delete(key);
  }

  async read(key: string): Promise<StoredSession | undefined> {
    return this.#find(key);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (this.#find(key)) return false;
    this.#write(this.#sessions, key, value, ttl);
    return true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const stored = this.#find(key);
    if (!stored) return 'missing';
    if (stored.version !== version) return 'conflict';
    this.#write(this.#values.has(key) ? this.#values : this.#sessions, key, value, ttl);
    return 'replaced';
  }

  #find(key: string): StoredSession | undefined {
    return this.#sessions.get(key) ?? this.#values.get(key);
  }

  #write(records: MemoryRecords, key: string, value: string, ttl?: number): void {
    const milliseconds = ttl === undefined ? 0 : checkedTtl(ttl) * 1000;
    records.set(key, Object.freeze({ value, version: ++this.#writes }), milliseconds);
  }

  #warn(what: string): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(
      `MemoryStore is full and has let go of ${what}. Use another store, such as 'redis', or raise max or maxBytes.`,
      'MemoryStore',
    );
  }
}

function isBound(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
