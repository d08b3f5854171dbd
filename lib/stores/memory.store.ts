import { SessionConfigurationError, SessionStoreError } from '../session.errors.js';
import { MemoryRecords, type MemoryBounds } from './memory-records.js';
import { MemorySnapshot, type SnapshotRecord } from './memory-snapshot.js';
import { checkOwnOptions } from './own-options.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from './session-store.js';

/** The default of {@link MemoryStoreOptions.max}. */
export const MEMORY_STORE_MAX = 10_000;
/** The default of {@link MemoryStoreOptions.maxBytes}: 64 MiB. */
export const MEMORY_STORE_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Options of a {@link MemoryStore}. Both bounds hold for sessions, and once more for the values that the application itself keeps
 * in the store: neither pushes the other out. Beyond a bound the store drops the record that was unused for longest.
 */
export interface MemoryStoreOptions {
  /** Most sessions to keep, and most values; a whole number of at least 1. @default 10000 */
  readonly max?: number;
  /**
   * Most bytes of sessions to keep, and most of values; a whole number of at least 1. Key and value count, two bytes for each
   * UTF-16 code unit. The store refuses a record that alone is larger with a {@link SessionTooLargeError}.
   * @default 67108864, which is 64 MiB
   */
  readonly maxBytes?: number;
  /**
   * The path of a file in which `close` leaves what is in the store, and from which the next store takes it, so that a restart signs
   * no user out. `store: 'memory'` closes at `app.close()`, and at a signal after `app.enableShutdownHooks()`; a process that is killed
   * or crashes leaves nothing. The module warns if nothing listens to SIGTERM ten seconds after the start. For one process at
   * a time. The file holds what is in the sessions, and only its owner may read it: choose a folder that no other user can write to. The
   * folder has to exist, and let this process write.
   * @default undefined: a restart loses the sessions
   */
  readonly snapshot?: string | undefined;
}

const NAMES: readonly string[] = ['max', 'maxBytes', 'snapshot'] satisfies (keyof MemoryStoreOptions)[];

/**
 * Keeps records in this process: for development, tests and a single small instance. A restart loses them, unless `snapshot` names a
 * file, and no other process sees them. The store is bounded, and has no timer that would keep the process alive: an expired record
 * leaves its place when it is read, or when another record needs the room.
 *
 * Any visitor who can start sessions can fill the store. When it drops a record that has not expired, a process warning of the name
 * `MemoryStore` says so, once for each store.
 *
 * A record that `create` makes counts as a session, and one that `set` puts under a new key as a value of the application.
 */
export class MemoryStore implements ClosableStore {
  readonly #sessions: MemoryRecords;
  readonly #values: MemoryRecords;
  readonly #snapshot: MemorySnapshot | undefined;
  #isClosed = false;
  #writes = 0;
  #warned = false;

  /**
   * @throws {SessionConfigurationError} when `max` or `maxBytes` is not a whole number of at least 1, an option is unknown, or `snapshot`
   * is no path of a file that can be written.
   */
  constructor(options: MemoryStoreOptions = {}) {
    checkOwnOptions('memory', options, NAMES);
    const { max = MEMORY_STORE_MAX, maxBytes = MEMORY_STORE_MAX_BYTES, snapshot } = options;
    checkOptions({ max, maxBytes, snapshot });
    const bounds: MemoryBounds = { max, maxBytes };
    this.#sessions = new MemoryRecords(bounds, () =>
      this.#warn('a session that had not expired: its user is signed out'),
    );
    this.#values = new MemoryRecords(bounds, () => this.#warn('a value of the application that had not expired'));
    this.#snapshot = snapshot === undefined ? undefined : new MemorySnapshot(snapshot);
    for (const record of this.#snapshot?.take() ?? []) this.#restore(record);
  }

  /**
   * With `snapshot`: writes the file, and refuses every further command, as a logout after it would be undone at the next start. A
   * second call does nothing. Without: does nothing.
   */
  async close(): Promise<void> {
    if (this.#snapshot === undefined || this.#isClosed) return;
    this.#isClosed = true;
    await this.#snapshot.write(this.#living());
  }

  async get(key: string): Promise<string | undefined> {
    return this.#find(key)?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    this.#refuseIfClosed();
    this.#snapshot?.forget();
    // A tombstone takes the place of its session.
    const records = this.#sessions.has(key) ? this.#sessions : this.#values;
    records.put(key, this.#versioned(value), ttl);
  }

  async delete(key: string): Promise<boolean> {
    this.#refuseIfClosed();
    this.#snapshot?.forget();
    return this.#sessions.delete(key) || this.#values.delete(key);
  }

  async read(key: string): Promise<StoredSession | undefined> {
    return this.#find(key);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (this.#find(key)) return false;
    this.#snapshot?.forget();
    this.#sessions.put(key, this.#versioned(value), ttl);
    return true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const stored = this.#find(key);
    if (!stored) return 'missing';
    if (stored.version !== version) return 'conflict';
    this.#snapshot?.forget();
    const records = this.#values.has(key) ? this.#values : this.#sessions;
    records.put(key, this.#versioned(value), ttl);
    return 'replaced';
  }

  #find(key: string): StoredSession | undefined {
    this.#refuseIfClosed();
    return this.#sessions.get(key) ?? this.#values.get(key);
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new SessionStoreError('MemoryStore is closed, and has written its snapshot.');
  }

  *#living(): Iterable<SnapshotRecord> {
    const toWallClock = Date.now() - performance.now();
    for (const [kind, records] of [['session', this.#sessions] as const, ['value', this.#values] as const]) {
      for (const { key, stored, expiresAt } of records.living())
        yield { kind, key, value: stored.value, expiresAt: expiresAt === Infinity ? null : expiresAt + toWallClock };
    }
  }

  #restore({ kind, key, value, expiresAt }: SnapshotRecord): void {
    const left = expiresAt === null ? Infinity : expiresAt - Date.now();
    const records = kind === 'session' ? this.#sessions : this.#values;
    if (left > 0) records.keep(key, this.#versioned(value), performance.now() + left);
  }

  #versioned(value: string): StoredSession {
    return Object.freeze({ value, version: ++this.#writes });
  }

  #warn(what: string): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(
      `MemoryStore is full and has dropped ${what}. Use another store, such as 'redis', or raise max or maxBytes.`,
      'MemoryStore',
    );
  }
}

function checkOptions({ max, maxBytes, snapshot }: MemoryStoreOptions): void {
  if (!isBound(max)) {
    throw new SessionConfigurationError('MemoryStore: max is a number of records, a whole number of at least 1.');
  }
  if (!isBound(maxBytes)) {
    throw new SessionConfigurationError('MemoryStore: maxBytes is a number of bytes, a whole number of at least 1.');
  }
  if (snapshot !== undefined && (typeof snapshot !== 'string' || snapshot === '')) {
    throw new SessionConfigurationError('MemoryStore: snapshot is the path of a file, such as /var/lib/app/sessions.');
  }
}

function isBound(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
