import { SessionConfigurationError } from '../../session.errors.js';
import type { ClosableStore } from '../session-store.js';
import type { PostgresStoreOptions } from './postgres-options.js';

export type { PostgresStoreOptions } from './postgres-options.js';

/** Keeps records in Postgres. */
export abstract class PostgresStore implements ClosableStore {
  abstract get: ClosableStore['get'];
  abstract set: ClosableStore['set'];
  abstract delete: ClosableStore['delete'];
  abstract read: ClosableStore['read'];
  abstract create: ClosableStore['create'];
  abstract replace: ClosableStore['replace'];
  abstract close: ClosableStore['close'];

  static async connect(_options: PostgresStoreOptions): Promise<PostgresStore> {
    throw new SessionConfigurationError('not built yet');
  }
}
