import { answerInTime, refusal, storeError, type BackEnd } from '../deadline.js';
import type { Done, FoundItem, MemcachedClient } from './memcached-client.js';
import { openMemcached, type MemcachedConnectOptions } from './memcached-connection.js';
import { dropOverdue, dropUnfinished, keepSafe } from './memcached-driver.js';
import type { MemcachedDriver } from './memcached-internals.js';
import { checkedKey } from './memcached-key.js';
import { memcachedLifetime } from './memcached-lifetime.js';
import { checkedValue, textOf } from './memcached-value.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';

export type { MemcachedClient } from './memcached-client.js';
export { MEMCACHED_DEFAULTS, type MemcachedConnectOptions } from './memcached-connection.js';

const MEMCACHED: BackEnd = {
  name: 'Memcached',
  check: 'the servers are up, reachable from here, and have memory left',
};

/**
 * Keeps records in Memcached as plain text with flags 0. The version of a record is its `cas` number.
 *
 * The driver sends each command at most once, so whatever stands in the way of one is somebody else's.
 *
 * `new MemcachedStore(client)` uses a client of yours and never closes it; {@link MemcachedStore.connect} makes one. With a
 * client of yours the driver puts a backslash before each line break of a value, which other programs see; JSON has none.
 *
 * A connection on which an answer does not fit the command that it is for is dropped. Each command that waits there gets an error,
 * those of your own too: none is answered with what belongs to another one.
 */
export class MemcachedStore implements ClosableStore {
  readonly #client: MemcachedClient;
  readonly #pending = new Set<Promise<unknown>>();
  #own: MemcachedDriver | undefined;
  #closed = false;

  constructor(client: MemcachedClient) {
    this.#client = client;
    keepSafe(client);
  }

  /**
   * A store with a client of its own, which `close` ends. While Memcached is down the application starts, and each command
   * rejects until it is back.
   * @throws {SessionConfigurationError} when the driver is not installed or the options are wrong.
   */
  static async connect(options: MemcachedConnectOptions = {}): Promise<MemcachedStore> {
    const client = await openMemcached(options);
    const store = new MemcachedStore(client);
    store.#own = client;
    return store;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const lifetime = memcachedLifetime(ttl);
    const stored = await this.#ask(key, (done) => this.#client.set(key, checkedValue(value), lifetime, done));
    if (!stored) throw refusal(MEMCACHED, 'refused a value');
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#ask(key, (done) => this.#client.del(key, done))) === true;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const found = await this.#ask<FoundItem>(key, (done) => this.#client.gets(key, done));
    if (found === undefined || found === null) return undefined;
    // The value's name is the key that the server answered, with the client's namespace before it.
    const name = `${this.#client.namespace ?? ''}${key}`;
    if (!Object.hasOwn(found, name)) throw storeError(MEMCACHED, 'gave no answer to what it was asked');
    return { value: textOf(found[name]), version: found.cas };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const lifetime = memcachedLifetime(ttl);
    const created = await this.#ask(key, (done) => this.#client.add(key, checkedValue(value), lifetime, done));
    if (created === false) throw refusal(MEMCACHED, 'refused a value');
    return created === true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const lifetime = memcachedLifetime(ttl);
    const cas = version as string;
    if (await this.#ask(key, (done) => this.#client.cas(key, checkedValue(value), cas, lifetime, done)))
      return 'replaced';
    // The driver's "no" means another version as well as none, and even a server that would not take the value.
    const stored = await this.read(key);
    if (!stored) return 'missing';
    if (stored.version === version) throw refusal(MEMCACHED, 'refused a value');
    return 'conflict';
  }

  /** Ends the client that {@link MemcachedStore.connect} made, after the answers it still waits for; does nothing to yours. */
  async close(): Promise<void> {
    if (!this.#own || this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    this.#own.end();
  }

  /** Sends one command. `undefined` is a miss, or an `add` whose key exists. */
  async #ask<Result = boolean>(key: string, send: (done: Done<Result>) => void): Promise<Result | undefined> {
    checkedKey(key, this.#client.namespace);
    if (this.#closed) throw storeError(MEMCACHED, 'has been left: the store is closed');
    let sent: unknown;
    const answer = answerInTime(
      MEMCACHED,
      () => promiseOf<Result>((done) => send((sent = done))),
      () => this.#giveUp(sent),
    );
    this.#pending.add(answer);
    return answer.finally(() => this.#pending.delete(answer));
  }

  /** A client of its own is all the store's; of yours it touches the one connection on which its answer got stuck. */
  #giveUp(callback: unknown): void {
    if (this.#own) dropOverdue(this.#own);
    else dropUnfinished(this.#client, callback);
  }
}

// The driver never calls back for a command that was under way when its connection broke.
function promiseOf<Result>(send: (done: Done<Result>) => void): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    send((error, result) => {
      if (!error) resolve(result);
      else if (isNotStored(error)) resolve(undefined);
      else reject(error);
    });
  });
}

function isNotStored(error: unknown): boolean {
  return error instanceof Error && (error as { notStored?: unknown }).notStored === true;
}
