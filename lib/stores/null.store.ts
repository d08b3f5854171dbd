import type { ReplaceOutcome, SessionStore } from './session-store.js';

/**
 * A store that keeps nothing, so that every request meets a new session: for tests, and to run an application without sessions.
 * A process warning of the name `NullStore` says so once, because in production no user would stay logged in.
 */
export class NullStore implements SessionStore {
  constructor() {
    process.emitWarning(
      'Sessions are not kept: the store is NullStore. Choose another one in production.',
      'NullStore',
    );
  }

  async get(_key: string): Promise<undefined> {}

  async set(_key: string, _value: string, _ttl?: number): Promise<void> {}

  async delete(_key: string): Promise<boolean> {
    return false;
  }

  async read(_key: string): Promise<undefined> {}

  /** `true`, because the key does not exist; nor does it afterwards. */
  async create(_key: string, _value: string, _ttl: number): Promise<boolean> {
    return true;
  }

  async replace(_key: string, _value: string, _ttl: number, _version: unknown): Promise<ReplaceOutcome> {
    return 'missing';
  }
}
