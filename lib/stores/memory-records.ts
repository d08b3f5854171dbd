import { LRUCache } from 'lru-cache';
import { SessionTooLargeError } from '../session.errors.js';
import type { StoredSession } from './session-store.js';

/** How much is kept at most. */
export interface MemoryBounds {
  /** Records. */
  readonly max: number;
  /** Bytes of keys and values together, two for each UTF-16 code unit. */
  readonly maxBytes: number;
}

/** Expired records are looked for at most this often, as that takes a walk over all of them. */
const PURGE_INTERVAL_MS = 1000;

/** Records within bounds. Where a new one has no room, expired ones go first, and then those that were not used for longest. */
export class MemoryRecords {
  readonly #bounds: MemoryBounds;
  readonly #records: LRUCache<string, StoredSession>;
  #purgedAt = -Infinity;

  /** @param onEvict called when a record has to go that has not expired. */
  constructor(bounds: MemoryBounds, onEvict: () => void) {
    this.#bounds = bounds;
    this.#records = new LRUCache({
      max: bounds.max,
      maxSize: bounds.maxBytes,
      // 0 asks the clock each time; otherwise lru-cache keeps a timer of its own.
      ttlResolution: 0,
      dispose: (_record, key, reason) => {
        // An expired record is still there, but `has` is false for it.
        if (reason === 'evict' && this.#records.has(key)) onEvict();
      },
    });
  }

  has(key: string): boolean {
    return this.#records.has(key);
  }

  get(key: string): StoredSession | undefined {
    return this.#records.get(key);
  }

  delete(key: string): boolean {
    // `delete` alone would still find an expired record.
    return this.#records.has(key) && this.#records.delete(key);
  }

  /**
   * @param ttl milliseconds, or 0 for a record that stays.
   * @throws {SessionTooLargeError} for a record that has no room even alone; then nothing is changed.
   */
  set(key: string, record: StoredSession, ttl: number): void {
    const size = sizeOf(key, record);
    const { maxBytes } = this.#bounds;
    if (size > maxBytes) {
      throw new SessionTooLargeError(
        `MemoryStore holds ${maxBytes} bytes in all: keep less in the session, or raise maxBytes.`,
      );
    }
    if (!this.#hasRoom(key, size)) this.#purge();
    this.#records.set(key, record, { ttl, size });
  }

  #hasRoom(key: string, size: number): boolean {
    const { max, maxBytes } = this.#bounds;
    const old = this.#records.peek(key);
    const bytes = this.#records.calculatedSize + size - (old ? sizeOf(key, old) : 0);
    return bytes <= maxBytes && (old !== undefined || this.#records.size < max);
  }

  #purge(): void {
    const now = performance.now();
    if (now - this.#purgedAt < PURGE_INTERVAL_MS) return;
    this.#purgedAt = now;
    this.#records.purgeStale();
  }
}

/** At least 1: lru-cache takes no record without a size. */
function sizeOf(key: string, { value }: StoredSession): number {
  return Math.max(1, 2 * (key.length + value.length));
}
