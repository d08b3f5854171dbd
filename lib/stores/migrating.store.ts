import { randomBytes } from 'node:crypto';

import { isTombstone, TOMBSTONE_MARK, TOMBSTONE_SECONDS } from '../session/tombstone.js';
import {
  isStoreRefusal,
  SessionConfigurationError,
  SessionConflictError,
  SessionTooLargeError,
} from '../session.errors.js';
import {
  isTextVersionedStore,
  type ReplaceOutcome,
  type SessionStore,
  type StoredSession,
  type TextVersionedStore,
} from './session-store.js';

/** What a {@link MigratingStore} works with. */
export interface MigratingStoreOptions {
  /** The store that sessions leave. */
  readonly from: SessionStore;
  /** The store that they move to. */
  readonly to: SessionStore;
  /** Whether this process moves what it reads and creates what is new in `to`; otherwise it works on every record where that lies. */
  readonly moves: boolean;
  /** What the keys of sessions begin with. */
  readonly keyPrefix: string;
  /** For how many seconds a store should keep this text; `undefined` when it is none of the library's, and stays where it is. */
  readonly ttlOf: (key: string, text: string) => number | undefined;
}

/** The version of a record, and in which of the two stores it lies. */
interface PlacedVersion {
  readonly store: SessionStore;
  readonly version: unknown;
}

/** A record that moves, as `from` keeps it. */
interface MovingRecord {
  readonly text: string;
  readonly ttl: number;
  readonly version: unknown;
}

// Each mark begins as a tombstone does. A process that knows nothing of the migration then leaves the cookie alone, too.
const MOVING = `${TOMBSTONE_MARK}moving `;
const MOVED = `${TOMBSTONE_MARK}moved `;
const DELETED = `${TOMBSTONE_MARK}deleted `;

/** Milliseconds. A process that was so slow may have found a record that has moved, ended, and lost its tombstone meanwhile. */
const LATE_MS = (TOMBSTONE_SECONDS - 5) * 1000;

const ONE_STORE =
  'The two stores of migrateFrom or migrateTo are one and the same back-end, with the same keys: name the other one, or its keyPrefix.';

/** How many other processes may change a record while one looks for it. */
const ATTEMPTS = 100;

/**
 * Two stores as one, while the sessions move from one to the other: each at its next request, and none of them twice.
 *
 * A record has four states, and every step from one to the next is one command, so that a process may die after any of them:
 *
 * 1. Only `from` has it. Processes that do not move records work on it here.
 * 2. `from` has it marked as moving, by compare-and-set. From now on nothing changes it, and any process that reads it goes on.
 * 3. `to` has it too. This copy counts, as every read looks there first.
 * 4. `from` has a mark for 30 seconds that it has moved, and then nothing.
 *
 * What ends a session ends it in both stores, in `from` first. In `to` that leaves a tombstone, or a mark where none is wanted: a process
 * that has read the record in state 2 cannot create it again. A process that was slower than the tombstone creates it for a moment, and
 * sees that it is gone from `from`, where another process would have left a mark just now.
 *
 * A new record begins in state 2, so that of two processes one creates it, even if the other does not move records.
 */
export class MigratingStore implements SessionStore {
  /** There if the version in `to` follows from the text, and this process writes records there alone. */
  readonly versionOf?: TextVersionedStore['versionOf'];
  readonly #from: SessionStore;
  readonly #to: SessionStore;
  readonly #moves: boolean;
  readonly #keyPrefix: string;
  readonly #ttlOf: MigratingStoreOptions['ttlOf'];

  constructor({ from, to, moves, keyPrefix, ttlOf }: MigratingStoreOptions) {
    this.#from = from;
    this.#to = to;
    this.#moves = moves;
    this.#keyPrefix = keyPrefix;
    this.#ttlOf = ttlOf;
    if (!moves || !isTextVersionedStore(to)) return;
    this.versionOf = (value) => {
      const version = to.versionOf(value);
      return version === undefined ? undefined : ({ store: to, version } satisfies PlacedVersion);
    };
  }

