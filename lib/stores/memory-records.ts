import { LRUCache } from 'lru-cache';

import { SessionTooLargeError } from '../session.errors.js';
import { checkedTtl, type StoredSession } from './session-store.js';

/** How much is kept at most. */
export interface MemoryBounds {
  /** Records. */
  readonly max: number;
  /** Bytes of keys and values together, two for each UTF-16 code unit. */
  readonly maxBytes: number;
}

/** Expired records are purged at most this often, because that walks over all records. */
const PURGE_INTERVAL_MS = 1000;

/** Records within bounds. To make room for a new record, expired ones go first, then those that were unused for longest. */
export class MemoryRecords extends LRUCache<string, StoredSession> {
  readonly #bounds: MemoryBounds;
  #purgedAt = -Infinity;

  /** @param onEvict called when a record is evicted that has not expired. */
  constructor(bounds: MemoryBounds, onEvict: () => void) {
    super({
      max: bounds.max,
      maxSize: bounds.maxBytes,
      // 0 reads the clock each time; otherwise lru-cache keeps a timer of its own.
      ttlResolution: 0,
      dispose: (_record, key, reason) => {
        // An expired record is still there, but `has` is false for it.
        if (reason === 'evict' && this.has(key)) onEvict();
      },
    });
    this.#bounds = bounds;
  }

  /** `false` for an expired record too, which `LRUCache` alone would delete with `true`. */
  override delete(key: string): boolean {
    return this.has(key) && super.delete(key);
  }

  /**
   * Adds the record, or puts it in the place of the one under the key.
   * @param ttl seconds; without it the record stays.
   * @throws {SessionConfigurationError} when the `ttl` is not whole seconds of at least 1.
   * @throws {SessionTooLargeError} when the record alone is larger than the bound. In both cases nothing changes.
   */
  put(key: string, record: StoredSession, ttl: number | undefined): void {
    const milliseconds = ttl === undefined ? 0 : checkedTtl(ttl) * 1000;
    const size = sizeOf(key, record);
    const { maxBytes } = this.#bounds;
    if (size > maxBytes) {
      throw new SessionTooLargeError(
        `MemoryStore holds ${maxBytes} bytes in all: keep less in the session, or raise maxBytes.`,
      );
    }
    if (!this.#hasRoom(key, size)) this.#purge();
    this.set(key, record, { ttl: milliseconds, size });
  }

  #hasRoom(key: string, size: number): boolean {
    const { max, maxBytes } = this.#bounds;
    const old = this.peek(key);
    const bytes = this.calculatedSize + size - (old ? sizeOf(key, old) : 0);
    return bytes <= maxBytes && (old !== undefined || this.size < max);
  }

  #purge(): void {
    const now = performance.now();
    if (now - this.#purgedAt < PURGE_INTERVAL_MS) return;
    this.#purgedAt = now;
    this.purgeStale();
  }
}

/** At least 1, because lru-cache accepts no record without a size. */
function sizeOf(key: string, { value }: StoredSession): number {
  return Math.max(1, 2 * (key.length + value.length));
}
