/** The statements of a store. Each returns one row that tells what it did, or none. */
export interface PostgresStatements {
  readonly read: string;
  readonly set: string;
  readonly create: string;
  readonly replace: string;
  readonly delete: string;
  readonly sweep: string;
  /** Which of two relations exist. */
  readonly relations: string;
}

/** Most rows that one statement of a sweep deletes. */
export const SWEEP_BATCH = 1000;

// Not now(): that is the time at which a transaction began.
const EXPIRED = 'expires_at <= statement_timestamp()';
const UNTIL = (parameter: string): string => `statement_timestamp() + ${parameter}::text::float8 * interval '1 second'`;
/** The first if the row has the version that was read, the second otherwise. */
const IF_READ = (then: string, otherwise: string): string =>
  `CASE WHEN version = $5::text::bigint THEN ${then} ELSE ${otherwise} END`;
const BYTES = '$2::bytea';

/**
 * The statements for a table. Numbers are texts on the way, and a value that is read comes in Base64, because drivers and ORMs differ in
 * what they make of large numbers and of the bytes in a row.
 * @param table quoted.
 */
export function statementsFor(table: string): PostgresStatements {
  const put = `INSERT INTO ${table} AS kept (key, value, version, expires_at)
VALUES ($1::text, ${BYTES}, $3::text::bigint, ${UNTIL('$4')})
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`;
  return {
    read: `SELECT encode(value, 'base64') AS value, version::text AS version FROM ${table}
WHERE key = $1::text AND (${EXPIRED}) IS NOT TRUE`,
    set: `${put}
RETURNING 'stored' AS outcome`,
    create: `${put}
WHERE kept.${EXPIRED}
RETURNING 'created' AS outcome`,
    replace: replaceIn(table),
    delete: `DELETE FROM ${table} WHERE key = $1::text
RETURNING CASE WHEN ${EXPIRED} THEN 'expired' ELSE 'deleted' END AS outcome`,
    // Rows that another process is about to delete, or a request to renew, are left to it.
    sweep: `WITH gone AS (
  DELETE FROM ${table} WHERE key = ANY (ARRAY(
    SELECT key FROM ${table} WHERE sweep_after <= statement_timestamp() AT TIME ZONE 'UTC'
    LIMIT $1::text::bigint FOR UPDATE SKIP LOCKED
  )) RETURNING 1
) SELECT count(*)::text AS outcome FROM gone`,
    relations: 'SELECT to_regclass($1::text)::text AS "table", to_regclass($2::text)::text AS "index"',
  };
}

/**
 * Compare-and-set as an UPDATE of one row that writes back what was there when the version is another one. The row that it waited for,
 * locked and looked at is thus always the one whose outcome it tells. With the version in its WHERE it would find no row, and could ask
 * only its snapshot, in which a row may live that is gone, whether that is a conflict.
 */
function replaceIn(table: string): string {
  return `UPDATE ${table} SET
  value = ${IF_READ(BYTES, 'value')},
  version = ${IF_READ('$3::text::bigint', 'version')},
  expires_at = ${IF_READ(UNTIL('$4'), 'expires_at')}
WHERE key = $1::text AND (${EXPIRED}) IS NOT TRUE
RETURNING CASE WHEN version = $3::text::bigint THEN 'replaced' ELSE 'conflict' END AS outcome`;
}
