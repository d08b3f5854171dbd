import { SessionTooLargeError } from '../session.errors.js';
import { ExpiryQueue, type Expiring } from './expiry-queue.js';
import { KeyIndex } from './key-index.js';
import { LinkedQueue, type Linked } from './linked-queue.js';
import { checkedTtl, type StoredSession } from './session-store.js';

/** How much is kept at most. */
export interface MemoryBounds {
  /** Records. */
  readonly max: number;
  /** Bytes of keys and values together, two for each UTF-16 code unit. */
  readonly maxBytes: number;
}

interface KeptRecord extends Expiring, Linked<KeptRecord> {
  readonly key: string;
  readonly stored: StoredSession;
  readonly bytes: number;
}

/**
 * Records within bounds. To make room for a new record, expired ones go first, then those that were unused for longest. No more go
 * than the new one needs, so that no request pays for all that has expired.
 */
export class MemoryRecords {
  readonly #bounds: MemoryBounds;
  readonly #onEvict: () => void;
  readonly #records = new KeyIndex<KeptRecord>();
  readonly #byUse = new LinkedQueue<KeptRecord>();
  readonly #byExpiry = new ExpiryQueue<KeptRecord>();
  #bytes = 0;

  /** @param onEvict called when a record is evicted that has not expired. */
  constructor(bounds: MemoryBounds, onEvict: () => void) {
    this.#bounds = bounds;
    this.#onEvict = onEvict;
  }

  /** Whether there is a record that has not expired. */
  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** The record, which counts as used now. */
  get(key: string): StoredSession | undefined {
    const record = this.#find(key);
    if (record === undefined) return undefined;
    this.#byUse.remove(record);
    this.#byUse.add(record);
    return record.stored;
  }

  /** @returns whether there was a record that had not expired. */
  delete(key: string): boolean {
    const record = this.#find(key);
    if (record !== undefined) this.#remove(record);
    return record !== undefined;
  }

  /**
   * Adds the record, or puts it in the place of the one under the key.
   * @param ttl seconds; without it the record stays.
   * @throws {SessionConfigurationError} when the `ttl` is not whole seconds of at least 1.
   * @throws {SessionTooLargeError} when the record alone is larger than the bound. In both cases nothing changes.
   */
  put(key: string, stored: StoredSession, ttl: number | undefined): void {
    this.keep(key, stored, ttl === undefined ? Infinity : performance.now() + checkedTtl(ttl) * 1000);
  }

  /**
   * The same, until a point in time.
   * @param expiresAt milliseconds, as `performance.now()` counts them.
   */
  keep(key: string, stored: StoredSession, expiresAt: number): void {
    const bytes = 2 * (key.length + stored.value.length);
    const { maxBytes } = this.#bounds;
    if (bytes > maxBytes) {
      throw new SessionTooLargeError(
        `MemoryStore holds ${maxBytes} bytes in all: keep less in the session, or raise maxBytes.`,
      );
    }
    const old = this.#records.get(key);
    if (old !== undefined) this.#unlink(old);
    this.#makeRoom(bytes, old === undefined ? 1 : 0);
    this.#add({ key, stored, bytes, expiresAt, place: -1, older: undefined, newer: undefined });
  }

  /**
   * All records that have not expired.
   * @yields those first that were unused for longest.
   */
  *living(): Iterable<Pick<KeptRecord, 'key' | 'stored' | 'expiresAt'>> {
    for (let record = this.#byUse.oldest; record !== undefined; record = record.newer)
      if (!hasExpired(record)) yield record;
  }

  /** The record, if it has not expired. Removes one that has. */
  #find(key: string): KeptRecord | undefined {
    const record = this.#records.get(key);
    if (record === undefined || !hasExpired(record)) return record;
    this.#remove(record);
    return undefined;
  }

  #makeRoom(bytes: number, records: number): void {
    const { max, maxBytes } = this.#bounds;
    while (this.#records.size + records > max || this.#bytes + bytes > maxBytes) {
      const { first } = this.#byExpiry;
      const isExpired = first !== undefined && hasExpired(first);
      const leaving = isExpired ? first : this.#byUse.oldest;
      if (leaving === undefined) return;
      this.#remove(leaving);
      if (!isExpired) this.#onEvict();
    }
  }

  #add(record: KeptRecord): void {
    this.#records.set(record.key, record);
    this.#byUse.add(record);
    if (record.expiresAt !== Infinity) this.#byExpiry.add(record);
    this.#bytes += record.bytes;
  }

  #remove(record: KeptRecord): void {
    this.#records.delete(record.key);
    this.#unlink(record);
  }

  /** Takes a record out of all but the index of keys, where the next one under its key takes its place. */
  #unlink(record: KeptRecord): void {
    this.#byUse.remove(record);
    this.#byExpiry.remove(record);
    this.#bytes -= record.bytes;
  }
}

function hasExpired({ expiresAt }: Expiring): boolean {
  return expiresAt < performance.now();
}
