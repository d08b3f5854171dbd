import type { SessionStore, StoredSession } from './session-store.js';

/** The version of a record, and in which of two stores it lies. */
export interface PlacedVersion {
  readonly store: SessionStore;
  readonly version: unknown;
}

/** What this store has read, with a version that tells where. */
export function placed(store: SessionStore, { value, version }: StoredSession): StoredSession {
  return { value, version: { store, version } satisfies PlacedVersion };
}
