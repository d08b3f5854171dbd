import { SessionConfigurationError } from '../../session.errors.js';

/** The part of a driver's `Collection` that `MongoStore` uses. */
export interface MongoCollection {
  findOne(filter: object, options: object): Promise<object | null>;
  updateOne(filter: object, update: object[], options: object): Promise<MongoUpdateResult>;
  deleteOne(filter: object, options: object): Promise<{ readonly deletedCount: number }>;
  createIndex(fields: Readonly<Record<string, 1>>, options: object): Promise<unknown>;
}

/** What the driver answers to an update. */
export interface MongoUpdateResult {
  /** Documents that the filter found. */
  readonly matchedCount: number;
  /** Documents that changed. */
  readonly modifiedCount: number;
  /** Documents that were inserted. */
  readonly upsertedCount: number;
}

/** The part of a driver's `Db` that `MongoStore` uses. */
export interface MongoDatabase {
  collection(name: string): MongoCollection;
}

/** The part of the driver's `MongoClient` (6 or 7) that `MongoStore` uses. */
export interface MongoClient {
  /** @param name without it the database of the client's URL. */
  db(name?: string): MongoDatabase;
}

/** A client that the store made, and therefore ends. */
export interface OwnMongoClient extends MongoClient {
  close(): Promise<void>;
}

const METHODS = ['findOne', 'updateOne', 'deleteOne', 'createIndex'] as const satisfies (keyof MongoCollection)[];

const REMEDY = 'pass a MongoClient or a Db of the package "mongodb", 6 or 7, or the options for one: { url }';

/** A client that knows its databases, or one of them. */
export type MongoSource = MongoClient | MongoDatabase;

/** Where in a client the records are. */
export interface MongoPlace {
  readonly database: string | undefined;
  readonly collection: string;
}

/**
 * The collection of a client.
 * @throws {SessionConfigurationError} when the client is not one of the official driver, or the place has a name that MongoDB refuses.
 */
export function collectionOf(source: MongoSource, place: MongoPlace): MongoCollection {
  const { database, collection } = checkedPlace(place);
  const found = databaseOf(source, database).collection(collection);
  const missing = METHODS.filter((method) => typeof found?.[method] !== 'function');
  if (missing.length === 0) return found;
  throw new SessionConfigurationError(
    `The collections of the given MongoDB client have no ${missing.join(', ')}: ${REMEDY}.`,
  );
}

function databaseOf(source: MongoSource, name: string | undefined): MongoDatabase {
  if (isClient(source)) return source.db(name);
  if (!isDatabase(source)) {
    throw new SessionConfigurationError(`The given MongoDB client has neither db() nor collection(): ${REMEDY}.`);
  }
  if (name === undefined) return source;
  throw new SessionConfigurationError(
    'The given Db is a database already: leave database out, or pass the MongoClient.',
  );
}

/** Whether the value has the method by which a client gives its databases. */
export function isClient(source: unknown): source is MongoClient {
  return typeof (Object(source) as Partial<MongoClient>).db === 'function';
}

function isDatabase(source: unknown): source is MongoDatabase {
  return typeof (Object(source) as Partial<MongoDatabase>).collection === 'function';
}

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions, without the signs that need quoting somewhere. */
const COLLECTION = /^(?!system\.)[A-Za-z_](?:[\w-]|\.(?=[\w-])){0,119}$/;
const DATABASE = /^[\w-]{1,63}$/;

function checkedPlace(place: MongoPlace): MongoPlace {
  if (typeof place.collection !== 'string' || !COLLECTION.test(place.collection)) {
    throw new SessionConfigurationError(
      'mongo.collection has up to 120 letters, digits, "_", "-" and single dots, begins with a letter or "_", and not with "system.".',
    );
  }
  if (place.database !== undefined && (typeof place.database !== 'string' || !DATABASE.test(place.database))) {
    throw new SessionConfigurationError('mongo.database has 1 to 63 letters, digits, "_" and "-".');
  }
  return place;
}
