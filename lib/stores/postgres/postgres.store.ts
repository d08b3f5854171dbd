import { setTimeout } from 'node:timers/promises';

import { SessionConfigurationError } from '../../session.errors.js';
import { DEADLINE_MS } from '../back-end.js';
import { checkBesideClient, checkOwnOptions, checkSpelling } from '../own-options.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import { checkedPostgresClient, type PostgresClient } from './postgres-client.js';
import { openPostgres } from './postgres-connection.js';
import {
  POSTGRES_OPTIONS,
  POSTGRES_TABLE_OPTIONS,
  resolveTable,
  type PostgresSchemaOptions,
  type PostgresStoreOptions,
  type PostgresTableOptions,
} from './postgres-options.js';
import { isTooSlow } from './postgres-errors.js';
import { keyText, lifetimeText, newVersion, versionText, valueOf, valueBytes } from './postgres-record.js';
import { schemaOf } from './postgres-schema.js';
import { SWEEP_BATCH } from './postgres-statements.js';
import { PostgresSweeper } from './postgres-sweeper.js';
import { PostgresTable } from './postgres-table.js';

export type { PostgresClient, PostgresParameter } from './postgres-client.js';
export { POSTGRES_DEFAULTS } from './postgres-connection.js';
export type { PostgresSchemaOptions, PostgresStoreOptions, PostgresTableOptions } from './postgres-options.js';

/**
 * Keeps records in a table of PostgreSQL, 12 or later. The version of a record is a number drawn with each write. The server's clock
 * alone decides what has expired.
 *
 * Each verb is one statement without a name, in a transaction of its own, and sets nothing in the connection: it runs through PgBouncer
 * in transaction mode. Where the default isolation is `SERIALIZABLE` or `REPEATABLE READ`, the store sends a statement that the server
 * gave up in favour of another one again, as the server asks for.
 *
 * A write under way when its connection breaks is an error. It is not sent again, because it may have been carried out.
 *
 * Each process deletes expired rows in batches now and then, never in a request: see {@link PostgresStore.sweep}.
 *
 * `new PostgresStore(client)` uses a client of yours and never closes it; {@link PostgresStore.connect} makes one. A `Pool` of yours
 * needs a listener for `error`, or an idle connection that breaks ends the process. It also needs `query_timeout` and
 * `connectionTimeoutMillis`, or connections that hang fill it up; {@link POSTGRES_DEFAULTS} has values that hold.
 *
 * The store sends a cancel request for a statement without an answer within its second, so that it neither goes on waiting for a lock nor
 * is carried out later. It can do so with a `Pool` of `pg` only. For any other client set `statement_timeout`, in milliseconds, for its
 * role (`ALTER ROLE app SET statement_timeout = 1000`) or its connections: a client that closes a connection does not end its statement.
 */
export class PostgresStore implements ClosableStore {
  readonly #table: PostgresTable;
  readonly #sweeper: PostgresSweeper | undefined;

  /** @throws {SessionConfigurationError} when the client has no `query`, or an option is wrong. */
  constructor(client: PostgresClient, options: PostgresTableOptions = {}) {
    checkOwnOptions('postgres', options, POSTGRES_TABLE_OPTIONS);
    const resolved = resolveTable(options);
    this.#table = new PostgresTable(resolved, checkedPostgresClient(client));
    if (resolved.sweepSeconds !== undefined) {
      this.#sweeper = new PostgresSweeper(resolved.sweepSeconds, () => this.sweep(), this.#table.name);
    }
  }

  /**
   * A store with a pool of its own, which `close` ends, or on the given `client`. Does not wait for the server: while PostgreSQL is down
   * the application starts, and each command rejects until it is up.
   * @throws {SessionConfigurationError} when `pg` is not installed, or the options are wrong.
   */
  static async connect(options: PostgresStoreOptions = {}): Promise<PostgresStore> {
    const { url, client, schema, table, unlogged, migrate, sweepInterval, ...settings } = options;
    const tableOptions = { schema, table, unlogged, migrate, sweepInterval };
    if (typeof options['query'] === 'function') {
      throw new SessionConfigurationError('postgres is a client: write { client }, or the options for one, { url }.');
    }
    if (client !== undefined) {
      checkBesideClient('postgres', { url, ...settings }, POSTGRES_TABLE_OPTIONS);
      return new PostgresStore(client, tableOptions);
    }
    checkSpelling('postgres', settings, POSTGRES_OPTIONS);
    resolveTable(tableOptions);
    const pool = await openPostgres(url, settings);
    const store = new PostgresStore(pool, tableOptions);
    store.#table.own(pool);
    return store;
  }

  /**
   * The SQL that makes the table, for a migration of your own. Running it again changes nothing.
   * @throws {SessionConfigurationError} when an option is wrong.
   */
  static schema(options: PostgresSchemaOptions = {}): string {
    checkSpelling('postgres', options, POSTGRES_OPTIONS);
    const { createTable, createIndex } = schemaOf(options);
    return `${createTable};\n\n${createIndex};\n`;
  }

  /**
   * Makes the table and its index where they are missing. Several processes may do so at once. Not needed with the option `migrate`, which
   * does it when the first command needs the table.
   * @throws {SessionStoreError} when PostgreSQL is down, or does not let the role make tables. The promise rejects with it.
   */
  migrate(): Promise<void> {
    return this.#table.migrate();
  }

  /**
   * Deletes the rows that had expired before this hour began, in batches of 1000, or of fewer where that takes too long, and returns how
   * many they were. Several processes may sweep at once: none waits for another, and each row is deleted by one. No need to call it with
   * the option `sweepInterval`.
   * @throws {SessionStoreError} when PostgreSQL fails. The promise rejects with it; the batches before stay deleted.
   */
  async sweep(): Promise<number> {
    let swept = 0;
    let size = SWEEP_BATCH;
    while (!this.#table.isClosed) {
      const batch = await this.#sweepBatch(size).catch((error: unknown) => {
        if (size === 1 || !isTooSlow(error)) throw error;
        // Until the server has given the batch up, the rows are locked, and the next batch would find none.
        return setTimeout(DEADLINE_MS / 2);
      });
      swept += batch ?? 0;
      if (batch === undefined) size = Math.ceil(size / 10);
      else if (batch < size) break;
    }
    return swept;
  }

  async #sweepBatch(size: number): Promise<number> {
    return Number(await this.#table.write(this.#table.statements.sweep, [String(size)]));
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    await this.#put(this.#table.statements.set, [key, value, ttl]);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#table.write(this.#table.statements.delete, [keyText(key)])) === 'deleted';
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const row = await this.#table.read(this.#table.statements.read, [keyText(key)]);
    return row && { value: valueOf(row['value'] ?? ''), version: row['version'] };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    return (await this.#put(this.#table.statements.create, [key, value, ttl])) === 'created';
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const outcome = await this.#put(this.#table.statements.replace, [key, value, ttl], versionText(version));
    return (outcome as ReplaceOutcome | undefined) ?? 'missing';
  }

  /**
   * Ends the sweeps, and the pool that {@link PostgresStore.connect} made, after the answers it still waits for. Leaves a client of yours
   * open. The store takes no more commands.
   */
  async close(): Promise<void> {
    this.#sweeper?.stop();
    await this.#table.close();
  }

  #put(
    sql: string,
    [key, value, ttl]: readonly [key: string, value: string, ttl: number | undefined],
    ...version: (string | null)[]
  ): Promise<string | undefined> {
    const parameters = [keyText(key), valueBytes(value), newVersion(), lifetimeText(ttl), ...version];
    return this.#table.write(sql, parameters);
  }
}
