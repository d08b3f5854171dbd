import { SessionConfigurationError } from '../../session.errors.js';
import type { BackEndCommands } from '../back-end-commands.js';
import { loadDriver, type DriverUser } from '../back-end.js';
import { checkSpelling } from '../own-options.js';
import type { OwnRedisClient } from './ioredis-client.js';
import { isReplicasRefusal } from './redis-errors.js';

/** Options of `RedisStore.connect`. All but `url` are those of ioredis, and override {@link REDIS_DEFAULTS}. */
export interface RedisConnectOptions {
  /** `redis://user:password@host:6379/0`, `rediss://…` for TLS, or the path of a Unix socket. @default localhost:6379 */
  readonly url?: string;
  /** Not here: a client of yours is for `new RedisStore(client)`. */
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/**
 * The ioredis options of a client that the store makes. With ioredis' own defaults a command fails after more than a minute when the
 * server is down, and never when it hangs. Times are milliseconds.
 */
export const REDIS_DEFAULTS = Object.freeze({
  /**
   * Bounds the commands that the application itself sends on a client made with these options; one that the store makes goes
   * without. Later than the store's deadline, which looks for an answer once more.
   */
  commandTimeout: 1500,
  /**
   * A write whose connection broke may have been carried out: sent again it would count twice, or meet its own result and take it
   * for another client's.
   */
  autoResendUnfulfilledCommands: false,
  /** Rejects a command when its connection breaks; with any other number a command that is not sent again gets no answer. */
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  /** Drops a connection on which a command got no answer: a connection that a firewall forgot stays open for a quarter of an hour. */
  socketTimeout: 2000,
  retryStrategy: (attempt: number): number => Math.min(attempt * 50, 1000),
  /** The master behind one address may have changed: a new connection leads to the new master. */
  reconnectOnError: isReplicasRefusal,
});

/** What says where Redis is, of our options and of those of ioredis. */
const ADDRESS = ['url', 'host', 'port', 'client'];

/** What suits a client on which nothing but the store sends commands. */
const STORE_ONLY = Object.freeze({
  /** The store bounds each command itself. */
  commandTimeout: undefined,
});

/**
 * Makes a client that connects in the background, so that an application starts while Redis is down.
 * @throws {SessionConfigurationError} when ioredis is not installed, or the options are wrong.
 */
export async function openRedis(
  { url, ...options }: RedisConnectOptions,
  user: DriverUser = 'store',
): Promise<OwnRedisClient> {
  checkSpelling('redis', options, ADDRESS);
  // Not quoted: the URL may hold a password.
  if (url !== undefined && !isRedisUrl(url)) {
    throw new SessionConfigurationError(
      'redis.url: write redis://host:6379/0, rediss://… or the path of a Unix socket.',
    );
  }
  const { Redis } = await loadDriver('ioredis', () => import('ioredis'), user);
  const own = { ...REDIS_DEFAULTS, ...STORE_ONLY, ...options };
  const settings = { enableAutoPipelining: answersEach(own), ...own };
  try {
    const client = url === undefined ? new Redis(settings) : new Redis(url, settings);
    // Without a listener ioredis prints each failed attempt. Here the commands that need the connection report the failure.
    client.on('error', () => {});
    return client;
  } catch (cause) {
    throw new SessionConfigurationError('redis: ioredis refused its options; see the cause.', { cause });
  }
}

/** Ends a client after the answers to its commands. */
export async function endRedis(client: OwnRedisClient, commands: BackEndCommands): Promise<void> {
  // QUIT would overtake the commands that ioredis collects for one write.
  await commands.endClient(() => client.quit());
  client.disconnect();
}

/**
 * Whether the client ends each command, also where its connection breaks. Then it may send those of one turn of the event loop in one
 * write: each write of its own is a call of the system. A command without an end would hold up all that come after it, for good.
 */
function answersEach({ autoResendUnfulfilledCommands, maxRetriesPerRequest }: RedisConnectOptions): boolean {
  return autoResendUnfulfilledCommands !== false || maxRetriesPerRequest === 0;
}

function isRedisUrl(url: unknown): boolean {
  if (typeof url !== 'string') return false;
  return url.startsWith('/') || (/^rediss?:\/\//.test(url) && URL.canParse(url));
}
