import { SessionConfigurationError } from '../../session.errors.js';
import type { DatastoreClient } from './datastore-client.js';

/** Under which names the records are, whichever client is used. */
export interface DatastoreNames {
  /** The kind of the entities. @default NestSession */
  readonly kind?: string;
  /** The namespace of the entities. @default the client's own, which is the default namespace unless you set one */
  readonly namespace?: string;
}

/** The names of those options. */
export const DATASTORE_NAME_OPTIONS: readonly string[] = ['kind', 'namespace'] satisfies (keyof DatastoreNames)[];

/** A client of yours, which the store never closes. */
export interface DatastoreClientOptions extends DatastoreNames {
  /** A `Datastore` of `@google-cloud/datastore`, 9.2, 10 or 11, with the project and the database that you gave it. */
  readonly client: DatastoreClient;
}

/** Options of `DatastoreStore.connect`. All but `kind` are those of `Datastore`, and override {@link DATASTORE_DEFAULTS}. */
export interface DatastoreConnectOptions extends DatastoreNames {
  /** @default the project of the credentials, or of `DATASTORE_PROJECT_ID` */
  readonly projectId?: string;
  /** @default the default database of the project */
  readonly databaseId?: string;
  /** A client of yours goes into {@link DatastoreClientOptions}. */
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/** Where the records are: the options of a client that the store makes, or a client of yours. */
export type DatastoreStoreOptions = DatastoreClientOptions | DatastoreConnectOptions;

/** The options of a client that the store makes. Times are milliseconds. */
export const DATASTORE_DEFAULTS = Object.freeze({
  /** gRPC waits up to two minutes between two attempts to connect, and longer with each: Datastore would be back long since. */
  'grpc.max_reconnect_backoff_ms': 1000,
  /** Bytes that Datastore may send without asking: a large record comes at once, and not in sixteen round trips. */
  'grpc-node.flow_control_window': 2 ** 21,
});

/** The kind of the records. */
export const DATASTORE_KIND = 'NestSession';

/** Most bytes of a kind and of a key's name in UTF-8: https://cloud.google.com/datastore/docs/concepts/limits */
export const DATASTORE_NAME_MAX_BYTES = 1500;

/** Names that Datastore keeps for itself: https://cloud.google.com/datastore/docs/concepts/entities */
const RESERVED = /^__.*__$/s;
/** Half of a surrogate pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const NAMESPACE = /^[0-9A-Za-z._-]{0,100}$/;

/** Why Datastore would refuse a kind or a key's name, or take it for another one; `undefined` when it does not. */
export function nameTrouble(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (Buffer.byteLength(name) > DATASTORE_NAME_MAX_BYTES) return `has more than ${DATASTORE_NAME_MAX_BYTES} bytes`;
  if (RESERVED.test(name)) return 'begins and ends with two underscores, which Datastore keeps for itself';
  return LONE_SURROGATE.test(name) ? 'has half of a surrogate pair, for which UTF-8 has no bytes' : undefined;
}

/** @throws {SessionConfigurationError} when Datastore would refuse the kind or the namespace. */
export function checkNames({ kind, namespace }: DatastoreNames): void {
  const trouble = kind === undefined ? undefined : kindTrouble(kind);
  if (trouble !== undefined)
    throw new SessionConfigurationError(`datastore.kind ${trouble}: write '${DATASTORE_KIND}'.`);
  if (namespace === undefined) return;
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace) || RESERVED.test(namespace)) {
    throw new SessionConfigurationError(
      'datastore.namespace has up to 100 letters, digits, points, dashes and underscores: change it, or leave it out.',
    );
  }
}

function kindTrouble(kind: unknown): string | undefined {
  return typeof kind === 'string' ? nameTrouble(kind) : 'is no text';
}
