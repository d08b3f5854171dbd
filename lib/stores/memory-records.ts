import { LRUCache } from 'lru-cache';

import { SessionTooLargeError } from '../session.errors.js';
import { ExpiryQueue, type Expiring } from './expiry-queue.js';
import { checkedTtl, type StoredSession } from './session-store.js';

/** How much is kept at most. */
export interface MemoryBounds {
  /** Records. */
  readonly max: number;
  /** Bytes of keys and values together, two for each UTF-16 code unit. */
  readonly maxBytes: number;
}

/** A record with the time at which it expires; `Infinity` when it stays. */
interface KeptRecord extends Expiring {
  readonly key: string;
  readonly stored: StoredSession;
}

/** Records within bounds. To make room for a new record, expired ones go first, then those that were unused for longest. */
export class MemoryRecords {
  readonly #bounds: MemoryBounds;
  readonly #records: LRUCache<string, KeptRecord>;
  readonly #expiring = new ExpiryQueue<KeptRecord>();

  /** @param onEvict called when a record is evicted that has not expired. */
  constructor(bounds: MemoryBounds, onEvict: () => void) {
    this.#bounds = bounds;
    this.#records = new LRUCache({
      max: bounds.max,
      maxSize: bounds.maxBytes,
      dispose: (record, _key, reason) => {
        this.#expiring.remove(record);
        if (reason === 'evict') onEvict();
      },
    });
  }

  /** Whether there is a record that has not expired. */
  has(key: string): boolean {
    const record = this.#records.peek(key);
    return record !== undefined && !hasExpired(record);
  }

  /** The record, which counts as used now. Removes one that has expired. */
  get(key: string): StoredSession | undefined {
    const record = this.#records.get(key);
    if (record === undefined) return undefined;
    if (!hasExpired(record)) return record.stored;
    this.#records.delete(key);
    return undefined;
  }

  /** @returns whether there was a record that had not expired. */
  delete(key: string): boolean {
    return this.has(key) && this.#records.delete(key);
  }

  /**
   * Adds the record, or puts it in the place of the one under the key.
   * @param ttl seconds; without it the record stays.
   * @throws {SessionConfigurationError} when the `ttl` is not whole seconds of at least 1.
   * @throws {SessionTooLargeError} when the record alone is larger than the bound. In both cases nothing changes.
   */
  put(key: string, stored: StoredSession, ttl: number | undefined): void {
    const expiresAt = ttl === undefined ? Infinity : performance.now() + checkedTtl(ttl) * 1000;
    const size = sizeOf(key, stored);
    const { maxBytes } = this.#bounds;
    if (size > maxBytes) {
      throw new SessionTooLargeError(
        `MemoryStore holds ${maxBytes} bytes in all: keep less in the session, or raise maxBytes.`,
      );
    }
    this.#makeRoom(key, size);
    const record: KeptRecord = { key, stored, expiresAt, place: -1 };
    this.#records.set(key, record, { size });
    if (ttl !== undefined) this.#expiring.add(record);
  }

  /** Removes expired records, the oldest first, and no more than the new record needs. */
  #makeRoom(key: string, size: number): void {
    while (!this.#hasRoom(key, size)) {
      const { first } = this.#expiring;
      if (first === undefined || !hasExpired(first)) break;
      this.#records.delete(first.key);
    }
  }

  #hasRoom(key: string, size: number): boolean {
    const { max, maxBytes } = this.#bounds;
    const old = this.#records.peek(key);
    const bytes = this.#records.calculatedSize + size - (old ? sizeOf(key, old.stored) : 0);
    return bytes <= maxBytes && (old !== undefined || this.#records.size < max);
  }
}

function hasExpired({ expiresAt }: Expiring): boolean {
  return expiresAt < performance.now();
}

/** At least 1, because lru-cache accepts no record without a size. */
function sizeOf(key: string, { value }: StoredSession): number {
  return Math.max(1, 2 * (key.length + value.length));
}
