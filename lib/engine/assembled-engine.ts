import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionStore } from '../stores/session-store.js';
import { KeyedTurns } from './keyed-turns.js';
import { SessionEngine } from './session-engine.js';
import type { SessionLogger } from './session-logger.js';
import { SessionRecords } from './session-records.js';
import { SessionTakeover } from './session-takeover.js';

/** What an application brings along for its engine. */
export interface EngineIngredients {
  readonly options: ResolvedOptions;
  readonly store: SessionStore;
  readonly logger: SessionLogger;
  /** Where saves on one id queue up. @default a queue of this engine's own */
  readonly saves?: KeyedTurns;
}

/** An engine and what it sees of the store, put together from the options: two applications in one process share nothing. */
export class AssembledEngine {
  readonly engine: SessionEngine;
  readonly records: SessionRecords;

  constructor({ options, store, logger, saves = new KeyedTurns() }: EngineIngredients) {
    const { migration } = options;
    const shared = { ...options, store, logger, lifetime: new SessionLifetime(options) };
    this.records = new SessionRecords(shared);
    this.engine = new SessionEngine({
      ...shared,
      records: this.records,
      takeover: migration && new SessionTakeover({ ...shared, migration, records: this.records }),
      saves,
    });
  }
}
