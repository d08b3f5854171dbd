import { BackEndCommands } from '../back-end-commands.js';
import { type BackEnd, DEADLINE_MS, storeClosed, storeError } from '../back-end.js';
import { checkBesideClient, checkOwnOptions } from '../own-options.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import { MongoAttempts } from './mongo-attempts.js';
import { collectionOf, type MongoCollection, type MongoSource, type OwnMongoClient } from './mongo-client.js';
import { openMongo } from './mongo-connection.js';
import { hideRecords, isServerRefusal, isTaken } from './mongo-errors.js';
import { ExpiryIndex } from './mongo-index.js';
import { MongoLink } from './mongo-link.js';
import { MONGO_PLACE_OPTIONS, type MongoPlaceOptions, type MongoStoreOptions } from './mongo-options.js';
import { aliveAt, always, ifVersion, newRecord, unlessAlive } from './mongo-record.js';

export type { MongoClient, MongoCollection, MongoDatabase, MongoSource, MongoUpdateResult } from './mongo-client.js';
export { MONGO_DEFAULTS } from './mongo-connection.js';
export type { MongoClientOptions, MongoConnectOptions, MongoPlaceOptions, MongoStoreOptions } from './mongo-options.js';

const MONGO: BackEnd = {
  name: 'MongoDB',
  check:
    'the server is up, has a primary, is reachable from here and has room left, and that its address and password are right',
  isRefusal: isServerRefusal,
  redact: hideRecords,
};

/** What every command overrides of the settings of a client of yours. */
const EVERY = {
  /** The server gives up a command that nothing waits for any more. */
  maxTimeMS: DEADLINE_MS,
  raw: false,
  promoteValues: true,
  promoteLongs: true,
  useBigInt64: false,
  /** What another program wrote that is no UTF-8 is read with U+FFFD in its place, and is no error. */
  enableUtf8Validation: false,
};

/**
 * From the primary, with the latest write that it has: the version of an older one would never win. Read concern `linearizable` would
 * bar a primary that does not know yet that it has been replaced, at the price of a round trip to a majority for each read.
 */
const READ = {
  ...EVERY,
  projection: { _id: 0, value: 1, version: 1 },
  readPreference: 'primary',
  readConcern: { level: 'local' },
};

/** A failover undoes what a majority does not have: https://www.mongodb.com/docs/manual/core/replica-set-rollbacks/ */
const WRITE = { ...EVERY, writeConcern: { w: 'majority' } };
const UPSERT = { ...WRITE, upsert: true };

/**
 * Keeps records in MongoDB, one document each: `_id` is the key, `value` the text, `version` another one after each write, and
 * `expiresAt` the server's time at which it ends. Needs MongoDB 4.2 or later.
 *
 * Each method is one command. The driver sends a write again after its connection broke, once, and only to servers that tell a second
 * attempt from another write, so that an answer is certain: https://www.mongodb.com/docs/manual/core/retryable-writes/. A write without
 * an answer is an error. A write counts when a majority of the replica set has it, whatever the settings of a client of yours say.
 *
 * `new MongoStore(client)` uses a `MongoClient` or a `Db` of yours and never closes it; {@link MongoStore.connect} makes one.
 */
export class MongoStore implements ClosableStore {
  readonly #collection: MongoCollection;
  readonly #index: ExpiryIndex;
  readonly #link: MongoLink;
  readonly #commands: BackEndCommands;
  #own: OwnMongoClient | undefined;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is not one of the driver, or the database or collection cannot have that name. */
  constructor(client: MongoSource, place: MongoPlaceOptions = {}) {
    checkOwnOptions('mongo', place, MONGO_PLACE_OPTIONS);
    const { database, collection = 'nest_session' } = place;
    this.#collection = collectionOf(client, { database, collection });
    this.#index = new ExpiryIndex(this.#collection);
    this.#link = new MongoLink(client);
    this.#commands = new BackEndCommands(MONGO, this.#link.errors);
  }

