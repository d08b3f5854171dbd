import type { SessionStore } from '../stores/session-store.js';

/** The store under test, and optional means to check it more closely. */
export interface SessionStoreSetup {
  readonly store: SessionStore;
  /** Ends everything that the set-up started; called once, after the last test. */
  readonly close?: () => Promise<void>;
  /** Reads a key past the store, as another program would. With it, the tests compare values to what the back-end really keeps. */
  readonly readElsewhere?: (key: string) => Promise<string | undefined>;
  /** Most bytes of a value in UTF-8, if the back-end has a bound. With it, the store must refuse a larger value, and change nothing. */
  readonly maxValueBytes?: number;
}

/** Tests one promise of the port with keys of its own: `key` is new, and so is every key that begins with it. */
export type StoreTest = (given: SessionStoreSetup, key: string) => Promise<void>;

/** The tests by their names, which state the promises. */
export type StoreTests = Readonly<Record<string, StoreTest>>;
