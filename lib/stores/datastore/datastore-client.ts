import { SessionConfigurationError } from '../../session.errors.js';

/**
 * The part of a `Datastore` of `@google-cloud/datastore`, 9.2, 10 or 11, that `DatastoreStore` uses: the method through which the
 * client itself sends each request. Its public methods neither tell the version of an entity nor take one as the condition of a write.
 */
export interface DatastoreClient {
  readonly namespace?: string | undefined;
  request_(request: DatastoreRequest, done: (error?: unknown, answer?: unknown) => void): void;
}

/** A request of the API, version 1: https://cloud.google.com/datastore/docs/reference/data/rpc/google.datastore.v1 */
export type DatastoreRequest = {
  readonly client: 'DatastoreClient';
  /** The client retries for minutes by itself, unless it is told not to. */
  readonly gaxOpts: { readonly timeout: number; readonly retry: null };
} & (
  | { readonly method: 'lookup'; readonly reqOpts: { readonly keys: EntityKey[] } }
  | { readonly method: 'commit'; readonly reqOpts: { readonly mutations: Mutation[] } }
);

/** The client adds the project and the database. */
export interface EntityKey {
  readonly partitionId: { readonly namespaceId: string };
  readonly path: { readonly kind: string; readonly name: string }[];
}

/** A time, in seconds since 1970 and nanoseconds after that. The client gives 64 bits as text. */
export interface Timestamp {
  readonly seconds?: number | string | null;
  readonly nanos?: number | null;
}

/** The value of a property: one of its fields is set. */
export interface PropertyValue {
  readonly stringValue?: string;
  readonly blobValue?: Uint8Array;
  readonly integerValue?: number | string;
  readonly timestampValue?: Timestamp;
  readonly excludeFromIndexes?: boolean;
}

/** What is stored under a key. */
export interface Entity {
  readonly key: EntityKey;
  readonly properties: Readonly<Record<string, PropertyValue>>;
}

/** One write. With `baseVersion` it changes nothing unless the entity still has this version. */
export type Mutation = MutationOperation & {
  readonly baseVersion?: string;
  /** The whole request fails when the version is another one. */
  readonly conflictResolutionStrategy?: 'FAIL';
};

type MutationOperation =
  | { readonly insert: Entity }
  | { readonly update: Entity }
  | { readonly upsert: Entity }
  | { readonly delete: EntityKey };

/** An entity that was found. The emulator of Datastore tells no times. */
export interface EntityResult {
  readonly entity: { readonly properties?: Readonly<Record<string, PropertyValue>> | null };
  readonly version: unknown;
  /** When it was last written, by the server's clock. */
  readonly updateTime?: Timestamp | null;
}

/** The answer to `lookup`. A key that is in neither list was not looked up. */
export interface LookupAnswer {
  readonly found?: readonly EntityResult[] | null;
  readonly missing?: readonly unknown[] | null;
  /** When the server looked, by its clock. */
  readonly readTime?: Timestamp | null;
}

/** The answer to `commit`. */
export interface CommitAnswer {
  readonly mutationResults?: readonly { readonly conflictDetected?: boolean | null }[] | null;
}

/**
 * Refuses a client that cannot send requests of the API before it stores anything.
 * @throws {SessionConfigurationError} the message says what to pass instead.
 */
export function checkedDatastoreClient(client: DatastoreClient): DatastoreClient {
  const remedy = 'pass a Datastore of @google-cloud/datastore, 9.2, 10 or 11, or the options for one: { projectId }';
  if (typeof client !== 'object' || client === null) {
    throw new SessionConfigurationError(`The given Datastore client is not a client: ${remedy}.`);
  }
  if (typeof client.request_ !== 'function') {
    throw new SessionConfigurationError(`The given Datastore client has no request_: ${remedy}.`);
  }
  // Within a transaction that is under way the client takes each write for a part of it, and ends it with the first.
  if ('commit' in client) {
    throw new SessionConfigurationError(`The given Datastore client is a Transaction: ${remedy}.`);
  }
  return client;
}
