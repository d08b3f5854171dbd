import type { SessionMigrator } from '../migration/session-migrator.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { KeyedQueue } from './keyed-queue.js';
import type { SessionRecords } from './session-records.js';

/** What all sessions of one engine share. Two engines in one process share nothing. */
export interface SessionContext {
  readonly options: ResolvedOptions;
  readonly lifetime: SessionLifetime;
  readonly records: SessionRecords;
  /** Saves on one id queue up in one process, instead of colliding. */
  readonly saves: KeyedQueue;
  /** Absent: there are no sessions of another library to migrate. */
  readonly migrator: SessionMigrator | undefined;
  readonly logger: SessionLogger;
}
