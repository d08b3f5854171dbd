import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../back-end.js';
import { checkSpelling } from '../own-options.js';
import type { OwnMemcachedClient } from './memcached-client.js';
import { keepExact } from './memcached-driver.js';

/** Options of `MemcachedStore.connect`. All but `servers` are those of the driver, and override {@link MEMCACHED_DEFAULTS}. */
export interface MemcachedConnectOptions {
  /** `host:port`, or several of them over which the driver spreads the keys. @default localhost:11211 */
  readonly servers?: string | readonly string[];
  /** Not here: a client of yours is for `new MemcachedStore(client)`. */
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/**
 * The driver options of a client that the store makes. With the driver's own defaults the first error comes after 100 seconds, and
 * the process outlives its last connection by five minutes. Times are milliseconds.
 */
export const MEMCACHED_DEFAULTS = Object.freeze({
  poolSize: 10,
  /** Attempts to get a connection. With 0, more commands at once than the pool has connections would mark a server dead. */
  retries: 3,
  minTimeout: 20,
  factor: 2,
  maxTimeout: 200,
  /** To open a connection. */
  timeout: 1000,
  /** How long the driver leaves a server alone after it failed. */
  retry: 100,
  reconnect: 200,
  /** The driver never gives a server up, because nothing would bring it back. */
  failures: Number.MAX_SAFE_INTEGER,
  failuresTimeout: 1000,
  idle: 30_000,
  /** Above the store's own bound, which counts: the driver measures values together with its backslashes. */
  maxValue: 4_000_000,
});

/**
 * Makes a client that connects when it is used, so that an application starts while Memcached is down.
 * @throws {SessionConfigurationError} when the driver is not installed, or the options are wrong.
 */
export async function openMemcached({
  servers = 'localhost:11211',
  ...options
}: MemcachedConnectOptions): Promise<OwnMemcachedClient> {
  checkSpelling('memcached', options, ['servers', 'client'] satisfies (keyof MemcachedConnectOptions)[]);
  // What other stores call their address. The driver would ignore it, and connect to localhost.
  const other = ['url', 'host'].find((name) => name in options);
  if (other !== undefined) {
    throw new SessionConfigurationError(
      `There is no option memcached.${other}: write memcached.servers, 'host:11211'.`,
    );
  }
  const list = [servers].flat();
  if (list.length === 0 || !list.every((server) => typeof server === 'string' && server.trim() !== '')) {
    throw new SessionConfigurationError("memcached.servers: write 'host:11211', or a list of such.");
  }
  const { default: Memcached } = await loadDriver('memcached', () => import('memcached'));
  const client: unknown = new Memcached(list, { ...MEMCACHED_DEFAULTS, ...options });
  // The driver's types do not declare its internals.
  const own = client as OwnMemcachedClient;
  keepExact(own);
  return own;
}
