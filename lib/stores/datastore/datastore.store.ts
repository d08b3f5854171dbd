import { SessionConfigurationError } from '../../session.errors.js';
import type { ClosableStore } from '../session-store.js';
import type { DatastoreStoreOptions } from './datastore-options.js';

export type { DatastoreStoreOptions } from './datastore-options.js';

/** Keeps records in Datastore. */
export abstract class DatastoreStore implements ClosableStore {
  abstract get: ClosableStore['get'];
  abstract set: ClosableStore['set'];
  abstract delete: ClosableStore['delete'];
  abstract read: ClosableStore['read'];
  abstract create: ClosableStore['create'];
  abstract replace: ClosableStore['replace'];
  abstract close: ClosableStore['close'];

  static async connect(_options: DatastoreStoreOptions): Promise<DatastoreStore> {
    throw new SessionConfigurationError('not built yet');
  }
}
