import type { SessionMigrator } from '../migration/session-migrator.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { EventPublisher } from './event-publisher.js';
import type { KeyedQueue } from './keyed-queue.js';
import type { SessionEndings } from './session-endings.js';
import type { SessionRecords } from './session-records.js';
import type { UserDirectory } from './user-directory.js';

/** What all sessions of one engine share. Two engines in one process share nothing. */
export interface SessionContext {
  readonly options: ResolvedOptions;
  readonly lifetime: SessionLifetime;
  readonly records: SessionRecords;
  readonly endings: SessionEndings;
  readonly events: EventPublisher;
  /** Queues the saves of this process on one id, so that they do not collide. */
  readonly saveQueue: KeyedQueue;
  /** Absent: the application migrates no sessions of another library. */
  readonly migrator: SessionMigrator | undefined;
  /** The lists of the users' sessions. Absent: sessions are nobody's. */
  readonly directory: UserDirectory | undefined;
  readonly logger: SessionLogger;
}
