import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionStore } from '../stores/session-store.js';
import { KeyedQueue } from './keyed-queue.js';
import { SessionEngine } from './session-engine.js';
import type { SessionLogger } from '../session/session-logger.js';
import { SessionRecords } from './session-records.js';
import { SessionMigrator } from '../migration/session-migrator.js';

/** What an application brings along for its engine. */
export interface EngineIngredients {
  readonly options: ResolvedOptions;
  readonly store: SessionStore;
  readonly logger: SessionLogger;
  /** Where saves on one id queue up. @default a queue of this engine's own */
  readonly saves?: KeyedQueue;
}

/** An engine and what it sees of the store, put together from the options: two applications in one process share nothing. */
export class AssembledEngine {
  readonly engine: SessionEngine;
  readonly records: SessionRecords;

  constructor({ options, store, logger, saves = new KeyedQueue() }: EngineIngredients) {
    const { migration } = options;
    const shared = { ...options, store, logger, lifetime: new SessionLifetime(options) };
    this.records = new SessionRecords(shared);
    this.engine = new SessionEngine({
      ...shared,
      records: this.records,
      takeover: migration && new SessionMigrator({ ...shared, migration, records: this.records }),
      saves,
    });
  }
}
