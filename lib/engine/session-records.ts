import { hash } from 'node:crypto';

import type { RecordRewriter } from '../serializers/tagged-json/record-rewriter.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import type { RecordNames } from '../session/record-names.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import {
  recordFromWire,
  recordToWire,
  type ReadRecord,
  type Remains,
  type SessionRecord,
} from '../session/session-record.js';
import { SessionError, SessionStoreError, SessionTooLargeError } from '../session.errors.js';
import type { ReplaceOutcome, SessionStore } from '../stores/session-store.js';
import type { SessionLogger } from '../session/session-logger.js';
import { isTombstone, newTombstone, TOMBSTONE_SECONDS } from './tombstone.js';

/** What {@link SessionRecords} is made of. */
export interface SessionRecordsParts {
  readonly store: SessionStore;
  readonly serializer: SessionSerializer;
  /** Present where other programs write the records too: what this one does not change keeps its text. */
  readonly rewriter: RecordRewriter | undefined;
  readonly recordNames: RecordNames;
  readonly lifetime: SessionLifetime;
  readonly logger: SessionLogger;
  readonly keyPrefix: string;
  /** Whether a retired id leaves a tombstone; it does not where other programs would meet it. */
  readonly tombstones: boolean;
  /** Most bytes of a record's text; a larger one is neither written nor read. */
  readonly maxRecordBytes: number;
  /** Whether the store's key is made from a hash of the id, so that a leaked dump holds no usable cookie. */
  readonly hashIds: boolean;
}

/** The store seen through ids and records. Nothing else in the engine calls a store. */
export class SessionRecords {
  readonly #parts: SessionRecordsParts;

  constructor(parts: SessionRecordsParts) {
    this.#parts = parts;
  }

  /** The key under which the record of this id lies. */
  keyOf(id: string): string {
    return this.#parts.keyPrefix + (this.#parts.hashIds ? hash('sha256', id, 'base64url') : id);
  }

  /** A missing or expired record is `undefined`; over the id of a `'retired'` one a tombstone stands; an `'unreadable'` one is corrupt or too large. */
  async read(id: string): Promise<ReadRecord | 'retired' | 'unreadable' | undefined> {
    const key = this.keyOf(id);
    const stored = await this.#ask('read', () => this.#parts.store.read(key));
    if (stored === undefined) return undefined;
    if (isTombstone(stored.value)) return 'retired';
    const record = this.#decode(key, stored.value);
    return record === undefined ? 'unreadable' : { ...record, version: stored.version };
  }

