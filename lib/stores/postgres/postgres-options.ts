/** Where the records are. */
export interface PostgresStoreOptions {
  readonly client?: unknown;
}
