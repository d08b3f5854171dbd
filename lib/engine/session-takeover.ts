import type { SessionMigration } from '../options/session-migration.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionRecord } from '../session/session-record.js';
import type { ReadRecord, SessionRecords } from './session-records.js';

/** What a takeover works with. */
export interface SessionTakeoverParts {
  readonly migration: SessionMigration;
  readonly records: SessionRecords;
  readonly lifetime: SessionLifetime;
}

/** A session of ours that was one of another library's. */
export interface TakenOver {
  readonly id: string;
  readonly record: ReadRecord;
}

/** Takes over the sessions of the library that was used before: each once, whoever comes with its cookie first. */
export class SessionTakeover {
  readonly #parts: SessionTakeoverParts;

  constructor(parts: SessionTakeoverParts) {
    this.#parts = parts;
  }

  /** @param cookies the values of the other library's cookie, as sent. */
  async open(cookies: readonly string[]): Promise<TakenOver | undefined> {
    const { migration, records } = this.#parts;
    for (const cookie of cookies) {
      const old = migration.signer.unsign(cookie)?.id;
      if (old === undefined || old === '') continue;
      const id = migration.successorOf(old);
      const record = (await records.read(id)) ?? (await this.#takeOver(migration.prefix + old, id));
      return record === undefined || record === 'retired' ? undefined : { id, record };
    }
    return undefined;
  }

  async #takeOver(key: string, id: string): Promise<ReadRecord | 'retired' | undefined> {
    const { records } = this.#parts;
    const text = await records.readForeign(key);
    // Another request may have taken it over since we looked.
    if (text === undefined) return records.read(id);
    const record = this.#nativeOf(text);
    if (record === undefined) return undefined;
    const created = await records.create(id, record);
    const removed = await records.deleteForeign(key);
    // Another request took it over and ended it, all since we looked: it must not come back.
    if (created && !removed) await records.delete(id);
    return records.read(id);
  }

  #nativeOf(text: string): SessionRecord | undefined {
    const { migration, lifetime } = this.#parts;
    const found = migration.parse(text);
    if (found === undefined || (found.expiresAt ?? Infinity) <= lifetime.now()) return undefined;
    return Object.keys(found.data).length === 0 ? undefined : { data: found.data, meta: lifetime.renewed({}) };
  }
}
