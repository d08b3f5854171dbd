import { SessionConfigurationError } from '../../session.errors.js';

/**
 * What `PostgresStore` needs of a client: a `Pool` of `pg`, a `DataSource` of TypeORM, `db.$client` of Drizzle, or a
 * function of yours around what you have:
 *
 * ```ts
 * new PostgresStore(pool); // pg, and db.$client of drizzle-orm/node-postgres
 * new PostgresStore(dataSource); // TypeORM
 * new PostgresStore({ query: (sql, parameters) => prisma.$queryRawUnsafe(sql, ...parameters) }); // Prisma
 * new PostgresStore({ query: (sql, parameters) => db.executeQuery(CompiledQuery.raw(sql, parameters)) }); // Kysely
 * ```
 */
export interface PostgresClient {
  /**
   * Sends one statement, in a transaction of its own, and never twice.
   * @param sql a statement with `$1`, `$2` … for its parameters.
   * @param parameters texts, nulls, and the bytes of a value. Whatever a statement returns is text, which every driver leaves as it is.
   * @returns the rows as an array of objects, or as `{ rows }`, or with something behind them, as `[rows, count]`.
   */
  query(sql: string, parameters: PostgresParameter[]): Promise<unknown>;
}

/** A parameter of a statement. */
export type PostgresParameter = string | Buffer | null;

/** A row of a statement: texts under their names. */
export type Row = Readonly<Record<string, string | null>>;

/** What to pass in the place of an object without `query`, by what tells its kind. */
const REMEDIES: readonly (readonly [member: string, kind: string, remedy: string])[] = [
  [
    '$queryRawUnsafe',
    'is a client of Prisma:',
    'pass { query: (sql, parameters) => prisma.$queryRawUnsafe(sql, ...parameters) }',
  ],
  ['$client', 'is a database of Drizzle:', 'pass its db.$client'],
  ['connectionParameters', 'is one connection, which would not come back after a break:', 'pass a Pool of pg'],
  [
    'executeQuery',
    'is a Kysely:',
    'pass { query: (sql, parameters) => db.executeQuery(CompiledQuery.raw(sql, parameters)) }',
  ],
  [
    'getConnection',
    'is of MikroORM:',
    'pass { query: (sql, parameters) => orm.em.getConnection().getClient().executeQuery(CompiledQuery.raw(sql, parameters)) }',
  ],
];

/**
 * Refuses a client that does not fit before it stores anything.
 * @throws {SessionConfigurationError} when it has no `query`; the message says what to pass instead.
 */
export function checkedPostgresClient(client: PostgresClient): PostgresClient {
  const given = Object(client) as Readonly<Record<string, unknown>>;
  const known = REMEDIES.find(([member]) => member in given);
  const isFit = typeof given['query'] === 'function' && (known === undefined || known[0] === 'getConnection');
  if (isFit) return client;
  const kind = known?.[1] ?? 'has no query:';
  const remedy = known?.[2] ?? 'pass a Pool of pg, an object with query(sql, parameters), or { url }';
  throw new SessionConfigurationError(`The given PostgreSQL client ${kind} ${remedy}.`);
}

/**
 * The rows, in whichever form a client returns them.
 * @throws {SessionConfigurationError} when it returned something else.
 */
export function rowsOf(result: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(result) ? result : (Object(result) as { rows?: unknown }).rows;
  // TypeORM returns the rows of an UPDATE or DELETE with their number behind them, as [rows, count].
  const found: unknown = Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0] : rows;
  if (Array.isArray(found)) return found as readonly Row[];
  throw new SessionConfigurationError(
    'The query of the given PostgreSQL client returned no rows: return its array of rows, or { rows }.',
  );
}
