/** Where the records are. */
export interface DatastoreStoreOptions {
  readonly client?: unknown;
}
