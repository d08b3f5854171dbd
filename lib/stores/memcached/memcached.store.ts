import { BackEndCommands, type CommandUnderWay } from '../back-end-commands.js';
import { type BackEnd, refusal, storeClosed, storeError } from '../back-end.js';
import { ConnectionErrors } from '../connection-errors.js';
import { codeOf } from '../failure-reason.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import type { Done, FoundItem, MemcachedClient, MemcachedDriver } from './memcached-client.js';
import { openMemcached, type MemcachedConnectOptions } from './memcached-connection.js';
import { dropOverdue, dropUnfinished, keepSafe } from './memcached-driver.js';
import { checkedKey, checkedValue, lifetimeOf, textOf } from './memcached-item.js';

export type { MemcachedClient } from './memcached-client.js';
export { MEMCACHED_DEFAULTS, type MemcachedConnectOptions } from './memcached-connection.js';

const MEMCACHED: BackEnd = {
  name: 'Memcached',
  check: 'the servers are up, reachable from here, and have memory left',
  // The driver gives an answer that refuses the same form as a failure of its own.
  isRefusal: () => false,
};

/**
 * Keeps records in Memcached as plain text with flags 0. The version of a record is its `cas` number.
 *
 * The driver sends each command at most once, so a record that makes a `create` or `replace` fail is always another client's.
 *
 * `new MemcachedStore(client)` uses a client of yours and never closes it; {@link MemcachedStore.connect} makes one. With a
 * client of yours the driver puts a backslash before each line break of a value, which other programs see; JSON has none.
 *
 * The store drops a connection on which an answer does not fit its command. Each command that waits there gets an error, your own
 * commands too, so that none gets the answer to another.
 */
export class MemcachedStore implements ClosableStore {
  readonly #client: MemcachedClient;
  readonly #connection = new ConnectionErrors();
  readonly #commands = new BackEndCommands(MEMCACHED, this.#connection);
  #own: MemcachedDriver | undefined;
  #closed = false;

  constructor(client: MemcachedClient) {
    this.#client = client;
    keepSafe(client);
  }

  /**
   * A store with a client of its own, which `close` ends. While Memcached is down the application starts, and each command
   * rejects until Memcached is up.
   * @throws {SessionConfigurationError} when the driver is not installed, or the options are wrong.
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
    const lifetime = lifetimeOf(ttl);
    const stored = await this.#ask(key, (done) => this.#client.set(key, checkedValue(value), lifetime, done));
    if (!stored) throw refusal(MEMCACHED, 'refused a value');
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#ask(key, (done) => this.#client.del(key, done))) === true;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const found = await this.#ask<FoundItem>(key, (done) => this.#client.gets(key, done));
    if (found === undefined || found === null) return undefined;
    // The value has the name of the key in the server's answer, with the client's namespace before it.
    const name = `${this.#client.namespace ?? ''}${key}`;
    if (!Object.hasOwn(found, name)) throw storeError(MEMCACHED, 'did not answer with the key that it was asked for');
    return { value: textOf(found[name]), version: found.cas };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const lifetime = lifetimeOf(ttl);
    const created = await this.#ask(key, (done) => this.#client.add(key, checkedValue(value), lifetime, done));
    if (created === false) throw refusal(MEMCACHED, 'refused a value');
    return created === true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const lifetime = lifetimeOf(ttl);
    const cas = version as string;
    if (await this.#ask(key, (done) => this.#client.cas(key, checkedValue(value), cas, lifetime, done)))
      return 'replaced';
    // The driver's `false` means another version, no record, or even a server that refused the value.
    const stored = await this.read(key);
    if (!stored) return 'missing';
    if (stored.version === version) throw refusal(MEMCACHED, 'refused a value');
    return 'conflict';
  }

  /** Ends the client that {@link MemcachedStore.connect} made, after the answers it still waits for. Leaves yours open. */
  async close(): Promise<void> {
    if (!this.#own || this.#closed) return;
    this.#closed = true;
    await this.#commands.ended();
    this.#own.end();
  }

  /** Sends one command. The result is `undefined` for a miss, and for an `add` whose key exists. */
  #ask<Result = boolean>(key: string, send: (done: Done<Result>) => void): Promise<Result | undefined> {
    let done: Done<Result> | undefined;
    return this.#commands.ask<Result | undefined>(
      (command) => {
        checkedKey(key, this.#client.namespace);
        if (this.#closed) throw storeClosed(MEMCACHED);
        send((done = doneOf(command, this.#connection)));
      },
      () => this.#giveUp(done),
    );
  }

  /** Drops the stuck connections of the store's own client; of yours, only the one on which the answer to this command got stuck. */
  #giveUp(callback: unknown): void {
    if (this.#own) dropOverdue(this.#own);
    else dropUnfinished(this.#client, callback);
  }
}

/** What the driver calls back, except where the connection breaks while the command is under way. */
function doneOf<Result>(command: CommandUnderWay<Result | undefined>, connection: ConnectionErrors): Done<Result> {
  return (error, result) => {
    if (error && !isNotStored(error)) {
      // The commands after this one hear only that the server is not available.
      if (codeOf(error) !== undefined) connection.note(error);
      return command.failed(error);
    }
    connection.clear();
    command.answered(error ? undefined : result);
  };
}

function isNotStored(error: unknown): boolean {
  return error instanceof Error && (error as { notStored?: unknown }).notStored === true;
}
