import { hash } from 'node:crypto';

import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import {
  recordFromWire,
  recordToWire,
  type Removal,
  type ReadRecord,
  type SessionRecord,
} from '../session/session-record.js';
import { isStoreRefusal, SessionTooLargeError, type SessionEndReason } from '../session.errors.js';
import {
  isTextVersionedStore,
  type ReplaceOutcome,
  type SessionStore,
  type StoredSession,
} from '../stores/session-store.js';
import type { SessionEndings } from './session-endings.js';
import { pauseAfterConflict } from './conflict-retry.js';
import { isTombstone, newTombstone, TOMBSTONE_SECONDS } from '../session/tombstone.js';
import type { Answer, StoreWatch, Verb } from './store-watch.js';

/** Never written. No id has this character, and every back-end takes it in a key. */
const PROBE = '~probe';

/** What {@link SessionRecords} works with. */
export interface SessionRecordsOptions {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  readonly lifetime: SessionLifetime;
  /** Is told of every session that ends. */
  readonly endings: SessionEndings;
  /** Is told how each command has ended. */
  readonly watch: StoreWatch;
  readonly logger: SessionLogger;
}

/**
 * What a read has found: the record; `undefined` when it is missing or expired; `'retired'` when a tombstone stands in its place;
 * `'unreadable'` when it is corrupt or too large.
 */
export type FoundRecord = ReadRecord | 'retired' | 'unreadable' | undefined;

/** How a replace ended, and the text that it tried to write. */
export interface Written {
  readonly outcome: ReplaceOutcome;
  readonly text?: string;
}

/** A text, and for how many seconds the store keeps it. */
export interface TextToKeep {
  readonly text: string;
  readonly ttl: number;
}

/** How {@link SessionRecords.retire} removes a record, and why. */
export interface Retirement {
  readonly removal: Removal;
  readonly reason: SessionEndReason;
}

/**
 * The store in terms of ids and records. Nothing else in the engine calls a store, so nothing else ends a session, or finds that it
 * has ended.
 */
export class SessionRecords {
  readonly #store: SessionStore;
  readonly #options: ResolvedOptions;
  readonly #lifetime: SessionLifetime;
  readonly #endings: SessionEndings;
  readonly #watch: StoreWatch;
  readonly #logger: SessionLogger;

  constructor({ store, options, lifetime, endings, watch, logger }: SessionRecordsOptions) {
    this.#store = store;
    this.#options = options;
    this.#lifetime = lifetime;
    this.#endings = endings;
    this.#watch = watch;
    this.#logger = logger;
  }

  /** Whether a record that has ended leaves a tombstone, which keeps other requests from creating it. */
  get leavesTombstones(): boolean {
    return this.#options.tombstones;
  }

  /** The key of the record with this id. */
  keyOf(id: string): string {
    return this.#options.keyPrefix + this.nameOf(id);
  }

  /** The key without its prefix. With `hashIds` it is a hash of the id, so that a leaked dump holds no usable cookie. */
  nameOf(id: string): string {
    return this.#options.hashIds ? hash('sha256', id, 'base64url') : id;
  }

  read(id: string): Promise<FoundRecord> {
    return this.readKey(this.keyOf(id));
  }

