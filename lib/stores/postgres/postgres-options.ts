import { parseDuration, type Duration } from '../../duration.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { shown } from '../../shown.js';
import type { PostgresClient } from './postgres-client.js';

/** Which table keeps the records, and how PostgreSQL keeps it. */
export interface PostgresSchemaOptions {
  /** The schema of the table, which has to exist. @default the first one of the role's `search_path`, mostly `public` */
  readonly schema?: string | undefined;
  /** The table. Several modules can share one, as `keyPrefix` keeps their records apart. @default 'nest_session' */
  readonly table?: string | undefined;
  /**
   * Makes an `UNLOGGED` table: writes cost less, for nothing goes to the write-ahead log. A crash of the server empties the table, a
   * standby does not have its rows, and so a failover signs everybody out. For a table that is made anew only.
   * @default false
   */
  readonly unlogged?: boolean | undefined;
}

/** Options of a {@link PostgresStore}, whoever made its client. */
export interface PostgresTableOptions extends PostgresSchemaOptions {
  /**
   * Whether the store makes its table when the first command finds that it is missing. With `false`, and where its role may not make
   * tables, the commands reject, and the message says what to run: the SQL of {@link PostgresStore.schema}.
   * @default true
   */
  readonly migrate?: boolean | undefined;
  /**
   * How often this process deletes expired rows, in seconds or as a text such as `'5m'`; each time half as early or half as late, so
   * that processes that start together part. `false`: never, for those who call {@link PostgresStore.sweep} from a job of their own.
   * @default '5m'
   */
  readonly sweepInterval?: Duration | false | undefined;
}

/**
 * Options of {@link PostgresStore.connect}. All but those named here are those of `pg` for its `Pool`, such as `ssl`, `max` and
 * `host`, and override {@link POSTGRES_DEFAULTS}.
 */
export interface PostgresStoreOptions extends PostgresTableOptions {
  /**
   * `postgres://user:password@host:5432/database`; what it says counts before the other options of `pg`.
   * @default the environment's PGHOST, PGUSER, PGDATABASE …, as for `psql`
   */
  readonly url?: string | undefined;
  /**
   * A `Pool` of yours, or anything with a {@link PostgresClient.query}, instead of options for one, which are refused beside it. It is
   * never closed.
   */
  readonly client?: PostgresClient | undefined;
  readonly [option: string]: unknown;
}

/** The options of the table with their defaults. */
export interface ResolvedTable {
  readonly schema: string | undefined;
  readonly table: string;
  readonly unlogged: boolean;
  readonly migrate: boolean;
  /** Seconds, or `undefined` for never. */
  readonly sweepSeconds: number | undefined;
}

/** Those that count beside a client. */
export const POSTGRES_TABLE_OPTIONS: readonly string[] = [
  'schema',
  'table',
  'unlogged',
  'migrate',
  'sweepInterval',
] satisfies (keyof PostgresTableOptions)[];

/** Those of this library, and those of `pg` that say where PostgreSQL is. */
export const POSTGRES_OPTIONS: readonly string[] = [
  'url',
  'client',
  ...POSTGRES_TABLE_OPTIONS,
  'connectionString',
  'host',
  'port',
  'database',
];

// PostgreSQL cuts an identifier after 63 bytes, and the index has the table's name with six more.
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,56}$/;

/** @throws {SessionConfigurationError} when an option is wrong. */
export function resolveTable({
  schema,
  table = 'nest_session',
  unlogged = false,
  migrate = true,
  sweepInterval = '5m',
}: PostgresTableOptions): ResolvedTable {
  if (schema !== undefined) checkIdentifier('schema', schema);
  checkIdentifier('table', table);
  checkBoolean('unlogged', unlogged);
  checkBoolean('migrate', migrate);
  return { schema, table, unlogged, migrate, sweepSeconds: secondsOf(sweepInterval) };
}

function checkIdentifier(name: string, value: unknown): void {
  if (typeof value === 'string' && IDENTIFIER.test(value)) return;
  throw new SessionConfigurationError(
    `postgres.${name} is ${shown(value)}: write up to 57 letters, digits and '_', and no digit first.`,
  );
}

function checkBoolean(name: string, value: unknown): void {
  if (typeof value === 'boolean') return;
  throw new SessionConfigurationError(`postgres.${name} is ${shown(value)}: write true or false.`);
}

function secondsOf(sweepInterval: unknown): number | undefined {
  if (sweepInterval === false) return undefined;
  const seconds = parseDuration(sweepInterval);
  if (seconds !== undefined && seconds >= 1) return seconds;
  throw new SessionConfigurationError(
    `postgres.sweepInterval is ${shown(sweepInterval)}: write seconds, at least 1, a text such as '5m', or false.`,
  );
}