  /**
   * A store with `client`, or with a client of its own, which `close` ends. Does not wait for the server: while MongoDB is down the
   * application starts, and each command rejects until MongoDB is up.
   * @throws {SessionConfigurationError} when the driver `mongodb` is not installed, or the options are wrong.
   */
  static async connect(options: MongoStoreOptions = {}): Promise<MongoStore> {
    const { client, ...others } = options;
    const { database, collection } = options;
    if (client !== undefined) {
      checkBesideClient('mongo', others, MONGO_PLACE_OPTIONS);
      return new MongoStore(client, { database, collection });
    }
    const own = await openMongo(options);
    const store = new MongoStore(own, { database, collection });
    store.#own = own;
    store.#link.connect().then(
      () => store.#index.make(),
      // The next command connects again, and reports the failure.
      () => {},
    );
    return store;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const update = always(newRecord(key, value, ttl));
    await this.#ask((sending) => this.#upsert(key, update, sending));
  }

  async delete(key: string): Promise<boolean> {
    const { deletedCount } = await this.#ask(({ signal, attempts }) =>
      this.#collection.deleteOne(attempts.counting(aliveAt(key)), { ...WRITE, signal }),
    );
    return deletedCount > 0;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    const found = await this.#ask(({ signal }) => this.#collection.findOne(aliveAt(key), { ...READ, signal }));
    if (found === null) return undefined;
    const { value, version } = found as StoredSession;
    return { value, version };
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const update = unlessAlive(newRecord(key, value, ttl));
    const { upsertedCount, modifiedCount } = await this.#ask((sending) => this.#upsert(key, update, sending));
    return upsertedCount + modifiedCount > 0;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const update = ifVersion(version, newRecord(key, value, ttl));
    const { matchedCount, modifiedCount } = await this.#ask(({ signal, attempts }) =>
      this.#collection.updateOne(attempts.counting(aliveAt(key)), update, { ...WRITE, signal }),
    );
    if (matchedCount === 0) return 'missing';
    return modifiedCount === 0 ? 'conflict' : 'replaced';
  }

  /** Ends the client that {@link MongoStore.connect} made, after the answers it still waits for. Leaves yours open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#commands.ended();
    this.#link.stop();
    const own = this.#own;
    if (own !== undefined) await this.#commands.endClient(() => own.close());
  }

  /**
   * Sends an upsert again that met one of the same new key: the server refused it, and now the document is there to be updated. Nothing of
   * it stands, whichever of its attempts that was, so the attempts are counted anew.
   */
  async #upsert(
    key: string,
    update: object[],
    { signal, attempts }: Sending,
  ): ReturnType<MongoCollection['updateOne']> {
    for (;;) {
      try {
        return await this.#collection.updateOne(attempts.counting({ _id: key }), update, { ...UPSERT, signal });
      } catch (error) {
        if (!isTaken(error) || signal.aborted) throw error;
      }
    }
  }

  #ask<Answer>(send: (sending: Sending) => Promise<Answer>): Promise<Answer> {
    const late = new AbortController();
    const sending: Sending = { signal: late.signal, attempts: new MongoAttempts() };
    return this.#commands.ask<Answer>(
      (command) => {
        if (this.#closed) throw storeClosed(MONGO);
        const sent = this.#link.isCut ? this.#link.connect().then(() => send(sending)) : send(sending);
        sent.then(
          (answer) => {
            command.answered(answer);
            if (!this.#closed) this.#index.make();
          },
          (error: unknown) => command.failed(this.#failure(error, sending)),
        );
      },
      // The driver then drops the connection, or the place in its queue, and does not send the command again.
      () => late.abort(),
    );
  }

  /** The error of a command. A refusal of its second attempt is none of the first. */
  #failure(error: unknown, { attempts }: Sending): unknown {
    const isRefusal = isServerRefusal(error);
    if (!isRefusal) this.#index.doubt();
    this.#link.failed(error);
    return isRefusal && attempts.areSeveral
      ? storeError(MONGO, 'refused the second attempt at a command', error)
      : error;
  }
}

/** What a command is sent with. */
interface Sending {
  /** The option of the driver by which a command ends at the store's deadline. */
  readonly signal: AbortSignal;
  readonly attempts: MongoAttempts;
}
