import type { SessionLogger } from '../session/session-logger.js';
import type { SessionStoreError } from '../session.errors.js';
import { failureReason } from '../stores/failure-reason.js';
import type { EventPublisher } from './event-publisher.js';

/** For how many milliseconds no command may fail before trouble is over: a back-end that half works is one outage, not thousands. */
const CALM_MS = 1000;

/** Faults of a program, whose place the log has to tell. */
const FAULTS = [TypeError, ReferenceError, RangeError, SyntaxError];

/** What the log and the events say of a command that has failed. */
interface Failure {
  readonly error: SessionStoreError;
  /** The method of the store. */
  readonly verb: string;
}

/** The store, while it fails, or refuses one kind of command. */
interface Trouble {
  readonly at: Date;
  readonly reason: string | undefined;
  /** When it has begun, and when a command has failed last, by the clock of `performance`. */
  readonly start: number;
  lastFailure: number;
  failures: number;
  /** The methods of the store that have failed. */
  readonly verbs: Set<string>;
}

/** When trouble with the store was last, and why. */
export interface LastTrouble {
  readonly reason: string | undefined;
  readonly since: Date;
  /** Absent: it goes on. */
  readonly until?: Date;
}

/** The name of the trouble that is no refusal. No reason is empty. */
const OUTAGE = '';

/**
 * What is wrong with the store of one SessionModule, which the log tells once: when it begins, with its reason, and when it has passed.
 * An outage is over with any command that succeeds. While the back-end refuses a command for one reason, it may carry out others: that
 * is over when it carries out what it refused.
 */
export class StoreTrouble {
  readonly #events: EventPublisher;
  readonly #logger: SessionLogger;
  readonly #name: string;
  readonly #open = new Map<string, Trouble>();
  #last: LastTrouble | undefined;

  /** @param name how the log names the sessions. */
  constructor(events: EventPublisher, logger: SessionLogger, name: string) {
    this.#events = events;
    this.#logger = logger;
    this.#name = name;
  }

  /** Whether a success would be news. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The trouble that began last. */
  get last(): LastTrouble | undefined {
    return this.#last;
  }

  /** A command has failed. */
  failed(failure: Failure): void {
    const { error, verb } = failure;
    const reason = failureReason(error);
    const kind = error.isRefusal ? (reason ?? 'refused') : OUTAGE;
    let trouble = this.#open.get(kind);
    if (trouble === undefined) {
      const start = performance.now();
      trouble = { at: new Date(), reason, start, lastFailure: start, failures: 0, verbs: new Set() };
      this.#open.set(kind, trouble);
      this.#last = { reason, since: trouble.at };
      this.#tell(failure, trouble);
    }
    trouble.failures++;
    trouble.lastFailure = performance.now();
    trouble.verbs.add(verb);
    this.#logger.markReported?.(error);
  }

  /** A command has succeeded. */
  succeeded(verb: string): void {
    const now = performance.now();
    for (const [kind, trouble] of this.#open) {
      if (now - trouble.lastFailure < CALM_MS || (kind !== OUTAGE && !trouble.verbs.has(verb))) continue;
      this.#open.delete(kind);
      this.#tellEnd(kind, trouble, now);
    }
  }

  #tell({ error, verb }: Failure, { at, reason }: Trouble): void {
    const what = error.isRefusal ? `refuses to ${verb}` : 'fails';
    const why = reason === undefined || error.message.includes(reason) ? '' : ` (${reason})`;
    this.#logger.error(
      `The store of the sessions${this.#name} ${what}${why}, which is not logged again until it has passed. ${error.message}`,
      faultOf(error.cause),
    );
    if (!error.isRefusal) this.#events.outage(at, reason);
  }

  #tellEnd(kind: string, { at, reason, start, failures }: Trouble, now: number): void {
    const seconds = ((now - start) / 1000).toFixed(1);
    const commands = failures === 1 ? 'one command' : `${failures} commands`;
    const how = kind === OUTAGE ? 'failed' : `were refused (${kind})`;
    this.#logger.log(
      `The store of the sessions${this.#name} serves again, after ${seconds} s in which ${commands} ${how}.`,
    );
    if (this.#last?.since === at) this.#last = { reason, since: at, until: new Date() };
    if (kind === OUTAGE) this.#events.recovered(at, failures);
  }
}

/** Where a fault of the program happened. Without its message, which may hold a key. */
function faultOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !FAULTS.some((fault) => cause instanceof fault)) return undefined;
  const places = (cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [cause.name, ...places].join('\n');
}
