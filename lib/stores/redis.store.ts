import { createHash } from 'node:crypto';
import { answerInTime, type BackEnd } from './deadline.js';
import type { OwnRedisClient, RedisClient } from './redis-client.js';
import { openRedis, type RedisConnectOptions } from './redis-connection.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from './session-store.js';
import { checkedTtl } from './ttl.js';

export type { RedisClient } from './redis-client.js';
export { REDIS_DEFAULTS, type RedisConnectOptions } from './redis-connection.js';

const REDIS: BackEnd = {
  name: 'Redis',
  check: 'the server is up, reachable from here and not out of memory, and that its address and password are right',
};

// The value that was read travels as its hash alone.
const COMPARE_AND_SET = `
local stored = redis.call('GET', KEYS[1])
if not stored then return 'missing' end
if redis.sha1hex(stored) ~= ARGV[3] then return stored == ARGV[1] and 'same' or 'conflict' end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 'replaced'`;
const COMPARE_AND_SET_SHA1 = sha1(COMPARE_AND_SET);

/**
 * Keeps records in Redis as plain strings. The version of a record is its value.
 *
 * `new RedisStore(client)` uses a client of yours and never closes it; {@link RedisStore.connect} makes one.
 */
export class RedisStore implements ClosableStore {
  readonly #client: RedisClient;
  #own: OwnRedisClient | undefined;
  /**
   * How often a connection broke. Only then does ioredis send a command again whose reply did not come, and only then is a
   * value that equals ours our own: otherwise somebody else wrote the same, as two who count from 1 both write 2.
   */
  #breaks = 0;

  constructor(client: RedisClient) {
    this.#client = client;
    client.on('close', () => this.#breaks++);
    client.on('-node', () => this.#breaks++);
  }

  /**
   * A store with a client of its own, which `close` ends. Does not wait for the server: while Redis is down the application
   * starts, and each command rejects until it is back.
   * @throws SessionConfigurationError when ioredis is not installed or the options are wrong.
   */
  static async connect(options: RedisConnectOptions = {}): Promise<RedisStore> {
    const client = await openRedis(options);
    const store = new RedisStore(client);
    store.#own = client;
    return store;
  }

  async get(key: string): Promise<string | undefined> {
    return (await answerInTime(REDIS, () => this.#client.get(key))) ?? undefined;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    if (ttl === undefined) await answerInTime(REDIS, () => this.#client.set(key, value));
    else await answerInTime(REDIS, () => this.#client.set(key, value, 'EX', checkedTtl(ttl)));
  }

  async delete(key: string): Promise<boolean> {
    return (await answerInTime(REDIS, () => this.#client.del(key))) > 0;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const value = await this.get(key);
    return value === undefined ? undefined : { value, version: value };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const breaks = this.#breaks;
    const seconds = checkedTtl(ttl);
    const created = await answerInTime(REDIS, () => this.#client.set(key, value, 'EX', seconds, 'NX'));
    if (created !== null) return true;
    return this.#breaks > breaks && (await this.get(key)) === value;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const breaks = this.#breaks;
    const keysAndArguments = [key, value, String(checkedTtl(ttl)), sha1(version as string)];
    const outcome = await answerInTime(REDIS, () => this.#compareAndSet(keysAndArguments));
    if (outcome === 'same') return this.#breaks > breaks ? 'replaced' : 'conflict';
    return outcome as ReplaceOutcome;
  }

  /** Ends the client that {@link RedisStore.connect} made, after the answers it still waits for; does nothing to yours. */
  async close(): Promise<void> {
    const connection = this.#own;
    this.#own = undefined;
    if (!connection) return;
    // A server that is down or hangs cannot say goodbye; the connection ends all the same.
    await answerInTime(REDIS, () => connection.quit()).catch(() => {});
    connection.disconnect();
  }

  async #compareAndSet(keysAndArguments: string[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(COMPARE_AND_SET_SHA1, 1, ...keysAndArguments);
    } catch (error) {
      // A restart or SCRIPT FLUSH has emptied the script cache; EVAL fills it again.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#client.eval(COMPARE_AND_SET, 1, ...keysAndArguments);
    }
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
