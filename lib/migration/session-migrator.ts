import type { RecordNames } from '../session/record-names.js';
import { MOST_IDS } from '../session/session-id.js';
import { pickKeys } from '../session/session-keys.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { ReadRecord, Remains, SessionMeta, SessionRecord } from '../session/session-record.js';
import { SessionSerializationError, SessionTooLargeError } from '../session.errors.js';
import type { SessionMigration } from './session-migration.js';

/** The store as a migration needs it: records by their id, and those of the other library by their key. */
export interface MigrationRecords {
  read(id: string): Promise<ReadRecord | 'retired' | 'unreadable' | undefined>;
  create(id: string, record: SessionRecord): Promise<boolean>;
  end(id: string, remains: Remains): Promise<void>;
  delete(id: string): Promise<void>;
  getRaw(key: string): Promise<string | undefined>;
  deleteRaw(key: string): Promise<boolean>;
}

/** What a migrator works with. */
export interface SessionMigratorParts {
  readonly migration: SessionMigration;
  readonly records: MigrationRecords;
  readonly lifetime: SessionLifetime;
  readonly logger: SessionLogger;
  readonly recordNames: RecordNames;
  /** Whether a session that ended leaves a tombstone. */
  readonly tombstones: boolean;
}

/** A session of ours that was one of another library's. */
export interface MigratedSession {
  readonly id: string;
  readonly record: ReadRecord;
}

/** Takes over the sessions of the library that was used before: each once, whoever comes with its cookie first. */
export class SessionMigrator {
  readonly #parts: SessionMigratorParts;

  constructor(parts: SessionMigratorParts) {
    this.#parts = parts;
  }

  /**
   * @param cookies the values of the other library's cookie, as sent; the first one that opens a session counts.
   * @param meta what a new record says of the cookie and the client.
   */
  async open(cookies: readonly string[], meta: SessionMeta): Promise<MigratedSession | 'retired' | undefined> {
    const { migration } = this.#parts;
    for (const old of this.#oldIds(cookies)) {
      const id = migration.newIdOf(old);
      const record = await this.#find(migration.prefix + old, id, meta);
      if (record !== undefined) return record === 'retired' ? record : { id, record };
    }
    return undefined;
  }

  /**
   * Ends the sessions behind these cookies, taken over or not, but for the one that the request has opened.
   * @param current the id of that one.
   */
  async endAll(cookies: readonly string[], current: string | undefined): Promise<void> {
    const { migration, records } = this.#parts;
    for (const old of this.#oldIds(cookies)) {
      const id = migration.newIdOf(old);
      // First the tombstone, or a request that is taking the old record over now would bring the session back.
      if (id !== current) await records.end(id, 'tombstone');
      await records.deleteRaw(migration.prefix + old);
    }
  }

  /** The ids of the first few cookies whose signature holds, each once. */
  #oldIds(cookies: readonly string[]): Set<string> {
    const ids = new Set<string>();
    for (const cookie of cookies) {
      const id = ids.size < MOST_IDS ? this.#parts.migration.signer.unsign(cookie)?.id : undefined;
      if (id) ids.add(id);
    }
    return ids;
  }

  async #find(key: string, id: string, meta: SessionMeta): Promise<ReadRecord | 'retired' | undefined> {
    const { records, tombstones } = this.#parts;
    const found = await this.#read(id);
    if (found === undefined) return this.#takeOver(key, id, meta);
    // Left by a process that died over it. Without tombstones whoever is taking it over now must find it.
    if (tombstones) await records.deleteRaw(key);
    return found;
  }

  async #takeOver(key: string, id: string, meta: SessionMeta): Promise<ReadRecord | 'retired' | undefined> {
    const { records } = this.#parts;
    const text = await records.getRaw(key);
    // Another request may have taken it over since we looked.
    if (text === undefined) return this.#read(id);
    const record = this.#nativeOf(text, meta);
    if (record === undefined) return undefined;
    if (await this.#create(id, record)) await this.#remove(key, id);
    return this.#read(id);
  }

  /** A successor that cannot be read counts as not there: the old record cannot take its place, and opens nothing. */
  async #read(id: string): Promise<ReadRecord | 'retired' | undefined> {
    const found = await this.#parts.records.read(id);
    return found === 'unreadable' ? undefined : found;
  }

  /** Only who has made the new record removes the old one: of many, nobody removes what another one has just taken over. */
  async #remove(key: string, id: string): Promise<void> {
    const { records, tombstones } = this.#parts;
    try {
      const removed = await records.deleteRaw(key);
      // Another request took it over and ended it, all since we looked: it must not come back. A tombstone would have said so.
      if (!removed && !tombstones) await records.delete(id);
    } catch (error) {
      // While the old record is there the session could be opened again after a logout.
      await records.delete(id).catch(() => undefined);
      throw error;
    }
  }

  /** What cannot be stored here opens as a new session, as any record that cannot be read. */
  async #create(id: string, record: SessionRecord): Promise<boolean> {
    try {
      return await this.#parts.records.create(id, record);
    } catch (error) {
      if (!(error instanceof SessionSerializationError || error instanceof SessionTooLargeError)) throw error;
      this.#parts.logger.warn(`A session of the library that was used before cannot be taken over. ${error.message}`);
      return false;
    }
  }

  #nativeOf(text: string, meta: SessionMeta): SessionRecord | undefined {
    const { migration, lifetime, recordNames } = this.#parts;
    const found = migration.parse(text);
    if (found === undefined || (found.expiresAt ?? Infinity) <= lifetime.now()) return undefined;
    // What lies under one of our names would speak for us.
    const keys = Object.keys(found.data).filter((key) => !recordNames.has(key));
    const data = pickKeys(found.data, keys);
    return Object.keys(data).length === 0 ? undefined : { data, meta: lifetime.renewed(meta) };
  }
}
