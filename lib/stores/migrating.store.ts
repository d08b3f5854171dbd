import { isTombstone, TOMBSTONE_SECONDS } from '../session/tombstone.js';
import {
  isStoreRefusal,
  SessionConfigurationError,
  SessionConflictError,
  SessionTooLargeError,
} from '../session.errors.js';
import {
  arrivingText,
  isArriving,
  isDeleted,
  isGone,
  isMoved,
  isMoving,
  isRecord,
  markedRecord,
  movingText,
  newDeleted,
  newMoved,
  type MarkedRecord,
} from './migration-marks.js';
import { MigratingValues } from './migrating-values.js';
import { placed, type PlacedVersion } from './placed-version.js';
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
  /** Whether the two may be one back-end, in which only the keys of sessions begin otherwise. @default false */
  readonly mayBeOne?: boolean;
}

/** Milliseconds. A process that was so slow may have found a record that has moved, ended, and lost its tombstone meanwhile. */
const LATE_MS = (TOMBSTONE_SECONDS - 5) * 1000;

const ONE_STORE =
  'The two stores of migrateFrom or migrateTo are one and the same back-end, with the same keys: name the other one, or its keyPrefix.';

const RESTLESS = 'Other processes moved a session again and again while this one looked for it.';

/** How many other processes may change a record while one looks for it. */
const ATTEMPTS = 100;

/** Of how many records that are too large for `to` a process remembers it. */
const MOST_STAYING = 1000;

/**
 * Two stores as one, while the sessions move from one to the other: each at its next request, and none of them twice.
 *
 * A record has five states, and every step from one to the next is one command, so that a process may die after any of them:
 *
 * 1. Only `from` has it. Processes that do not move records work on it here.
 * 2. `from` has it marked as moving, by compare-and-set. From now on nothing changes it, and any process that reads it goes on.
 * 3. `to` has it too, marked as arriving: whoever reads it there goes on, as the copy in `from` must not outlive this one.
 * 4. `from` has a mark for 30 seconds that it has moved, and then nothing.
 * 5. `to` has it without a mark. Now it is used, and changes.
 *
 * What ends a session ends it in both stores, in `from` first. In `to` that leaves a tombstone, or a mark where none is wanted: a process
 * that has read the record in state 2 cannot create it again. A process that was slower than the tombstone creates it for a moment, and
 * sees that it is gone from `from`, where another process would have left a mark just now.
 *
 * A new record begins in state 2 too, so that of two processes one creates it, even if the other does not move records. There it stands
 * for 30 seconds: until `to` has it, nobody has been told its id.
 *
 * A record that `to` cannot hold goes back from state 2 to state 1. The process tries again when the record has become shorter.
 */
export class MigratingStore implements SessionStore {
  /** There if the version in `to` follows from the text, and this process writes records there alone. */
  readonly versionOf?: TextVersionedStore['versionOf'];
  readonly #from: SessionStore;
  readonly #to: SessionStore;
  readonly #moves: boolean;
  readonly #keyPrefix: string;
  readonly #ttlOf: MigratingStoreOptions['ttlOf'];
  readonly #values: MigratingValues;
  /** How long records were that `to` could not hold, by key. */
  readonly #staying = new Map<string, number>();

