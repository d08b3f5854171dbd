/** Where the records are. */
export interface MongoStoreOptions {
  readonly client?: unknown;
}
