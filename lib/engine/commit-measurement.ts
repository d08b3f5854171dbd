import { SessionConflictError } from '../session.errors.js';
import { failureReason } from '../stores/failure-reason.js';
import { COMMITS, type CommittedOutcome } from './measurements.js';
import type { RecordState } from './record-state.js';

/** The state in which a save leaves the record of a session that was stored before. */
const OUTCOMES: Readonly<Record<RecordState, CommittedOutcome>> = {
  known: 'replaced',
  new: 'destroyed',
  gone: 'gone',
  retired: 'gone',
};

/** Measures one save of a session. */
export class CommitMeasurement {
  readonly #sessions: string;
  readonly #start: number;

  /** A save begins. @returns `undefined` where nothing measures it. */
  static begin(sessions: string): CommitMeasurement | undefined {
    const { start } = COMMITS;
    return start === undefined ? undefined : new CommitMeasurement(sessions, start);
  }

  private constructor(sessions: string, start: number) {
    this.#sessions = sessions;
    this.#start = start;
  }

  ended(isNew: boolean, state: RecordState): void {
    this.#publish(isNew ? 'created' : OUTCOMES[state]);
  }

  failed(error: unknown): void {
    if (error instanceof SessionConflictError) this.#publish('conflict');
    else this.#publish('failed', failureReason(error));
  }

  #publish(outcome: CommittedOutcome, reason?: string): void {
    COMMITS.publish(this.#start, { sessions: this.#sessions, outcome, reason });
  }
}
