import { BackEndCommands, type CommandUnderWay } from '../back-end-commands.js';
import { storeClosed, storeError } from '../back-end.js';
import { ConnectionErrors } from '../connection-errors.js';
import {
  checkedTtl,
  type ClosableStore,
  type ReplaceOutcome,
  type StoredSession,
  type TextVersionedStore,
} from '../session-store.js';
import type { OwnRedisClient } from './ioredis-client.js';
import { commandsOf, type RedisClient } from './redis-client.js';
import type { RedisCommands } from './redis-commands.js';
import { endRedis, openRedis, type RedisConnectOptions } from './redis-connection.js';
import { hideCommand, isReplicasRefusal, REDIS } from './redis-errors.js';
import { compareAndSet, hashOf, readWithHash } from './redis-scripts.js';

export type { IoredisClient } from './ioredis-client.js';
export type { NodeRedisClient } from './node-redis-client.js';
export type { RedisClient } from './redis-client.js';
export { REDIS_DEFAULTS, type RedisConnectOptions } from './redis-connection.js';

const BROKE = 'lost its connection while a command was under way, so that it is not known whether it was carried out';

/** What the client's decoder puts in the place of bytes that are no UTF-8: the text then no longer tells the bytes. */
const REPLACEMENT = '\ufffd';

/** Half of a surrogate pair, for which the client sends the bytes of {@link REPLACEMENT}. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Keeps records as plain strings in Redis, or in any server that speaks its protocol, such as Valkey: with GET, SET, DEL, EVAL and
 * EVALSHA, and GET within the scripts. An ACL of `~session:* +get +set +del +eval +evalsha` suffices, beside what the driver itself
 * sends. The version of a record is its value, or the hash of its bytes if these are no UTF-8.
 *
 * A write under way when its connection breaks is an error, whether the driver sends it again or not: no answer can tell whether it
 * was carried out the first time, not even a success, because another client may have put back the value that was read.
 *
 * `new RedisStore(client)` uses a client of yours, of ioredis or node-redis, and never closes it; {@link RedisStore.connect} makes one of
 * ioredis. For a client of node-redis:
 *
 * - You connect it. Do not wait for that where the application is to start while Redis is down: `client.connect().catch(() => {})`. A
 *   cluster that finds no node then stays closed, and has to be told again.
 * - The store listens to its errors where you do not, because node-redis would end the process otherwise.
 * - A connection that has gone silent, such as one that a firewall has forgotten, stays in use until TCP gives it up, which takes a
 *   quarter of an hour: node-redis takes what it sends itself for a sign of life. ioredis replaces it (`socketTimeout`).
 */
export class RedisStore implements ClosableStore, TextVersionedStore {
  readonly #redis: RedisCommands;
  readonly #connection = new ConnectionErrors(hideCommand);
  readonly #commands = new BackEndCommands(REDIS, this.#connection);
  readonly #deafen: () => void;
  #own: OwnRedisClient | undefined;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is of neither ioredis nor node-redis. */
  constructor(client: RedisClient) {
    this.#redis = commandsOf(client);
    this.#deafen = this.#connection.listenTo(client);
  }

  /**
   * A store with a client of its own, which `close` ends. Does not wait for the server: while Redis is down the application
   * starts, and each command rejects until Redis is up.
   * @throws {SessionConfigurationError} when ioredis is not installed, or the options are wrong.
   */
  static async connect(options: RedisConnectOptions = {}): Promise<RedisStore> {
    const client = await openRedis(options);
    const store = new RedisStore(client);
    store.#own = client;
    return store;
  }

  get(key: string): Promise<string | undefined> {
    return this.#read(() => this.#redis.get(key)).then((value) => value ?? undefined);
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const seconds = ttl === undefined ? undefined : checkedTtl(ttl);
    await this.#write(
      () => this.#redis.set(key, value, seconds),
      // Carried out once or twice, the value is there.
      () => true,
    );
  }

  async delete(key: string): Promise<boolean> {
    const removed = await this.#write(
      () => this.#redis.del(key),
      (count) => count > 0,
    );
    return removed > 0;
  }

  read(key: string): Promise<StoredSession | undefined> {
    return this.#read(() => this.#redis.get(key)).then((value) => {
      if (value === null) return undefined;
      // Another program wrote bytes that are no UTF-8; a compare-and-set on the text would never win.
      if (value.includes(REPLACEMENT)) return this.#read(() => readWithHash(this.#redis, key));
      return { value, version: value };
    });
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const seconds = checkedTtl(ttl);
    const created = await this.#write(
      () => this.#redis.create(key, value, seconds),
      (answer) => answer !== null,
    );
    return created !== null;
  }

  replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    return this.#write(
      () => compareAndSet(this.#redis, key, [value, String(checkedTtl(ttl)), hashOf(version)]),
      (outcome) => outcome === 'missing',
    );
  }

  versionOf(value: string): string | undefined {
    return LONE_SURROGATE.test(value) ? undefined : value;
  }

  /**
   * Ends the client that {@link RedisStore.connect} made, after the answers it still waits for. Leaves yours open and unchanged. The
   * store takes no more commands.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#own !== undefined) await endRedis(this.#own, this.#commands);
    this.#redis.stop();
    this.#deafen();
  }

  /** Sends a read once more if its connection broke: a short disturbance is no outage. */
  #read<T>(send: () => Promise<T>): Promise<T> {
    const { breaks } = this.#redis;
    return this.#ask(send, { mayRepeat: (error) => this.#redis.hasBroken(error, breaks) });
  }

  /** @param isCertain whether the answer means the same if the command had been carried out before. */
  #write<T>(send: () => Promise<T>, isCertain: (answer: T) => boolean): Promise<T> {
    const { breaks } = this.#redis;
    let isLate = false;
    return this.#ask(send, { onLate: () => void (isLate = true) }).then(
      (answer) => {
        if (this.#redis.breaks === breaks || isCertain(answer)) return answer;
        throw storeError(REDIS, BROKE);
      },
      (error: unknown) => {
        // Of one that is late, the cause is why there was no connection, and not how the command ended.
        const failure = isLate ? undefined : (error as Error).cause;
        throw this.#redis.hasBroken(failure, breaks) ? storeError(REDIS, BROKE, error) : error;
      },
    );
  }

  #ask<T>(send: () => Promise<T>, { mayRepeat, onLate }: AskOptions): Promise<T> {
    return this.#commands.ask((command) => {
      if (this.#closed) throw storeClosed(REDIS);
      const giveUp = (error: unknown): void => this.#giveUp(command, error);
      send().then(command.answered, (error: unknown) => {
        if (command.hasEnded || !mayRepeat?.(error)) giveUp(error);
        else Promise.resolve().then(send).then(command.answered, giveUp);
      });
    }, onLate);
  }

  #giveUp(command: CommandUnderWay<never>, error: unknown): void {
    if (command.hasEnded) return;
    // A client of yours may not handle a failover behind one address.
    if (error instanceof Error && isReplicasRefusal(error)) this.#redis.leaveReplica();
    command.failed(error);
  }
}

interface AskOptions {
  /** Asked when the command has failed in time: whether to send it once more. */
  readonly mayRepeat?: (error: unknown) => boolean;
  readonly onLate?: () => void;
}