  /** The one of the two in which this process creates what is new. */
  get own(): SessionStore {
    return this.#moves ? this.#to : this.#from;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    if (this.#moves && !this.#isOwn(key)) {
      await this.#to.set(key, value, ttl);
      await this.#from.delete(key);
      return;
    }
    // A process that is about to create the record in `to` then fails, or is overwritten.
    await this.#from.set(key, value, ttl);
    await this.#to.set(key, value, ttl);
  }

  async delete(key: string): Promise<boolean> {
    if (!this.#isOwn(key)) {
      const wasThere = await this.#to.delete(key);
      return (await this.#from.delete(key)) || wasThere;
    }
    const here = await this.#from.read(key);
    const wasHere = (await this.#from.delete(key)) && here !== undefined && !isGone(here);
    return (await this.#deleteNext(key)) ?? wasHere;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    if (!this.#isOwn(key)) return this.#readValue(key);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const began = performance.now();
      const there = await this.#to.read(key);
      if (isRecord(there)) return placed(this.#to, there);
      const here = await this.#from.read(key);
      if (here === undefined || isGone(here)) return this.#readMoved(key);
      if (isMoving(here)) {
        if (await this.#finish(key, movingRecord(here), began)) continue;
        return this.#readStaying(key);
      }
      if (!(await this.#begin(key, here))) return placed(this.#from, here);
    }
    throw new SessionConflictError('Other processes moved a session again and again while this one looked for it.');
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (!this.#isOwn(key)) return this.#createValue(key, value, ttl);
    if (!this.#moves) return this.#createFirst(key, value, ttl);
    if (!(await this.#createFirst(key, movingText(value, ttl), ttl))) return false;
    try {
      const isCreated = await this.#createNext(key, value, ttl);
      await this.#from.set(key, newMoved(), TOMBSTONE_SECONDS);
      return isCreated;
    } catch (error) {
      // `to` has refused it, and would refuse it again to each process that finds it.
      if (isRefused(error)) await this.#from.delete(key);
      throw error;
    }
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const { store, version: own } = version as PlacedVersion;
    // Nothing but the end of a session is written for so short a time. It also ends the copy that a process left that died.
    if (store === this.#to && ttl <= TOMBSTONE_SECONDS) await this.#from.delete(key);
    const outcome = await store.replace(key, value, ttl, own);
    if (outcome === 'replaced') return outcome;
    // It may have moved, or left a mark.
    return (await this.read(key)) === undefined ? 'missing' : 'conflict';
  }

  /** Reads a record that is not in `from`: it may have moved since the first look into `to`. */
  async #readMoved(key: string): Promise<StoredSession | undefined> {
    const there = await this.#to.read(key);
    return isRecord(there) ? placed(this.#to, there) : undefined;
  }

  /**
   * From the first state to the second.
   * @returns `false` when the record stays where it is.
   */
  async #begin(key: string, { value, version }: StoredSession): Promise<boolean> {
    const ttl = this.#moves && !isTombstone(value) ? this.#ttlOf(key, value) : undefined;
    if (ttl === undefined) return false;
    try {
      await this.#from.replace(key, movingText(value, ttl), ttl, version);
      return true;
    } catch (error) {
      if (error instanceof SessionTooLargeError) return false;
      throw error;
    }
  }

  /**
   * From the second state to the last.
   * @returns `false` when `to` cannot hold the record, which is in the first state again.
   */
  async #finish(key: string, { text, ttl, version }: MovingRecord, began: number): Promise<boolean> {
    const left = this.#ttlOf(key, text) ?? ttl;
    let isNew: boolean;
    try {
      isNew = await this.#to.create(key, text, left);
    } catch (error) {
      if (!(error instanceof SessionTooLargeError)) throw error;
      await this.#from.replace(key, text, left, version);
      return false;
    }
    const isLate = isNew && performance.now() - began > LATE_MS;
    if (!isNew) await this.#replaceLeftMark(key, text, left);
    const outcome = await this.#from.replace(key, newMoved(), TOMBSTONE_SECONDS, version);
    if (isLate && outcome === 'missing') await this.#to.delete(key);
    return true;
  }

  /**
   * Leaves a mark in `to` that a process which has read the record in the second state cannot create over.
   * @returns whether there was a record to remove; `undefined` when there was none from the beginning.
   */
  async #deleteNext(key: string): Promise<boolean | undefined> {
    const there = await this.#to.read(key);
    try {
      return await this.#markDeleted(key, there);
    } catch (error) {
      // A full back-end still deletes.
      if (!isStoreRefusal(error)) throw error;
      return (await this.#to.delete(key)) && isRecord(there);
    }
  }

  async #markDeleted(key: string, there: StoredSession | undefined): Promise<boolean | undefined> {
    let wasThere: boolean | undefined;
    if (isRecord(there)) {
      if ((await this.#to.replace(key, DELETED, TOMBSTONE_SECONDS, there.version)) === 'replaced') return true;
      wasThere = isRecord(await this.#to.read(key));
    }
    await this.#to.set(key, DELETED, TOMBSTONE_SECONDS);
    return wasThere;
  }

  /** Creates in `from`, also in the place of a mark that something has moved which is no more. */
  async #createFirst(key: string, text: string, ttl: number): Promise<boolean> {
    if (await this.#from.create(key, text, ttl)) return true;
    const here = await this.#from.read(key);
    if (here === undefined || !isGone(here) || isRecord(await this.#to.read(key))) return false;
    return (await this.#from.replace(key, text, ttl, here.version)) === 'replaced';
  }

  /** Creates in `to` what stands in `from` as moving. Another process may have done so. */
  async #createNext(key: string, text: string, ttl: number): Promise<boolean> {
    if (await this.#to.create(key, text, ttl)) return true;
    const there = await this.#to.read(key);
    if (there?.value === movingText(text, ttl)) throw new SessionConfigurationError(ONE_STORE);
    if (there === undefined || !isTombstone(there.value)) return there?.value === text;
    return (isMoving(there) || isGone(there)) && (await this.#to.replace(key, text, ttl, there.version)) === 'replaced';
  }

  /** An earlier migration in the other direction may have left its marks in `to`. */
  async #replaceLeftMark(key: string, text: string, ttl: number): Promise<void> {
    const there = await this.#to.read(key);
    if (there === undefined || !(isMoving(there) || has(there, MOVED))) return;
    await this.#to.replace(key, text, ttl, there.version);
  }

  /** Reads a record again that `to` cannot hold. */
  async #readStaying(key: string): Promise<StoredSession | undefined> {
    const here = await this.#from.read(key);
    return isRecord(here) ? placed(this.#from, here) : this.#readMoved(key);
  }

  /** Reads a value of the application, which may be any text and stays where it is until the application writes it. */
  async #readValue(key: string): Promise<StoredSession | undefined> {
    const there = await this.#to.read(key);
    if (there !== undefined) return placed(this.#to, there);
    const here = await this.#from.read(key);
    return here && placed(this.#from, here);
  }

  async #createValue(key: string, value: string, ttl: number): Promise<boolean> {
    if ((await this.#readValue(key)) !== undefined) return false;
    return (this.#moves ? this.#to : this.#from).create(key, value, ttl);
  }

  #isOwn(key: string): boolean {
    return key.startsWith(this.#keyPrefix);
  }
}

/** Whether nothing was stored for certain. */
function isRefused(error: unknown): boolean {
  return isStoreRefusal(error) || error instanceof SessionTooLargeError || error instanceof SessionConfigurationError;
}

function placed(store: SessionStore, { value, version }: StoredSession): StoredSession {
  return { value, version: { store, version } satisfies PlacedVersion };
}

function newMoved(): string {
  return MOVED + randomBytes(9).toString('base64url');
}

function movingText(text: string, ttl: number): string {
  return `${MOVING}${ttl} ${text}`;
}

function movingRecord({ value, version }: StoredSession): MovingRecord {
  const end = value.indexOf(' ', MOVING.length);
  return { text: value.slice(end + 1), ttl: Number(value.slice(MOVING.length, end)), version };
}

function has(stored: StoredSession, mark: string): boolean {
  return stored.value.startsWith(mark);
}

function isMoving(stored: StoredSession): boolean {
  return has(stored, MOVING);
}

/** Whether a mark says that the record is not here. */
function isGone(stored: StoredSession): boolean {
  return has(stored, MOVED) || has(stored, DELETED);
}

/** Whether it is a record or the tombstone of one, and no mark of a migration. */
function isRecord(stored: StoredSession | undefined): stored is StoredSession {
  return stored !== undefined && !isMoving(stored) && !isGone(stored);
}
