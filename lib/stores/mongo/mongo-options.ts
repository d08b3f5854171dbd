import type { MongoSource } from './mongo-client.js';

/** Where the records are in a client of yours. */
export interface MongoPlaceOptions {
  /** The database. @default that of the client's URL */
  readonly database?: string;
  /** The collection. MongoDB makes it with the first record. @default nest_session */
  readonly collection?: string;
}

/** The names of those. */
export const MONGO_PLACE_OPTIONS: readonly string[] = ['database', 'collection'] satisfies (keyof MongoPlaceOptions)[];

/** Options for a client that the store makes. All that are not here are those of the driver's `MongoClient`, and override `MONGO_DEFAULTS`. */
export interface MongoConnectOptions extends MongoPlaceOptions {
  /** `mongodb://user:password@host:27017/database?replicaSet=name`, or `mongodb+srv://…`. @default mongodb://127.0.0.1:27017 */
  readonly url?: string;
  readonly client?: undefined;
  readonly [option: string]: unknown;
}

/** A `MongoClient` or `Db` that you own and close yourself, and where in it the records are. */
export interface MongoClientOptions extends MongoPlaceOptions {
  readonly client: MongoSource;
}

/** Where the records are. */
export type MongoStoreOptions = MongoClientOptions | MongoConnectOptions;
