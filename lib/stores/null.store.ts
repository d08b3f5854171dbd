import type { ReplaceOutcome, SessionStore } from './session-store.js';

/**
 * A store that remembers nothing: every request meets a new session. For tests, and to run an application without sessions.
 * It says so once, with a process warning of the name `NullStore`, because in production it would log everybody out.
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
