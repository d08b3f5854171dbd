/** Where the records are. */
export interface FileStoreOptions {
  readonly client?: unknown;
}
