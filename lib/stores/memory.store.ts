import { LRUCache } from 'lru-cache';
import { SessionConfigurationError } from '../session.errors.js';
import type { ReplaceOutcome, SessionStore, StoredSession } from './session-store.js';
import { checkedTtl } from './ttl.js';

/** Records a {@link MemoryStore} keeps unless told otherwise; beyond it the one that was not used for longest goes. */
export const MEMORY_STORE_MAX = 10_000;

/** Options of a {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Most records to keep, a whole number of at least 1; default {@link MEMORY_STORE_MAX}. */
  readonly max?: number;
}

/**
 * Keeps records in this process: for development, tests and a single small instance. They are gone after a restart and are
 * seen by no other process. Bounded, and without a timer that would keep the process alive: an expired record leaves its
 * place when it is asked for, or when the bound pushes it out.
 */
export class MemoryStore implements SessionStore {
  readonly #records: LRUCache<string, StoredSession>;
  #writes = 0;

  /** @throws SessionConfigurationError when `max` is not a whole number of at least 1. */
  constructor({ max = MEMORY_STORE_MAX }: MemoryStoreOptions = {}) {
    if (!Number.isSafeInteger(max) || max < 1) {
      throw new SessionConfigurationError('MemoryStore: max is a number of records, a whole number of at least 1.');
    }
    // Resolution 0 asks the clock each time; otherwise lru-cache keeps a timer of its own.
    this.#records = new LRUCache({ max, ttlResolution: 0 });
  }

  async get(key: string): Promise<string | undefined> {
    return this.#records.get(key)?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    this.#write(key, value, ttl);
  }

  async delete(key: string): Promise<boolean> {
    // `has` is false for an expired record, which `delete` alone would still find.
    return this.#records.has(key) && this.#records.delete(key);
  }

  async read(key: string): Promise<StoredSession | undefined> {
    return this.#records.get(key);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (this.#records.has(key)) return false;
    this.#write(key, value, ttl);
    return true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const stored = this.#records.get(key);
    if (!stored) return 'missing';
    if (stored.version !== version) return 'conflict';
    this.#write(key, value, ttl);
    return 'replaced';
  }

  #write(key: string, value: string, ttl?: number): void {
    const milliseconds = ttl === undefined ? 0 : checkedTtl(ttl) * 1000;
    this.#records.set(key, Object.freeze({ value, version: ++this.#writes }), { ttl: milliseconds });
  }
}