  constructor({ from, to, moves, keyPrefix, ttlOf, mayBeOne = false }: MigratingStoreOptions) {
    this.#from = from;
    this.#to = to;
    this.#moves = moves;
    this.#keyPrefix = keyPrefix;
    this.#ttlOf = ttlOf;
    this.#values = new MigratingValues({ from, to, moves, mayBeOne });
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
    if (!this.#isOwn(key)) return this.#values.set(key, value, ttl);
    // A process that is about to create the record in `to` then fails, or is overwritten.
    await this.#from.set(key, value, ttl);
    await this.#to.set(key, value, ttl);
    // What stayed would count again if records moved back one day.
    if (this.#moves && (ttl ?? Infinity) > TOMBSTONE_SECONDS) await this.#from.set(key, newMoved(), TOMBSTONE_SECONDS);
  }

  async delete(key: string): Promise<boolean> {
    if (!this.#isOwn(key)) return this.#values.delete(key);
    const here = await this.#from.read(key);
    const wasHere = (await this.#from.delete(key)) && here !== undefined && !isGone(here);
    return (await this.#deleteNext(key)) ?? wasHere;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    if (!this.#isOwn(key)) return this.#values.read(key);
    let hasLeft = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const began = performance.now();
      const there = await this.#readThere(key, hasLeft);
      if (there !== undefined) return there;
      const here = await this.#from.read(key);
      // It may have moved since the first look into `to`.
      if (here === undefined || isGone(here)) return this.#readThere(key, true);
      if (isMoving(here)) hasLeft = await this.#finish(key, markedRecord(here), began);
      else if (!(await this.#begin(key, here))) return placed(this.#from, here);
    }
    throw new SessionConflictError(RESTLESS);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (!this.#isOwn(key)) return this.#values.create(key, value, ttl);
    if (!this.#moves) return this.#createFirst(key, value, ttl);
    if (!(await this.#createFirst(key, movingText(value, ttl), Math.min(ttl, TOMBSTONE_SECONDS)))) return false;
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
    const outcome = await store.replace(key, value, ttl, own);
    if (outcome === 'replaced') return outcome;
    // It may have moved, or left a mark.
    return (await this.read(key)) === undefined ? 'missing' : 'conflict';
  }

  /** Reads a record in `to`, and goes on with its move if that has come no further than the third or fourth state. */
  async #readThere(key: string, hasLeft: boolean): Promise<StoredSession | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const there = await this.#to.read(key);
      if (!isArriving(there)) return isRecord(there) ? placed(this.#to, there) : undefined;
      await this.#arrive(key, markedRecord(there), hasLeft);
    }
    throw new SessionConflictError(RESTLESS);
  }

  /** From the third or fourth state to the last, if no other process changes the record meanwhile. */
  async #arrive(key: string, { text, ttl, version }: MarkedRecord, hasLeft: boolean): Promise<void> {
    const here = hasLeft ? undefined : await this.#from.read(key);
    if (isMoving(here) && (await this.#leave(key, here.version)) === 'conflict') return;
    await this.#to.replace(key, text, this.#ttlOf(key, text) ?? ttl, version);
  }

  /** Puts a mark into the place of a record that has moved. */
  #leave(key: string, version: unknown): Promise<ReplaceOutcome> {
    return this.#from.replace(key, newMoved(), TOMBSTONE_SECONDS, version);
  }

  /**
   * From the first state to the second.
   * @returns `false` when the record stays where it is.
   */
  async #begin(key: string, here: StoredSession): Promise<boolean> {
    // An earlier migration in the other direction came to an end half-way.
    if (isArriving(here)) {
      const { text, ttl, version } = markedRecord(here);
      await this.#from.replace(key, text, this.#ttlOf(key, text) ?? ttl, version);
      return true;
    }
    const ttl = this.#ttlOfMove(key, here.value);
    if (ttl === undefined) return false;
    try {
      await this.#from.replace(key, movingText(here.value, ttl), ttl, here.version);
      return true;
    } catch (error) {
      if (error instanceof SessionTooLargeError) return false;
      throw error;
    }
  }

  /** For how long `to` should keep this text; `undefined` when it stays in `from`. */
  #ttlOfMove(key: string, text: string): number | undefined {
    if (!this.#moves || isTombstone(text) || text.length >= (this.#staying.get(key) ?? Infinity)) return undefined;
    return this.#ttlOf(key, text);
  }

  /**
   * From the second state to the fourth; or back to the first, when `to` cannot hold the record.
   * @returns whether `from` has no copy any more.
   */
  async #finish(key: string, { text, ttl, version }: MarkedRecord, began: number): Promise<boolean> {
    const left = this.#ttlOf(key, text) ?? ttl;
    let isNew: boolean;
    try {
      isNew = await this.#to.create(key, arrivingText(text, left), left);
      if (!isNew) await this.#replaceLeftMark(key, text, left);
    } catch (error) {
      if (!(error instanceof SessionTooLargeError)) throw error;
      this.#stays(key, text.length);
      await this.#from.replace(key, text, left, version);
      return false;
    }
    const isLate = isNew && performance.now() - began > LATE_MS;
    const outcome = await this.#leave(key, version);
    if (isLate && outcome === 'missing') await this.#to.delete(key);
    return outcome !== 'conflict';
  }

  #stays(key: string, length: number): void {
    const [oldest] = this.#staying.keys();
    if (oldest !== undefined && this.#staying.size >= MOST_STAYING) this.#staying.delete(oldest);
    this.#staying.set(key, length);
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
      return (await this.#to.delete(key)) && isHeld(there);
    }
  }

  async #markDeleted(key: string, there: StoredSession | undefined): Promise<boolean | undefined> {
    let wasThere: boolean | undefined;
    if (isHeld(there)) {
      if ((await this.#to.replace(key, newDeleted(), TOMBSTONE_SECONDS, there.version)) === 'replaced') return true;
      wasThere = isHeld(await this.#to.read(key));
    }
    await this.#to.set(key, newDeleted(), TOMBSTONE_SECONDS);
    return wasThere;
  }

  /** Creates in `from`, also in the place of a mark that something has moved which is no more. */
  async #createFirst(key: string, text: string, ttl: number): Promise<boolean> {
    if (await this.#from.create(key, text, ttl)) return true;
    const here = await this.#from.read(key);
    if (here === undefined || !isGone(here) || isHeld(await this.#to.read(key))) return false;
    return (await this.#from.replace(key, text, ttl, here.version)) === 'replaced';
  }

  /** Creates in `to` what stands in `from` as moving. Another process may have done so. */
  async #createNext(key: string, text: string, ttl: number): Promise<boolean> {
    if (await this.#to.create(key, text, ttl)) return true;
    const there = await this.#to.read(key);
    if (there?.value === movingText(text, ttl)) throw new SessionConfigurationError(ONE_STORE);
    if (isArriving(there)) return markedRecord(there).text === text;
    if (there === undefined || !isTombstone(there.value)) return there?.value === text;
    return (isMoving(there) || isGone(there)) && (await this.#to.replace(key, text, ttl, there.version)) === 'replaced';
  }

  /** An earlier migration in the other direction may have left its marks in `to`, and so may the end of a record with the same key. */
  async #replaceLeftMark(key: string, text: string, ttl: number): Promise<void> {
    const there = await this.#to.read(key);
    if (there === undefined || !(isMoving(there) || isMoved(there) || isDeleted(there))) return;
    // What ends a record deletes it in `from` first: one that is still here has begun since.
    if (isDeleted(there) && !isMoving(await this.#from.read(key))) return;
    await this.#to.replace(key, arrivingText(text, ttl), ttl, there.version);
  }

  #isOwn(key: string): boolean {
    return key.startsWith(this.#keyPrefix);
  }
}

/** Whether nothing was stored for certain. */
function isRefused(error: unknown): boolean {
  return isStoreRefusal(error) || error instanceof SessionTooLargeError || error instanceof SessionConfigurationError;
}

/** Whether a store has the record, be it marked as arriving. */
function isHeld(stored: StoredSession | undefined): stored is StoredSession {
  return isRecord(stored) || isArriving(stored);
}
