import { SessionConfigurationError } from '../../session.errors.js';
import type { ClosableStore } from '../session-store.js';
import type { MongoStoreOptions } from './mongo-options.js';

export type { MongoStoreOptions } from './mongo-options.js';

/** Keeps records in Mongo. */
export abstract class MongoStore implements ClosableStore {
  abstract get: ClosableStore['get'];
  abstract set: ClosableStore['set'];
  abstract delete: ClosableStore['delete'];
  abstract read: ClosableStore['read'];
  abstract create: ClosableStore['create'];
  abstract replace: ClosableStore['replace'];
  abstract close: ClosableStore['close'];

  static async connect(_options: MongoStoreOptions): Promise<MongoStore> {
    throw new SessionConfigurationError('not built yet');
  }
}
