import type { RecordNames } from '../session/record-names.js';
import { pickKeys } from '../session/session-data.js';
import { MAX_IDS } from '../session/session-id.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { ReadRecord, Removal, SessionMeta, SessionRecord } from '../session/session-record.js';
import { SessionSerializationError, SessionTooLargeError } from '../session.errors.js';
import type { SessionMigration } from './session-migration.js';

/** The store as a migration needs it: our records by their id, and the other library's by their key. */
export interface MigrationRecords {
  read(id: string): Promise<ReadRecord | 'retired' | 'unreadable' | undefined>;
  create(id: string, record: SessionRecord): Promise<boolean>;
  destroy(id: string, removal: Removal): Promise<unknown>;
  delete(id: string): Promise<unknown>;
  getRaw(key: string): Promise<string | undefined>;
  deleteRaw(key: string): Promise<boolean>;
}

/** What a {@link SessionMigrator} works with. */
export interface SessionMigratorOptions {
  readonly migration: SessionMigration;
  readonly recordNames: RecordNames;
  /** Whether a destroyed session leaves a tombstone. */
  readonly tombstones: boolean;
  readonly records: MigrationRecords;
  readonly lifetime: SessionLifetime;
  readonly logger: SessionLogger;
}

/** A session of ours that was another library's. */
export interface MigratedSession {
  readonly id: string;
  readonly record: ReadRecord;
  /** Whether this call has migrated it. */
  readonly isNew: boolean;
}

/** A record of ours, and whether it is new. */
type FoundRecord = Omit<MigratedSession, 'id'>;

/** Migrates the sessions of another library, each once, at the first request that carries its cookie. */
export class SessionMigrator {
  readonly #options: SessionMigratorOptions;

  constructor(options: SessionMigratorOptions) {
    this.#options = options;
  }

  /**
   * Opens a session that another library left, and migrates it if no request has done so.
   * @param cookies the values of the other library's cookie, as sent. The first one that opens a session counts.
   * @param meta what a new record says of the cookie and the client.
   * @returns the session; `'retired'` when it is migrated and has a tombstone; `undefined` when there is none.
   */
  async open(cookies: readonly string[], meta: SessionMeta): Promise<MigratedSession | 'retired' | undefined> {
    const { migration } = this.#options;
    for (const old of this.#oldIds(cookies)) {
      const id = migration.newIdOf(old);
      const found = await this.#find(migration.prefix + old, id, meta);
      if (found !== undefined) return found === 'retired' ? found : { id, ...found };
    }
    return undefined;
  }

  /**
   * Destroys the sessions behind these cookies, migrated or not, except the one that the request has opened.
   * @param cookies the values of the other library's cookie, as sent.
   * @param current the id of the session that the request has opened.
   */
  async destroyAll(cookies: readonly string[], current: string | undefined): Promise<void> {
    const { migration, records } = this.#options;
    for (const old of this.#oldIds(cookies)) {
      const id = migration.newIdOf(old);
      // The tombstone comes first. Otherwise a request that migrates the old record meanwhile would bring the session back.
      if (id !== current) await records.destroy(id, 'tombstone');
      await records.deleteRaw(migration.prefix + old);
    }
  }

  /** The ids of the first few cookies whose signature holds, each once. */
  #oldIds(cookies: readonly string[]): Set<string> {
    const ids = new Set<string>();
    for (const cookie of cookies) {
      const id = ids.size < MAX_IDS ? this.#options.migration.signer.unsign(cookie)?.id : undefined;
      if (id) ids.add(id);
    }
    return ids;
  }

  async #find(key: string, id: string, meta: SessionMeta): Promise<FoundRecord | 'retired' | undefined> {
    const { records, tombstones } = this.#options;
    const found = await this.#read(id);
    if (found === undefined) return this.#migrate(key, id, meta);
    // A process that died during the migration has left the old record. Without tombstones it stays, because a request that
    // migrates it meanwhile takes a missing record for a destroyed session.
    if (tombstones) await records.deleteRaw(key);
    return found;
  }

  async #migrate(key: string, id: string, meta: SessionMeta): Promise<FoundRecord | 'retired' | undefined> {
    const { records } = this.#options;
    const text = await records.getRaw(key);
    // Another request may have migrated it since the first read.
    if (text === undefined) return this.#read(id);
    const record = this.#nativeOf(text, meta);
    if (record === undefined) return undefined;
    const isNew = await this.#create(id, record);
    if (isNew) await this.#remove(key, id);
    return this.#read(id, isNew);
  }

  /**
   * Reads a migrated record. One that cannot be read counts as missing: the old record cannot take its place, and opens nothing.
   */
  async #read(id: string, isNew = false): Promise<FoundRecord | 'retired' | undefined> {
    const record = await this.#options.records.read(id);
    if (record === 'unreadable') return undefined;
    return typeof record === 'object' ? { record, isNew } : record;
  }

  /**
   * Removes the old record. Only the request that created the new record does so, so that none removes what another has just
   * migrated.
   */
  async #remove(key: string, id: string): Promise<void> {
    const { records, tombstones } = this.#options;
    try {
      const removed = await records.deleteRaw(key);
      // Without tombstones, a missing old record means that another request has migrated and destroyed the session meanwhile: it
      // must not come back. A tombstone would have kept the new record from being created.
      if (!removed && !tombstones) await records.delete(id);
    } catch (error) {
      // While the old record exists, a request could open the session again after a logout.
      await records.delete(id).catch(() => undefined);
      throw error;
    }
  }

  /** Stores the new record. If it cannot be stored, the request gets a new session, as for any record that cannot be read. */
  async #create(id: string, record: SessionRecord): Promise<boolean> {
    try {
      return await this.#options.records.create(id, record);
    } catch (error) {
      if (!(error instanceof SessionSerializationError || error instanceof SessionTooLargeError)) throw error;
      this.#options.logger.warn(`A session of the library that was used before cannot be migrated. ${error.message}`);
      return false;
    }
  }

  #nativeOf(text: string, meta: SessionMeta): SessionRecord | undefined {
    const { migration, lifetime, recordNames } = this.#options;
    const found = migration.parse(text);
    if (found === undefined || (found.expiresAt ?? Infinity) <= lifetime.now()) return undefined;
    // Data under one of the library's own names would count as the library's.
    const keys = Object.keys(found.data).filter((key) => !recordNames.has(key));
    const data = pickKeys(found.data, keys);
    return Object.keys(data).length === 0 ? undefined : { data, meta: lifetime.metaAfterRenewal(meta) };
  }
}
