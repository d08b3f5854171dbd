import { SessionConfigurationError } from '../../session.errors.js';
import { BackEndCommands } from '../back-end-commands.js';
import { type BackEnd, storeClosed } from '../back-end.js';
import { checkBesideClient, checkOwnOptions, checkSpelling } from '../own-options.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import { checkedDatastoreClient, type DatastoreClient, type Entity, type EntityKey } from './datastore-client.js';
import { DatastoreConnection, openDatastore } from './datastore-connection.js';
import { DatastoreEntity } from './datastore-entity.js';
import { dropDetails, hideKey, isDatastoreRefusal } from './datastore-errors.js';
import {
  checkNames,
  DATASTORE_KIND,
  DATASTORE_NAME_OPTIONS,
  type DatastoreClientOptions,
  type DatastoreConnectOptions,
  type DatastoreNames,
  type DatastoreStoreOptions,
} from './datastore-options.js';
import { checkedName, entityOf, NEVER_READ, propertiesOf, ReadVersion } from './datastore-record.js';

export type { DatastoreClient } from './datastore-client.js';
export {
  DATASTORE_DEFAULTS,
  type DatastoreClientOptions,
  type DatastoreConnectOptions,
  type DatastoreNames,
  type DatastoreStoreOptions,
} from './datastore-options.js';

const DATASTORE: BackEnd = {
  name: 'Datastore',
  check:
    'it is reachable from here, that the project and the database are right, and that the credentials, of ' +
    'GOOGLE_APPLICATION_CREDENTIALS, of "gcloud auth application-default login" or of the machine, may use it',
  isRefusal: isDatastoreRefusal,
  redact: dropDetails,
};

/** A key that no record has. */
const WARM_UP = 'warm-up';

/**
 * Keeps records in Google Cloud Datastore (Firestore in Datastore mode), each as an entity of the kind `NestSession`, whose property
 * `value` has the text as bytes.
 *
 * The version of a record is that of its entity, which Datastore itself counts up. A write names it as its condition, so that it needs
 * one request and no transaction.
 *
 * A record expires by the clock of Datastore, from the time at which Datastore wrote it. Datastore deletes an expired one if the
 * property `expiresAt` has a TTL policy; until then no method finds it. Without the policy expired records stay for good:
 * `gcloud firestore fields ttls update expiresAt --collection-group=NestSession --enable-ttl`.
 *
 * `new DatastoreStore(client)` uses a client of yours and never closes it; {@link DatastoreStore.connect} makes one.
 */
export class DatastoreStore implements ClosableStore {
  readonly #kind: string;
  readonly #namespaceId: string;
  readonly #commands = new BackEndCommands(DATASTORE);
  #connection: DatastoreConnection;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is not one of `@google-cloud/datastore`, or a name is wrong. */
  constructor(client: DatastoreClient, names: DatastoreNames = {}) {
    checkOwnOptions('datastore', names, DATASTORE_NAME_OPTIONS);
    checkNames(names);
    this.#connection = DatastoreConnection.ofYours(checkedDatastoreClient(client));
    this.#kind = names.kind ?? DATASTORE_KIND;
    this.#namespaceId = names.namespace ?? client.namespace ?? '';
  }

  /**
   * A store with a client of its own, which `close` ends; with `{ client }` one that uses yours. Looks for a
   * record, so that the client is ready for the first request, and waits for that up to a second. While Datastore is out of reach the
   * application starts all the same, and each command rejects until it is there.
   * @throws {SessionConfigurationError} when the driver is not installed, or the client or the options are wrong.
   */
  static async connect(options: DatastoreStoreOptions = {}): Promise<DatastoreStore> {
    if ('request_' in options) throw new SessionConfigurationError('datastore is a client: write { client }.');
    const store = options.client === undefined ? await DatastoreStore.#open(options) : DatastoreStore.#on(options);
    // The client loads its API and its credentials with the first request, which takes the better part of a second: not that of a user.
    await store.read(WARM_UP).catch(() => {});
    return store;
  }

