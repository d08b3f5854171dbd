import { SessionConfigurationError } from '../../session.errors.js';
import type { ClosableStore } from '../session-store.js';
import type { FileStoreOptions } from './file-options.js';

export type { FileStoreOptions } from './file-options.js';

/** Keeps records in File. */
export abstract class FileStore implements ClosableStore {
  abstract get: ClosableStore['get'];
  abstract set: ClosableStore['set'];
  abstract delete: ClosableStore['delete'];
  abstract read: ClosableStore['read'];
  abstract create: ClosableStore['create'];
  abstract replace: ClosableStore['replace'];
  abstract close: ClosableStore['close'];

  static async connect(_options: FileStoreOptions): Promise<FileStore> {
    throw new SessionConfigurationError('not built yet');
  }
}
