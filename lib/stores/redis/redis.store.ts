import { createHash } from 'node:crypto';
import { answerInTime, storeError, type BackEnd } from '../deadline.js';
import { RedisBreaks } from './redis-breaks.js';
import { checkedRedisClient, type OwnRedisClient, type RedisClient } from './redis-client.js';
import { isReplicasRefusal, openRedis, type RedisConnectOptions } from './redis-connection.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import { checkedTtl } from '../ttl.js';

export type { RedisClient } from './redis-client.js';
export { REDIS_DEFAULTS, type RedisConnectOptions } from './redis-connection.js';

const REDIS: BackEnd = {
  name: 'Redis',
  check: 'the server is up, reachable from here and not out of memory, and that its address and password are right',
};

const BROKE = 'lost its connection while a command was under way, so that it is not known whether it was carried out';

// The value that was read travels as its hash alone.
const COMPARE_AND_SET = `
local stored = redis.call('GET', KEYS[1])
if not stored then return 'missing' end
if redis.sha1hex(stored) ~= ARGV[3] then return 'conflict' end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 'replaced'`;
const COMPARE_AND_SET_SHA1 = sha1(COMPARE_AND_SET);

// In one step, or the hash could be that of a later value.
const READ_WITH_HASH = `
local stored = redis.call('GET', KEYS[1])
return stored and { stored, redis.sha1hex(stored) }`;

/** What the client's decoder puts in the place of bytes that are no UTF-8: the text then no longer tells the bytes. */
const REPLACEMENT = '\ufffd';

/** The version of a record whose text does not tell its bytes. */
class HashedVersion {
  constructor(readonly hash: string) {}
}

/**
 * Keeps records in Redis as plain strings. The version of a record is its value, or the hash of its bytes where these are no UTF-8.
 *
 * A write under way when its connection breaks is an error, whether ioredis sends it again or not: nothing can tell whether it was
 * carried out the first time, not even a success, as a rival may have put back what was read.
 *
 * `new RedisStore(client)` uses a client of yours and never closes it; {@link RedisStore.connect} makes one.
 */
export class RedisStore implements ClosableStore {
  readonly #client: RedisClient;
  readonly #breaks: RedisBreaks;
  #own: OwnRedisClient | undefined;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is not one of ioredis. */
  constructor(client: RedisClient) {
    this.#client = checkedRedisClient(client);
    this.#breaks = new RedisBreaks(client);
  }

  /**
   * A store with a client of its own, which `close` ends. Does not wait for the server: while Redis is down the application
   * starts, and each command rejects until it is back.
   * @throws {SessionConfigurationError} when ioredis is not installed or the options are wrong.
   */
  static async connect(options: RedisConnectOptions = {}): Promise<RedisStore> {
    const client = await openRedis(options);
    const store = new RedisStore(client);
    store.#own = client;
    return store;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#read(() => this.#client.get(key))) ?? undefined;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const seconds = ttl === undefined ? undefined : checkedTtl(ttl);
    await this.#write(
      () => (seconds === undefined ? this.#client.set(key, value) : this.#client.set(key, value, 'EX', seconds)),
      // The value is there, once or twice.
      () => true,
    );
  }

  async delete(key: string): Promise<boolean> {
    const removed = await this.#write(
      () => this.#client.del(key),
      (count) => count > 0,
    );
    return removed > 0;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const value = await this.get(key);
    if (value === undefined) return undefined;
    return value.includes(REPLACEMENT) ? this.#readHashed(key) : { value, version: value };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const seconds = checkedTtl(ttl);
    const created = await this.#write(
      () => this.#client.set(key, value, 'EX', seconds, 'NX'),
      (answer) => answer !== null,
    );
    return created !== null;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const keysAndArguments = [key, value, String(checkedTtl(ttl)), hashOf(version)];
    return this.#write(
      () => this.#compareAndSet(keysAndArguments),
      (outcome) => outcome === 'missing',
    );
  }

  /**
   * Ends the client that {@link RedisStore.connect} made, after the answers it still waits for. Leaves yours open, and as it was. The
   * store takes no more commands.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const connection = this.#own;
    if (connection) {
      // A server that is down or hangs cannot say goodbye; the connection ends all the same.
      await answerInTime(REDIS, () => connection.quit()).catch(() => {});
      connection.disconnect();
    }
    this.#breaks.stop();
  }

  /** Another program may have written bytes that are no UTF-8; a compare-and-set on the text would never win. */
  async #readHashed(key: string): Promise<StoredSession | undefined> {
    const found = (await this.#read(() => this.#client.eval(READ_WITH_HASH, 1, key))) as [string, string] | null;
    return found === null ? undefined : { value: found[0], version: new HashedVersion(found[1]) };
  }

  /** Sends a read once more where its connection broke: a short disturbance is no outage. */
  #read<T>(send: () => Promise<T>): Promise<T> {
    const breaks = this.#breaks.count;
    return this.#ask(async () => {
      try {
        return await send();
      } catch (error) {
        if (this.#breaks.count === breaks) throw error;
        return send();
      }
    });
  }

  /** @param isCertain whether an answer means the same when the command was carried out before. */
  async #write<T>(send: () => Promise<T>, isCertain: (answer: T) => boolean): Promise<T> {
    const breaks = this.#breaks.count;
    let cause: unknown;
    try {
      const answer = await this.#ask(send);
      if (this.#breaks.count === breaks || isCertain(answer)) return answer;
    } catch (error) {
      if (this.#breaks.count === breaks) throw error;
      cause = error;
    }
    throw storeError(REDIS, BROKE, cause);
  }

  async #ask<T>(send: () => Promise<T>): Promise<T> {
    if (this.#closed) throw storeError(REDIS, 'has been left: the store is closed');
    try {
      return await answerInTime(REDIS, send);
    } catch (error) {
      // A client of yours may not know of failovers behind one address. A Cluster finds the new master by itself.
      const { cause } = error as Error;
      if (cause instanceof Error && isReplicasRefusal(cause) && !this.#client.nodes) this.#client.disconnect(true);
      throw error;
    }
  }

  async #compareAndSet(keysAndArguments: string[]): Promise<ReplaceOutcome> {
    try {
      return (await this.#client.evalsha(COMPARE_AND_SET_SHA1, 1, ...keysAndArguments)) as ReplaceOutcome;
    } catch (error) {
      // A restart or SCRIPT FLUSH has emptied the script cache; EVAL fills it again.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return (await this.#client.eval(COMPARE_AND_SET, 1, ...keysAndArguments)) as ReplaceOutcome;
    }
  }
}

function hashOf(version: unknown): string {
  return version instanceof HashedVersion ? version.hash : sha1(version as string);
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
