import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../driver.js';
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
  /**
   * A write whose connection broke may have been carried out: sent again it would count twice, or meet its own result and take it
   * for a rival's.
   */
  autoResendUnfulfilledCommands: false,
  /** Gives a command up when its connection breaks; any other number leaves it without an answer when it is not sent again. */
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  /** Drops a connection on which a command got no answer: one that a firewall forgot stays open for a quarter of an hour. */
  socketTimeout: 2000,
  retryStrategy: (attempt: number): number => Math.min(attempt * 50, 1000),
  /** Behind one address the master may have changed: a new connection leads to the new one. */
  reconnectOnError: isReplicasRefusal,
});

/**
 * Makes a client that connects in the background, so that an application starts while Redis is down.
 * @throws {SessionConfigurationError} when ioredis is not installed or the options cannot be right.
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

/** Whether a replica has refused a write. Redis 6 quotes it in an error of the script. */
export function isReplicasRefusal(error: Error): boolean {
  return /^(?:ERR .*-)?READONLY /.test(error.message);
}

function isRedisUrl(url: unknown): boolean {
  if (typeof url !== 'string') return false;
  return url.startsWith('/') || (/^rediss?:\/\//.test(url) && URL.canParse(url));
}
