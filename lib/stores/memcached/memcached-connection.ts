import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../driver.js';
import type { OwnMemcachedClient } from './memcached-client.js';
import { keepExact } from './memcached-driver.js';

/** Options of `MemcachedStore.connect`. All but `servers` are the driver's own and win over {@link MEMCACHED_DEFAULTS}. */
export interface MemcachedConnectOptions {
  /** `host:port`, or several of them over which the keys are spread; default `localhost:11211`. */
  readonly servers?: string | readonly string[];
  /** A client of yours is for `new MemcachedStore(client)`. */
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/**
 * What a client of our own does differently from the driver's defaults, with which the first error comes after 100 seconds and
 * the process outlives its last connection by five minutes. Times are milliseconds.
 */
export const MEMCACHED_DEFAULTS = Object.freeze({
  poolSize: 10,
  /** Attempts to get a connection. 0 would mark a server dead when more commands come at once than the pool is large. */
  retries: 3,
  minTimeout: 20,
  factor: 2,
  maxTimeout: 200,
  /** To open a connection. */
  timeout: 1000,
  /** A server that failed is left alone for this long. */
  retry: 100,
  reconnect: 200,
  /** Never give a server up: nothing would bring it back. */
  failures: Number.MAX_SAFE_INTEGER,
  failuresTimeout: 1000,
  idle: 30_000,
  /** The driver measures values with its own backslashes; the store's own bound is the one that counts. */
  maxValue: 4_000_000,
});

/**
 * Makes a client that connects when it is used, so that an application starts while Memcached is down.
 * @throws {SessionConfigurationError} when the driver is not installed or the options cannot be right.
 */
export async function openMemcached({
  servers = 'localhost:11211',
  ...options
}: MemcachedConnectOptions): Promise<OwnMemcachedClient> {
  const list = [servers].flat();
  if (list.length === 0 || !list.every((server) => typeof server === 'string' && server.trim() !== '')) {
    throw new SessionConfigurationError("memcached.servers: write 'host:11211', or a list of such.");
  }
  const { default: Memcached } = await loadDriver('memcached', () => import('memcached'));
  const client: unknown = new Memcached(list, { ...MEMCACHED_DEFAULTS, ...options });
  // The driver's types know nothing of its inside.
  const own = client as OwnMemcachedClient;
  keepExact(own);
  return own;
}
