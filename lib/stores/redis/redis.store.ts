import { errorMonitor } from 'node:events';

import { BackEndCommands, type CommandUnderWay } from '../back-end-commands.js';
import { storeError, type BackEnd } from '../back-end.js';
import { ConnectionErrors } from '../connection-errors.js';
import {
  checkedTtl,
  type ClosableStore,
  type ReplaceOutcome,
  type StoredSession,
  type TextVersionedStore,
} from '../session-store.js';
import { RedisBreaks } from './redis-breaks.js';
import { checkedRedisClient, type OwnRedisClient, type RedisClient } from './redis-client.js';
import { endRedis, openRedis, type RedisConnectOptions } from './redis-connection.js';
import { hideCommand, isReply, isReplicasRefusal } from './redis-errors.js';
import { compareAndSet, hashOf, readWithHash } from './redis-scripts.js';

export type { RedisClient } from './redis-client.js';
export { REDIS_DEFAULTS, type RedisConnectOptions } from './redis-connection.js';

const REDIS: BackEnd = {
  name: 'Redis',
  check: 'the server is up, reachable from here and not out of memory, and that its address and password are right',
  isRefusal: isReply,
  redact: hideCommand,
};

const BROKE = 'lost its connection while a command was under way, so that it is not known whether it was carried out';

/** What the client's decoder puts in the place of bytes that are no UTF-8: the text then no longer tells the bytes. */
const REPLACEMENT = '\ufffd';

/** Half of a surrogate pair, for which the client sends the bytes of {@link REPLACEMENT}. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Keeps records in Redis as plain strings. The version of a record is its value, or the hash of its bytes if these are no UTF-8.
 *
 * A write under way when its connection breaks is an error, whether ioredis sends it again or not: no answer can tell whether it was
 * carried out the first time, not even a success, because another client may have put back the value that was read.
 *
 * `new RedisStore(client)` uses a client of yours and never closes it; {@link RedisStore.connect} makes one.
 */
export class RedisStore implements ClosableStore, TextVersionedStore {
  readonly #client: RedisClient;
  readonly #breaks: RedisBreaks;
  readonly #connection = new ConnectionErrors(hideCommand);
  readonly #commands = new BackEndCommands(REDIS, this.#connection);
  #own: OwnRedisClient | undefined;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is not one of ioredis. */
  constructor(client: RedisClient) {
    this.#client = checkedRedisClient(client);
    this.#breaks = new RedisBreaks(client);
    // Not a listener of 'error': with one, a client of yours would no longer print what nothing else hears.
    client.on(errorMonitor, this.#connection.note);
    client.on('ready', this.#connection.clear);
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
    return this.#read(() => this.#client.get(key)).then((value) => value ?? undefined);
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const seconds = ttl === undefined ? undefined : checkedTtl(ttl);
    await this.#write(
      () => (seconds === undefined ? this.#client.set(key, value) : this.#client.set(key, value, 'EX', seconds)),
      // Carried out once or twice, the value is there.
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

  read(key: string): Promise<StoredSession | undefined> {
    return this.#read(() => this.#client.get(key)).then((value) => {
      if (value === null) return undefined;
      // Another program wrote bytes that are no UTF-8; a compare-and-set on the text would never win.
      if (value.includes(REPLACEMENT)) return this.#read(() => readWithHash(this.#client, key));
      return { value, version: value };
    });
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const seconds = checkedTtl(ttl);
    const created = await this.#write(
      () => this.#client.set(key, value, 'EX', seconds, 'NX'),
      (answer) => answer !== null,
    );
    return created !== null;
  }

  replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    return this.#write(
      () => compareAndSet(this.#client, [key, value, String(checkedTtl(ttl)), hashOf(version)]),
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
    this.#breaks.stop();
    this.#client.off(errorMonitor, this.#connection.note);
    this.#client.off('ready', this.#connection.clear);
  }

  /** Sends a read once more if its connection broke: a short disturbance is no outage. */
  #read<T>(send: () => Promise<T>): Promise<T> {
    const breaks = this.#breaks.count;
    return this.#ask(send, () => this.#breaks.count !== breaks);
  }

  /** @param isCertain whether the answer means the same if the command had been carried out before. */
  #write<T>(send: () => Promise<T>, isCertain: (answer: T) => boolean): Promise<T> {
    const breaks = this.#breaks.count;
    return this.#ask(send).then(
      (answer) => {
        if (this.#breaks.count === breaks || isCertain(answer)) return answer;
        throw storeError(REDIS, BROKE);
      },
      (error: unknown) => {
        throw this.#breaks.count === breaks ? error : storeError(REDIS, BROKE, error);
      },
    );
  }

  /** @param mayRepeat asked when the command has failed in time: whether to send it once more. */
  #ask<T>(send: () => Promise<T>, mayRepeat?: () => boolean): Promise<T> {
    return this.#commands.ask((command) => {
      if (this.#closed) throw storeError(REDIS, 'is no longer used, because the store is closed');
      const giveUp = (error: unknown): void => this.#giveUp(command, error);
      send().then(command.answered, (error: unknown) => {
        if (command.hasEnded || !mayRepeat?.()) giveUp(error);
        else Promise.resolve().then(send).then(command.answered, giveUp);
      });
    });
  }

  #giveUp(command: CommandUnderWay<never>, error: unknown): void {
    if (command.hasEnded) return;
    // A client of yours may not handle a failover behind one address. A Cluster finds the new master by itself.
    if (error instanceof Error && isReplicasRefusal(error) && !this.#client.nodes) this.#client.disconnect(true);
    command.failed(error);
  }
}
