import { SessionConfigurationError } from '../session.errors.js';
import { loadDriver } from './driver.js';
import type { OwnRedisClient } from './redis-client.js';

/** Options of `RedisStore.connect`. All but `url` are ioredis' own and win over {@link REDIS_DEFAULTS}. */
export interface RedisConnectOptions {
  /** `redis://user:password@host:6379/0`, `rediss://…` for TLS, or the path of a Unix socket; default `localhost:6379`. */
  readonly url?: string;
  /** A client of yours is for `new RedisStore(client)`. */
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/**
 * What a client of our own does differently from ioredis' defaults, with which a server that is down answers after more than
 * a minute and one that hangs, never. Times are milliseconds.
 */
export const REDIS_DEFAULTS = Object.freeze({
  /** Ends ioredis' own wait for a server that hangs; a little after the store's, which looks before it gives up. */
  commandTimeout: 1500,
  maxRetriesPerRequest: 1,
  connectTimeout: 2000,
  /** Drops a connection on which a command got no answer: one that a firewall forgot stays open for a quarter of an hour. */
  socketTimeout: 2000,
  retryStrategy: (attempt: number): number => Math.min(attempt * 50, 1000),
});

/**
 * Makes a client that connects in the background, so that an application starts while Redis is down.
 * @throws SessionConfigurationError when ioredis is not installed or the options cannot be right.
 */
export async function openRedis({ url, ...options }: RedisConnectOptions): Promise<OwnRedisClient> {
  // A password may be part of the URL, so it is not quoted.
  if (url !== undefined && !isRedisUrl(url)) {
    throw new SessionConfigurationError(
      'redis.url: write redis://host:6379/0, rediss://… or the path of a Unix socket.',
    );
  }
  const { Redis } = await loadDriver('ioredis', () => import('ioredis'));
  const settings = { ...REDIS_DEFAULTS, ...options };
  try {
    const client = url === undefined ? new Redis(settings) : new Redis(url, settings);
    // Without a listener ioredis prints each failed attempt; whoever needs the connection hears of it from their command.
    client.on('error', () => {});
    return client;
  } catch (cause) {
    throw new SessionConfigurationError('redis: ioredis refused its options; see the cause.', { cause });
  }
}

function isRedisUrl(url: unknown): boolean {
  if (typeof url !== 'string') return false;
  return url.startsWith('/') || (/^rediss?:\/\//.test(url) && URL.canParse(url));
}
