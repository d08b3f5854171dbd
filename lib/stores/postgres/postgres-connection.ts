import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../back-end.js';
import type { PgPool } from './postgres-pool.js';

/** A pool that the store made, and therefore ends. */
export interface OwnPostgresPool extends PgPool {
  end(): Promise<void>;
}

/**
 * The options of `pg` for a pool that the store makes. With those of `pg` itself a command on a server that is down or hangs waits for
 * ever, and a connection that hangs never leaves the pool. Times are milliseconds.
 */
export const POSTGRES_DEFAULTS = Object.freeze({
  /** Connections of one process. The server takes 100 from all of them, unless it is told otherwise. */
  max: 10,
  /** To open a connection, or to get one of a pool that is in use. A command waits for a second; the connection then serves the next. */
  connectionTimeoutMillis: 3000,
  /** Takes a connection on which a statement got no answer out of the pool. */
  query_timeout: 1500,
  /** A new connection costs the server as much as some fifty commands. */
  idleTimeoutMillis: 60_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  /** A program that has nothing else to do ends without `close`. */
  allowExitOnIdle: true,
  /** How the server's `pg_stat_activity` names the connections, unless `application_name` or PGAPPNAME does. */
  fallback_application_name: 'nest-session',
});

/**
 * Makes a pool that connects when it is used, so that an application starts while PostgreSQL is down.
 * @throws {SessionConfigurationError} when `pg` is not installed, or the options are wrong.
 */
export async function openPostgres(url: unknown, options: Readonly<Record<string, unknown>>): Promise<OwnPostgresPool> {
  // Not quoted: the URL may hold a password.
  if (url !== undefined && !isPostgresUrl(url)) {
    throw new SessionConfigurationError(
      'postgres.url: write postgres://user:password@host:5432/database, or the path of a directory of Unix sockets.',
    );
  }
  const { default: pg } = await loadDriver('pg', () => import('pg'));
  const settings = { ...POSTGRES_DEFAULTS, ...options, ...(isPostgresUrl(url) && { connectionString: url }) };
  try {
    // A pool reads its options with the first connection only.
    void new pg.Client(settings);
    const pool = new pg.Pool(settings);
    // Without a listener the error of a connection that is not in use would end the process. The pool has dropped it by then.
    pool.on('error', () => {});
    return pool;
  } catch (cause) {
    throw new SessionConfigurationError('postgres: pg refused its options; see the cause.', { cause });
  }
}

function isPostgresUrl(url: unknown): url is string {
  return typeof url === 'string' && (url.startsWith('/') || /^(?:postgres|postgresql|socket):/.test(url));
}