  /** Reads the record with this {@link SessionRecords.nameOf | name}. */
  readNamed(name: string): Promise<FoundRecord> {
    return this.readKey(this.#options.keyPrefix + name);
  }

  /** Reads the record under the key that {@link SessionRecords.keyOf} makes of an id. */
  async readKey(key: string): Promise<FoundRecord> {
    const { start } = this.#watch;
    let stored: StoredSession | undefined;
    try {
      // Not through `#call`: each session is read, and one more async function costs two promises.
      stored = await this.#store.read(key);
    } catch (cause) {
      throw this.#watch.failed('read', cause, start);
    }
    this.#watch.answered('read', stored, start);
    const found = stored && (isTombstone(stored.value) ? 'retired' : (this.#decode(key, stored) ?? 'unreadable'));
    if (typeof found !== 'object') this.#endings.gone(key);
    return found;
  }

  /**
   * The record that a read would find where this text was just written.
   * @returns `undefined` when only a read can tell.
   */
  recordOf(id: string, text: string): ReadRecord | undefined {
    const version = isTextVersionedStore(this.#store) ? this.#store.versionOf(text) : undefined;
    return version === undefined ? undefined : this.#decode(() => this.keyOf(id), { value: text, version });
  }

  /** The record in a text that this process has written. */
  decoded(id: string, text: string): SessionRecord | undefined {
    return this.#decode(() => this.keyOf(id), { value: text, version: undefined });
  }

  /**
   * Stores a record under a new id.
   * @returns `false` when the id is taken.
   */
  async create(id: string, record: SessionRecord): Promise<boolean> {
    return this.#call('create', this.keyOf(id), this.encode(record), this.#lifetime.ttl(record.meta));
  }

  /** Replaces the version that was read. Never creates a record. */
  async replace(id: string, record: SessionRecord, version: unknown): Promise<Written> {
    const text = this.encode(record);
    const key = this.keyOf(id);
    const outcome = await this.#call('replace', key, text, this.#lifetime.ttl(record.meta), version);
    if (outcome === 'missing') this.#endings.gone(key);
    return { outcome, text };
  }

  /**
   * Removes the version that was read, by compare-and-set. Of all requests that replace or retire one version, one wins.
   *
   * The record of a new id lies under another key; on a Redis Cluster in another slot, where no command reaches both. So the old
   * record goes first, and a crash in between leaves no session rather than two.
   */
  retire(id: string, version: unknown, retirement: Retirement): Promise<ReplaceOutcome> {
    return this.#retireKey(this.keyOf(id), version, retirement);
  }

  async #retireKey(key: string, version: unknown, { removal, reason }: Retirement): Promise<ReplaceOutcome> {
    this.#endings.expect(key, reason);
    const outcome = await this.#replaceForGood(key, version, removal);
    if (outcome === 'replaced') this.#endings.tell(key, reason);
    else this.#endings.expect(key, undefined);
    if (outcome === 'missing') this.#endings.gone(key);
    return outcome;
  }

  /**
   * Removes any record or tombstone, so that no request under way can prevent a logout.
   * @returns `false` when there was nothing to remove. Where a tombstone is left, the store does not tell.
   */
  async destroy(id: string, removal: Removal): Promise<boolean> {
    const key = this.keyOf(id);
    let wasThere = true;
    this.#endings.expect(key, 'destroyed');
    if (this.#leavesTombstone(removal)) await this.#bury(key);
    else wasThere = await this.#call('delete', key);
    this.#endings.tell(key, 'destroyed');
    return wasThere;
  }

  /** Removes the record and leaves no tombstone: the same id can open a new session at once. */
  delete(id: string): Promise<boolean> {
    return this.destroy(id, 'delete');
  }

  /**
   * Ends the session of a record with this name, whichever version it has by then. Leaves a tombstone also where no record is, so that
   * a request which is about to create it fails.
   * @returns whether there was a session to end.
   */
  async end(name: string): Promise<boolean> {
    const key = this.#options.keyPrefix + name;
    for (let conflicts = 0; ; await pauseAfterConflict(++conflicts)) {
      const stored = await this.#call('read', key);
      if (stored === undefined && this.#options.tombstones)
        await this.#call('set', key, newTombstone(), TOMBSTONE_SECONDS);
      if (stored === undefined || isTombstone(stored.value)) return false;
      const outcome = await this.#retireKey(key, stored.version, { removal: 'tombstone', reason: 'destroyed' }).catch(
        (error: unknown) => this.#deleteInstead(key, error),
      );
      if (outcome === 'replaced') return true;
    }
  }

  /**
   * Whether a record is lost: there is none, nor a tombstone, behind which a regenerate may be under way. From here on a tombstone keeps
   * a request from creating one; without tombstones whoever creates a record looks into the list afterwards.
   */
  async isLost(name: string): Promise<boolean> {
    const key = this.#options.keyPrefix + name;
    for (;;) {
      const stored = await this.#call('read', key);
      if (stored !== undefined) return false;
      if (!this.#options.tombstones) return true;
      if (await this.#call('create', key, newTombstone(), TOMBSTONE_SECONDS)) return true;
    }
  }

  /** Reads a key under which there is nothing, to see whether the store serves. */
  async probe(): Promise<void> {
    await this.#call('read', this.#options.keyPrefix + PROBE);
  }

  /** Reads the text under a key that is not made from an id of ours, such as the key of another library's record. */
  async getRaw(key: string): Promise<string | undefined> {
    return this.#call('get', key);
  }

  /** Reads what another part of the engine keeps under a key of its own below the prefix. */
  readBeside(name: string): Promise<StoredSession | undefined> {
    return this.#call('read', this.#options.keyPrefix + name);
  }

  /**
   * Creates or replaces what is under such a key.
   * @param version what was read; absent where there was nothing.
   * @returns `false` when another request was first.
   */
  async writeBeside(name: string, { text, ttl }: TextToKeep, version?: unknown): Promise<boolean> {
    const key = this.#options.keyPrefix + name;
    if (version === undefined) return this.#call('create', key, text, ttl);
    return (await this.#call('replace', key, text, ttl, version)) === 'replaced';
  }

  /** Sets what is under such a key, without a lifetime. */
  setBeside(name: string, text: string): Promise<void> {
    return this.#call('set', this.#options.keyPrefix + name, text);
  }

  /**
   * Removes what is under a key that is not made from an id of ours.
   * @returns `false` when there was nothing to remove.
   */
  async deleteRaw(key: string): Promise<boolean> {
    return this.#call('delete', key);
  }

  /**
   * The text of a record.
   * @throws {SessionTooLargeError} when it has more than `maxRecordBytes`; nothing was sent then.
   */
  encode(record: SessionRecord): string {
    const { serializer, rewriter, recordNames } = this.#options;
    const payload = recordToWire(record, recordNames);
    const text =
      record.text === undefined || rewriter === undefined
        ? serializer.stringify(payload)
        : rewriter.rewrite(payload, record.text);
    return this.checkedSize(text, 'session', 'keep less in it');
  }

  /** @throws {SessionTooLargeError} when the text has more than `maxRecordBytes`. */
  checkedSize(text: string, subject: string, remedy: string): string {
    if (!this.#isTooLarge(text)) return text;
    const { maxRecordBytes } = this.#options;
    throw new SessionTooLargeError(
      `The ${subject} would have more than ${maxRecordBytes} bytes: ${remedy}, or raise \`maxRecordBytes\`.`,
    );
  }

  /** The text that the serializer makes of a single value. */
  stringify(value: unknown): string {
    return this.#options.serializer.stringify(value);
  }

  /** The value in a text that the serializer has made. */
  parse(text: string): unknown {
    return this.#options.serializer.parse(text);
  }

  /** What a value becomes when it is stored and read. It shares nothing with the original. */
  copy(value: unknown): unknown {
    return this.parse(this.stringify(value));
  }

  async #replaceForGood(key: string, version: unknown, removal: Removal): Promise<ReplaceOutcome> {
    if (this.#leavesTombstone(removal)) {
      return this.#call('replace', key, newTombstone(), TOMBSTONE_SECONDS, version);
    }
    const outcome = await this.#call('replace', key, this.#options.serializer.stringify({}), 1, version);
    // The empty record has won against all other writers, so it can be deleted.
    if (outcome === 'replaced') await this.#call('delete', key);
    return outcome;
  }

  async #bury(key: string): Promise<void> {
    await this.#call('set', key, newTombstone(), TOMBSTONE_SECONDS).catch((error: unknown) =>
      this.#deleteInstead(key, error),
    );
  }

  /** A full Redis stores nothing more, but still deletes. A back-end that is down or hangs would only cost a second deadline. */
  async #deleteInstead(key: string, error: unknown): Promise<'replaced'> {
    if (!isStoreRefusal(error)) throw error;
    await this.#call('delete', key).catch(() => Promise.reject(error));
    return 'replaced';
  }

  #leavesTombstone(removal: Removal): boolean {
    return removal === 'tombstone' && this.#options.tombstones;
  }

  /** Calls the store. What it throws or rejects with becomes an error of this library. */
  async #call<V extends Verb>(verb: V, ...args: Parameters<SessionStore[V]>): Promise<Answer<V>> {
    const method = this.#store[verb] as (...args: Parameters<SessionStore[V]>) => Promise<Answer<V>>;
    const { start } = this.#watch;
    let answer: Answer<V>;
    try {
      answer = await method.apply(this.#store, args);
    } catch (cause) {
      throw this.#watch.failed(verb, cause, start);
    }
    this.#watch.answered(verb, answer, start);
    return answer;
  }

  #decode(key: string | (() => string), { value: text, version }: StoredSession): ReadRecord | undefined {
    const { serializer, rewriter, recordNames, maxRecordBytes } = this.#options;
    if (this.#isTooLarge(text)) {
      this.#warn(key, `has more than ${maxRecordBytes} bytes (\`maxRecordBytes\`)`);
      return undefined;
    }
    let record: SessionRecord | undefined;
    try {
      record = recordFromWire(serializer.parse(text), recordNames);
    } catch {
      record = undefined;
    }
    if (record === undefined) this.#warn(key, 'cannot be read');
    return record && { data: record.data, meta: record.meta, text: rewriter && text, version };
  }

  /** Whether the text has more than `maxRecordBytes`. Counts bytes only if the number of characters does not decide: in UTF-8 each has one to three. */
  #isTooLarge(text: string): boolean {
    const { maxRecordBytes } = this.#options;
    if (text.length > maxRecordBytes) return true;
    return text.length * 3 > maxRecordBytes && Buffer.byteLength(text) > maxRecordBytes;
  }

  #warn(key: string | (() => string), fault: string): void {
    const name = hash('sha256', typeof key === 'string' ? key : key(), 'hex').slice(0, 16);
    this.#logger.warn(`A stored session ${fault} and opens as a new one (SHA-256 of its key: ${name}…).`);
  }
}