  /** `false`: the id is taken. */
  create(id: string, record: SessionRecord): Promise<boolean> {
    const text = this.#encode(record);
    return this.#ask('create', () =>
      this.#parts.store.create(this.keyOf(id), text, this.#parts.lifetime.ttl(record.meta)),
    );
  }

  /** Replaces what was read, and never creates. */
  replace(id: string, record: SessionRecord, version: unknown): Promise<ReplaceOutcome> {
    const text = this.#encode(record);
    const ttl = this.#parts.lifetime.ttl(record.meta);
    return this.#ask('replace', () => this.#parts.store.replace(this.keyOf(id), text, ttl, version));
  }

  /**
   * Ends what was read: of all who replace or retire one version, one wins. The record of the new id lies under another key, on
   * a Redis Cluster in another slot, where no command reaches both; so the old one goes first, and a crash in between leaves no
   * session rather than two.
   */
  async retire(id: string, version: unknown, remains: Remains): Promise<ReplaceOutcome> {
    const { store, serializer } = this.#parts;
    const leaves = this.#leavesTombstone(remains);
    const successor = leaves ? newTombstone() : serializer.stringify({});
    const ttl = leaves ? TOMBSTONE_SECONDS : 1;
    const outcome = await this.#ask('replace', () => store.replace(this.keyOf(id), successor, ttl, version));
    // An empty record has won against all who write too; now it can go.
    if (outcome === 'replaced' && !leaves) await this.delete(id);
    return outcome;
  }

  /** Puts a tombstone over whatever is there: nothing that is under way can keep a logout from being done. */
  async end(id: string, remains: Remains): Promise<void> {
    if (!this.#leavesTombstone(remains)) return this.delete(id);
    try {
      await this.#ask('set', () => this.#parts.store.set(this.keyOf(id), newTombstone(), TOMBSTONE_SECONDS));
    } catch (error) {
      // A Redis that is full stores nothing any more, but still deletes. One that is down or hangs would only cost a second deadline.
      if (!(error instanceof SessionStoreError && error.isRefusal)) throw error;
      await this.delete(id).catch(() => Promise.reject(error as Error));
    }
  }

  /** Removes the record and leaves no tombstone: the same id opens a new session at once. */
  async delete(id: string): Promise<void> {
    await this.#ask('delete', () => this.#parts.store.delete(this.keyOf(id)));
  }

  /** The text of a record that another library wrote, under the very key. */
  getRaw(key: string): Promise<string | undefined> {
    return this.#ask('get', () => this.#parts.store.get(key));
  }

  /** Removes a record of another library's. `false`: somebody else has. */
  deleteRaw(key: string): Promise<boolean> {
    return this.#ask('delete', () => this.#parts.store.delete(key));
  }

  /** The text of a single value. */
  stringify(value: unknown): string {
    return this.#parts.serializer.stringify(value);
  }

  /** A copy that shares nothing with the original. */
  copy<T>(value: T): T {
    return this.#parts.serializer.parse(this.stringify(value)) as T;
  }

  #leavesTombstone(remains: Remains): boolean {
    return remains === 'tombstone' && this.#parts.tombstones;
  }

  /** A store that somebody else wrote may reject with anything, or throw: make it the error that is answered with 503. */
  async #ask<R>(verb: string, call: () => Promise<R>): Promise<R> {
    try {
      return await call();
    } catch (cause) {
      if (cause instanceof SessionError) throw cause;
      throw new SessionStoreError(`The session store failed to ${verb}: see the cause, and check the back-end.`, {
        cause,
      });
    }
  }

  /** @throws {SessionTooLargeError} before anything is sent. */
  #encode(record: SessionRecord): string {
    const { serializer, rewriter, recordNames } = this.#parts;
    const payload = recordToWire(record, recordNames);
    const text =
      record.text === undefined || rewriter === undefined
        ? serializer.stringify(payload)
        : rewriter.rewrite(payload, record.text);
    if (!this.#isTooLarge(text)) return text;
    throw new SessionTooLargeError(
      `The session would have more than ${this.#parts.maxRecordBytes} bytes: keep less in it, or raise \`maxRecordBytes\`.`,
    );
  }

  #decode(key: string, text: string): SessionRecord | undefined {
    if (this.#isTooLarge(text)) {
      this.#warn(key, `has more than ${this.#parts.maxRecordBytes} bytes (\`maxRecordBytes\`)`);
      return undefined;
    }
    let record: SessionRecord | undefined;
    try {
      record = recordFromWire(this.#parts.serializer.parse(text), this.#parts.recordNames);
    } catch {
      record = undefined;
    }
    if (record === undefined) this.#warn(key, 'cannot be read');
    return record && this.#parts.rewriter ? { ...record, text } : record;
  }

  /** Counts bytes only where the number of characters does not tell: UTF-8 has one to three for each. */
  #isTooLarge(text: string): boolean {
    const { maxRecordBytes } = this.#parts;
    if (text.length > maxRecordBytes) return true;
    return text.length * 3 > maxRecordBytes && Buffer.byteLength(text) > maxRecordBytes;
  }

  #warn(key: string, fault: string): void {
    const name = hash('sha256', key, 'hex').slice(0, 16);
    this.#parts.logger.warn(`A stored session ${fault} and opens as a new one (SHA-256 of its key: ${name}…).`);
  }
}