  static #on({ client, ...names }: DatastoreClientOptions): DatastoreStore {
    checkBesideClient('datastore', names, DATASTORE_NAME_OPTIONS);
    const { kind, namespace } = names;
    return new DatastoreStore(client, { kind, namespace });
  }

  static async #open({ kind = DATASTORE_KIND, ...options }: DatastoreConnectOptions): Promise<DatastoreStore> {
    checkSpelling('datastore', options, ['projectId', 'databaseId', 'client', ...DATASTORE_NAME_OPTIONS]);
    checkNames({ ...options, kind });
    const client = await openDatastore(options);
    const store = new DatastoreStore(client, { kind });
    store.#connection = DatastoreConnection.ofOurOwn(client);
    return store;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const properties = propertiesOf(value, ttl);
    await this.#ask(key, (entity) => entity.commit({ upsert: entityOf(entity.key, properties) }));
  }

  delete(key: string): Promise<boolean> {
    return this.#ask(key, remove);
  }

  read(key: string): Promise<StoredSession | undefined> {
    return this.#ask(key, async (entity) => (await entity.lookup())?.record);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const properties = propertiesOf(value, ttl);
    return this.#ask(key, (entity) => create(entity, properties));
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const properties = propertiesOf(value, ttl);
    return this.#ask(key, (entity) => replace(entity, properties, version));
  }

  /**
   * Ends the client that {@link DatastoreStore.connect} made, after the answers it still waits for. Leaves yours open and unchanged. The
   * store takes no more commands.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#commands.ended();
    await this.#connection.close();
  }

  #ask<T>(key: string, act: (entity: DatastoreEntity) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    const before = connection.answers;
    return this.#commands.ask<T>(
      (command) => {
        if (this.#closed) throw storeClosed(DATASTORE);
        const { client, heard } = connection;
        const entity = new DatastoreEntity(this.#keyOf(key), { client, heard, isOver: () => command.hasEnded });
        act(entity).then(command.answered, (error: unknown) => {
          hideKey(error, key);
          command.failed(error);
        });
      },
      () => connection.giveUp(before),
    );
  }

  #keyOf(key: string): EntityKey {
    return { partitionId: { namespaceId: this.#namespaceId }, path: [{ kind: this.#kind, name: checkedName(key) }] };
  }
}

async function create(entity: DatastoreEntity, properties: Entity['properties']): Promise<boolean> {
  const record = entityOf(entity.key, properties);
  let expired: string | undefined;
  for (;;) {
    const unmet = await entity.commit(
      expired === undefined ? { insert: record } : { update: record, ...only(expired) },
    );
    if (unmet === undefined) return true;
    const found = await entity.lookup();
    if (found?.record) return false;
    if (found && found.version === expired) throw unmet;
    expired = found?.version;
  }
}

async function replace(
  entity: DatastoreEntity,
  properties: Entity['properties'],
  version: unknown,
): Promise<ReplaceOutcome> {
  const read = version instanceof ReadVersion ? version : NEVER_READ;
  let mayLive = !read.hasExpired;
  let unmet: Error | undefined;
  for (;;) {
    if (mayLive) {
      unmet = await entity.commit({ update: entityOf(entity.key, properties), ...only(read.entityVersion) });
      if (unmet === undefined) return 'replaced';
    }
    const found = await entity.lookup();
    if (!found?.record) return 'missing';
    if (found.version !== read.entityVersion) return 'conflict';
    if (unmet !== undefined) throw unmet;
    // Only the clock of this process, which may go wrong while the machine stands still, has said that it has expired.
    mayLive = true;
  }
}

async function remove(entity: DatastoreEntity): Promise<boolean> {
  let refused: { readonly version: string; readonly unmet: Error } | undefined;
  for (;;) {
    const found = await entity.lookup();
    if (!found?.record) return false;
    if (refused?.version === found.version) throw refused.unmet;
    const unmet = await entity.commit({ delete: entity.key, ...only(found.version) });
    if (unmet === undefined) return true;
    refused = { version: found.version, unmet };
  }
}

/** The condition that the entity still has this version. */
function only(baseVersion: string): { baseVersion: string; conflictResolutionStrategy: 'FAIL' } {
  return { baseVersion, conflictResolutionStrategy: 'FAIL' };
}
