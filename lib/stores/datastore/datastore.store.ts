import { SessionConfigurationError } from '../../session.errors.js';
import { BackEndCommands } from '../back-end-commands.js';
import { storeError, type BackEnd } from '../back-end.js';
import type { ClosableStore, ReplaceOutcome, StoredSession } from '../session-store.js';
import { checkedDatastoreClient, type DatastoreClient, type Entity, type EntityKey } from './datastore-client.js';
import { closeConnections, openDatastore, type OwnDatastoreClient } from './datastore-connection.js';
import { DatastoreEntity } from './datastore-entity.js';
import { dropDetails, hideKey, isDatastoreRefusal } from './datastore-errors.js';
import { checkNames, DATASTORE_KIND, type DatastoreNames, type DatastoreStoreOptions } from './datastore-options.js';
import { checkedName, entityOf, propertiesOf, ReadVersion } from './datastore-record.js';

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
  readonly #client: DatastoreClient;
  readonly #kind: string;
  readonly #namespaceId: string;
  readonly #commands = new BackEndCommands(DATASTORE);
  #own: OwnDatastoreClient | undefined;
  #answers = 0;
  #closed = false;

  /** @throws {SessionConfigurationError} when the client is not one of `@google-cloud/datastore`, or a name is wrong. */
  constructor(client: DatastoreClient, names: DatastoreNames = {}) {
    checkNames(names);
    this.#client = checkedDatastoreClient(client);
    this.#kind = names.kind ?? DATASTORE_KIND;
    this.#namespaceId = names.namespace ?? client.namespace ?? '';
  }

  /**
   * A store with a client of its own, which `close` ends; with `{ client }` one that uses yours. Does not wait for Datastore: while it
   * is out of reach the application starts, and each command rejects until it is there.
   * @throws {SessionConfigurationError} when the driver is not installed, or the client or the options are wrong.
   */
  static async connect(options: DatastoreStoreOptions = {}): Promise<DatastoreStore> {
    if (options.client !== undefined) return new DatastoreStore(options.client, options);
    if ('request_' in options) throw new SessionConfigurationError('datastore is a client: write { client }.');
    checkNames(options);
    const { kind, ...settings } = options;
    const client = await openDatastore(settings);
    const store = new DatastoreStore(client, kind === undefined ? {} : { kind });
    store.#own = client;
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
    if (this.#own === undefined) return;
    await this.#commands.ended();
    await closeConnections(this.#own);
  }

  #ask<T>(key: string, act: (entity: DatastoreEntity) => Promise<T>): Promise<T> {
    const before = this.#answers;
    return this.#commands.ask<T>(
      (command) => {
        if (this.#closed) throw storeError(DATASTORE, 'is no longer used, because the store is closed');
        const isOver = (): boolean => command.hasEnded;
        const heard = (): void => void this.#answers++;
        const entity = new DatastoreEntity(this.#keyOf(key), { client: this.#client, isOver, heard });
        act(entity).then(command.answered, (error: unknown) => {
          hideKey(error, key);
          command.failed(error);
        });
      },
      () => this.#giveUp(before),
    );
  }

  #keyOf(key: string): EntityKey {
    return { partitionId: { namespaceId: this.#namespaceId }, path: [{ kind: this.#kind, name: checkedName(key) }] };
  }

  /**
   * Drops the connection of a client of our own, if nothing has come over it since the late command was sent: one that a firewall
   * forgot stays open for a quarter of an hour.
   */
  #giveUp(before: number): void {
    if (this.#own !== undefined && this.#answers === before) void closeConnections(this.#own);
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
  const read = version instanceof ReadVersion ? version : undefined;
  let mayLive = read?.hasExpired === false;
  let unmet: Error | undefined;
  for (;;) {
    if (read && mayLive) {
      unmet = await entity.commit({ update: entityOf(entity.key, properties), ...only(read.entityVersion) });
      if (unmet === undefined) return 'replaced';
    }
    const found = await entity.lookup();
    if (!found?.record) return 'missing';
    if (found.version !== read?.entityVersion) return 'conflict';
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
