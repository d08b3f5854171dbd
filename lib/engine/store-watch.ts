import { SessionError, SessionStoreError } from '../session.errors.js';
import { failureReason } from '../stores/failure-reason.js';
import type { SessionStore } from '../stores/session-store.js';
import { STORE_COMMANDS, type StoreCommandOutcome } from './measurements.js';
import type { StoreTrouble } from './store-trouble.js';

/** The methods of a store that the engine calls. */
export type Verb = keyof SessionStore;
export type Answer<V extends Verb> = Awaited<ReturnType<SessionStore[V]>>;

/** What the measurements say of a store. */
interface WatchedStore {
  readonly sessions: string;
  readonly store: string;
}

/** Is told how each command of a store has ended: for the log, the events and the measurements. */
export class StoreWatch {
  readonly #trouble: StoreTrouble;
  readonly #about: WatchedStore;

  constructor(trouble: StoreTrouble, about: WatchedStore) {
    this.#trouble = trouble;
    this.#about = about;
  }

  /** When a command begins; `undefined` where nothing measures it. */
  get start(): number | undefined {
    return STORE_COMMANDS.start;
  }

  /** A command has succeeded. @param start what {@link StoreWatch.start} was. */
  answered(verb: Verb, answer: unknown, start: number | undefined): void {
    if (this.#trouble.isOpen) this.#trouble.succeeded(verb);
    if (start !== undefined) {
      STORE_COMMANDS.publish(start, { ...this.#about, verb, outcome: outcomeOf(verb, answer), reason: undefined });
    }
  }

  /**
   * A command has failed.
   * @returns the error to throw.
   */
  failed(verb: Verb, cause: unknown, start: number | undefined): SessionError {
    const error = failureOf(verb, cause);
    if (error instanceof SessionStoreError) this.#trouble.failed({ error, verb, isForeign: error !== cause });
    if (start !== undefined) {
      const isRefused = !(error instanceof SessionStoreError) || error.isRefusal;
      const outcome = isRefused ? 'refused' : 'failed';
      STORE_COMMANDS.publish(start, { ...this.#about, verb, outcome, reason: failureReason(error) });
    }
    return error;
  }
}

function outcomeOf(verb: Verb, answer: unknown): StoreCommandOutcome {
  if (answer === 'conflict' || answer === 'missing') return answer;
  if (answer === undefined && verb !== 'set') return 'missing';
  if (answer !== false) return 'ok';
  return verb === 'create' ? 'conflict' : 'missing';
}

/**
 * The error for a failure of the store, which may throw or reject with anything: what is not an error of this library becomes a
 * SessionStoreError, whose response is a 503.
 */
function failureOf(verb: Verb, cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause;
  const reason = failureReason(cause);
  const why = reason === undefined ? '' : ` (${reason})`;
  return new SessionStoreError(`The session store failed to ${verb}${why}: see the cause, and check the back-end.`, {
    cause,
  });
}
