import type { SessionStore } from '../stores/session-store.js';

/** What `describeSessionStore` needs of a store under test, and what it may use to look closer. */
export interface SessionStoreSetup {
  readonly store: SessionStore;
  /** Ends what the set-up started; called once after the last test. */
  readonly close?: () => Promise<void>;
  /** Reads a key past the store, as another program would. With it, values are compared to what is really kept. */
  readonly readElsewhere?: (key: string) => Promise<string | undefined>;
  /** Most bytes of a value in UTF-8, where the back-end has a bound. With it, a larger one must be refused and change nothing. */
  readonly maxValueBytes?: number;
}

/** One promise of the port, tried out on keys of its own: `key` is new, and so is whatever begins with it. */
export type StorePromise = (given: SessionStoreSetup, key: string) => Promise<void>;

/** Names of tests, which are the promises in words, and the tests. */
export type StorePromises = Readonly<Record<string, StorePromise>>;
