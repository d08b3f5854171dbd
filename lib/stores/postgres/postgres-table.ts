import { SessionStoreError } from '../../session.errors.js';
import { BackEndCommands } from '../back-end-commands.js';
import { type BackEnd, storeClosed } from '../back-end.js';
import { rowsOf, type PostgresClient, type PostgresParameter, type Row } from './postgres-client.js';
import type { OwnPostgresPool } from './postgres-connection.js';
import {
  hideParameters,
  isDuplicate,
  isMissingTable,
  isReadOnly,
  isRefused,
  isToRepeat,
  mayNotCreate,
} from './postgres-errors.js';
import type { ResolvedTable } from './postgres-options.js';
import { isPgPool, PostgresPool, type StatementWaiter } from './postgres-pool.js';
import { schemaOf, type PostgresSchema } from './postgres-schema.js';
import { statementsFor, type PostgresStatements } from './postgres-statements.js';

const POSTGRES: BackEnd = {
  name: 'PostgreSQL',
  check: 'the server is up, reachable from here and takes writes, and that address, role and password are right',
  isRefusal: isRefused,
  redact: hideParameters,
};

type Parameters = readonly PostgresParameter[];

/** What a statement that failed still gets. */
interface Attempts {
  /** Whether to send it again if it is not known what became of it. */
  mayRepeat: boolean;
  /** Whether to make the table if it is missing. */
  mayMigrate: boolean;
  /** Whether the server is to give it up when the store does. */
  readonly mayCancel: boolean;
}

/** The table of one store: sends its statements, and makes it where it is missing. */
export class PostgresTable {
  readonly statements: PostgresStatements;
  readonly #client: PostgresClient;
  readonly #pool: PostgresPool | undefined;
  #own: OwnPostgresPool | undefined;
  readonly #schema: PostgresSchema;
  readonly #mayMigrate: boolean;
  readonly #commands = new BackEndCommands(POSTGRES);
  #migration: Promise<void> | undefined;
  #closed = false;

  constructor(options: ResolvedTable, client: PostgresClient) {
    this.#client = client;
    this.#pool = isPgPool(client) ? new PostgresPool(client) : undefined;
    this.#mayMigrate = options.migrate;
    this.#schema = schemaOf(options);
    this.statements = statementsFor(this.#schema.table);
  }

  /** With its schema, as SQL writes it. */
  get name(): string {
    return this.#schema.table;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The client is this pool, which the store made, and which is to be ended. */
  own(pool: OwnPostgresPool): void {
    this.#own = pool;
  }

  /** The row that a statement returned. A statement that only reads is sent again if its connection broke. */
  async read(sql: string, parameters: Parameters): Promise<Row | undefined> {
    const rows = await this.#ask(sql, parameters, { mayRepeat: true, mayMigrate: this.#mayMigrate, mayCancel: true });
    return rows[0];
  }

  /** What a statement that may have changed something says that it did. */
  async write(sql: string, parameters: Parameters): Promise<string | undefined> {
    const rows = await this.#ask(sql, parameters, { mayRepeat: false, mayMigrate: this.#mayMigrate, mayCancel: true });
    return rows[0]?.['outcome'] ?? undefined;
  }

  /** Makes what is missing of the table. Those who call it at the same time share one migration. */
  migrate(): Promise<void> {
    this.#migration ??= this.#migrate().finally(() => (this.#migration = undefined));
    return this.#migration;
  }

  /** Takes no more statements, waits for those under way, and ends the client that the store made. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const own = this.#own;
    if (own === undefined) await this.#commands.ended();
    else await this.#commands.endClient(() => own.end());
  }

  async #migrate(): Promise<void> {
    const { table, index, createTable, createIndex } = this.#schema;
    // CREATE … IF NOT EXISTS asks for rights, and locks the table, before it looks.
    const attempts = { mayRepeat: true, mayMigrate: false, mayCancel: true };
    const there = await this.#ask(this.statements.relations, [table, index], attempts);
    if (there[0]?.['table'] === null) await this.#create(createTable);
    if (there[0]?.['index'] === null) await this.#create(createIndex);
  }

  async #create(sql: string): Promise<void> {
    // The index of a large table takes its time: the server goes on with it.
    await this.#ask(sql, [], { mayRepeat: false, mayMigrate: false, mayCancel: false }).catch((error: unknown) => {
      if (isDuplicate(error)) return;
      throw mayNotCreate(error) ? this.#missing('and does not let this role make it', causeOf(error)) : error;
    });
  }

  #ask(sql: string, parameters: Parameters, attempts: Attempts): Promise<readonly Row[]> {
    let cancel: (() => void) | undefined;
    const sent = (cancelSent: () => void): void => {
      if (attempts.mayCancel) cancel = cancelSent;
    };
    return this.#commands.ask<readonly Row[]>(
      (command) => {
        if (this.#closed) throw storeClosed(POSTGRES);
        const waiter = { isWaiting: () => !command.hasEnded, sent };
        this.#send(sql, parameters, { waiter, ...attempts }).then(command.answered, command.failed);
      },
      () => {
        cancel?.();
        this.#pool?.dropIfSilent();
      },
    );
  }

  async #send(
    sql: string,
    parameters: Parameters,
    attempts: Attempts & { readonly waiter: StatementWaiter },
  ): Promise<readonly Row[]> {
    for (;;) {
      try {
        return rowsOf(await this.#query(sql, [...parameters], attempts.waiter));
      } catch (error) {
        hideParameters(error, parameters);
        if (!attempts.waiter.isWaiting()) throw error;
        await this.#prepareNext(error, attempts);
      }
    }
  }

  /** Returns when a statement that failed is to be sent again; otherwise throws its error. */
  async #prepareNext(error: unknown, attempts: Attempts): Promise<void> {
    // Another turn of the event loop: a client that fails at once would not let the deadline pass.
    if (isToRepeat(error)) return new Promise((resolve) => setImmediate(resolve));
    if (isReadOnly(error)) this.#pool?.dropIdle();
    if (isMissingTable(error)) {
      if (!attempts.mayMigrate) throw this.#missing('', error);
      attempts.mayMigrate = false;
      return this.migrate();
    }
    if (!attempts.mayRepeat || isRefused(error)) throw error;
    attempts.mayRepeat = false;
  }

  #query(sql: string, parameters: PostgresParameter[], waiter: StatementWaiter): Promise<unknown> {
    return this.#pool === undefined ? this.#client.query(sql, parameters) : this.#pool.query(sql, parameters, waiter);
  }

  #missing(why: string, cause: unknown): SessionStoreError {
    return new SessionStoreError(
      `PostgreSQL has no table ${this.#schema.table} ${why}`.trimEnd() +
        ': run the SQL of PostgresStore.schema(options), or call migrate() with a role that may create tables.',
      { cause, isRefusal: true },
    );
  }
}

/** The driver's error. */
function causeOf(error: unknown): unknown {
  return error instanceof SessionStoreError ? error.cause : error;
}
