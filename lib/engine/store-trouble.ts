import type { SessionLogger } from '../session/session-logger.js';
import { SessionError, type SessionStoreError } from '../session.errors.js';
import { failureReason, shownReason } from '../stores/failure-reason.js';
import type { EventPublisher } from './event-publisher.js';
import { OUTAGES, type OutageOutcome } from './measurements.js';

/** For how many milliseconds no command may fail before trouble is over: a back-end that half works is one outage, not thousands. */
const CALM_MS = 1000;

/** Faults of a program, whose place the log has to tell. */
const FAULTS = [TypeError, ReferenceError, RangeError, SyntaxError];

/** What the log and the events say of a command that has failed. */
interface Failure {
  readonly error: SessionStoreError;
  /** The method of the store. */
  readonly verb: string;
  /** Whether the store has thrown an error of its own making, which does not say whether its back-end is away. @default false */
  readonly isForeign?: boolean;
}

/** The store, while it fails, or refuses one kind of command. */
interface Trouble {
  readonly at: Date;
  readonly reason: string | undefined;
  /** The reason as a health check tells it. */
  readonly shown: string;
  /** When it has begun, and when a command has failed last, by the clock of `performance`. */
  readonly start: number;
  lastFailure: number;
  failures: number;
  /** The methods of the store that have failed. */
  readonly verbs: Set<string>;
  /** What the log has told of it: see {@link topicOf}. */
  readonly told: Set<string>;
}

/** When trouble with the store was last, and why. */
export interface LastTrouble {
  /** A code, the class of an error, `'timeout'` or `'unknown'`. */
  readonly reason: string;
  readonly since: Date;
  /** Absent: it goes on. */
  readonly until?: Date;
}

/** How many errors of this library may stand before the one that led to them. */
const DEPTH = 6;

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
  #lastEnded: LastTrouble | undefined;
  #isClosed = false;

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

  /** Of the trouble that goes on, what began last; where there is none, the one that has ended last. */
  get last(): LastTrouble | undefined {
    const open = [...this.#open.values()].at(-1);
    return open === undefined ? this.#lastEnded : { reason: open.shown, since: open.at };
  }

  /** A command has failed. */
  failed(failure: Failure): void {
    if (this.#isClosed) return;
    const { error, verb } = failure;
    const reason = failureReason(error);
    const kind = error.isRefusal ? (reason ?? 'refused') : OUTAGE;
    const trouble = this.#open.get(kind) ?? this.#begin(kind, error);
    const topic = kind === OUTAGE ? topicOf(failure, reason) : kind;
    if (!trouble.told.has(topic)) {
      this.#tell(failure, reason, trouble);
      trouble.told.add(topic);
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

  /** The application has shut down: nothing is told any more, and what goes on is measured no longer. */
  close(): void {
    this.#isClosed = true;
    for (const [kind, trouble] of this.#open) this.#measureEnd(kind, trouble, 'closed');
    this.#open.clear();
  }

  #begin(kind: string, error: SessionStoreError): Trouble {
    const [at, start, reason] = [new Date(), performance.now(), failureReason(error)];
    const began = { at, reason, shown: shownReason(error), start, lastFailure: start, failures: 0 };
    const trouble: Trouble = { ...began, verbs: new Set(), told: new Set() };
    this.#open.set(kind, trouble);
    if (kind === OUTAGE) this.#events.outage(at, reason);
    return trouble;
  }

  #tell({ error, verb }: Failure, reason: string | undefined, { told }: Trouble): void {
    const also = told.size === 0 ? '' : ' also';
    const what = error.isRefusal ? `refuses to ${verb}` : 'fails';
    const why = reason === undefined || error.message.includes(reason) ? '' : ` (${reason})`;
    this.#logger.error(
      `The store of the sessions${this.#name}${also} ${what}${why}, which is not logged again until it has passed. ${error.message}`,
      placeOf(error, reason),
    );
  }

  #tellEnd(kind: string, trouble: Trouble, now: number): void {
    const { at, shown, start, failures } = trouble;
    const seconds = ((now - start) / 1000).toFixed(1);
    const commands = failures === 1 ? 'one command' : `${failures} commands`;
    const how = kind === OUTAGE ? 'failed' : `were refused (${kind})`;
    this.#logger.log(
      `The store of the sessions${this.#name} serves again, after ${seconds} s in which ${commands} ${how}.`,
    );
    this.#lastEnded = { reason: shown, since: at, until: new Date() };
    this.#measureEnd(kind, trouble, 'recovered');
    if (kind === OUTAGE) this.#events.recovered(at, failures);
  }

  #measureEnd(kind: string, { at, start }: Trouble, outcome: OutageOutcome): void {
    if (kind === OUTAGE) OUTAGES.publish(start, { sessions: this.#events.sessions, outcome, since: at });
  }
}

/** A code of Node for what has become of a connection. */
const CONNECTION = /^E[A-Z]/;

/**
 * What the log tells once in an outage: that the back-end is away, which drivers report in several ways, and beside it each fault of a
 * program. An error that is not of this library may be either.
 */
function topicOf({ isForeign = false }: Failure, reason = 'unknown'): string {
  const isFault = FAULTS.some((fault) => fault.name === reason);
  return isFault || (isForeign && !CONNECTION.test(reason)) ? reason : OUTAGE;
}

/** Where a fault of the program happened, or an error that has no reason. Without its message, which may hold a key. */
function placeOf(error: SessionStoreError, reason: string | undefined): string | undefined {
  let cause: unknown = error;
  for (let depth = 0; cause instanceof SessionError && depth < DEPTH; depth++) cause = cause.cause;
  if (!(cause instanceof Error) || cause instanceof SessionError) return undefined;
  if (reason !== undefined && !FAULTS.some((fault) => cause instanceof fault)) return undefined;
  const { message, stack = '' } = cause;
  const at = stack.indexOf(message);
  // A message that was changed stands in the stack as it was, and may have lines that look like places.
  if (at === -1) return undefined;
  const places = stack.slice(at + message.length).split('\n');
  return [reason ?? 'Error', ...places.filter((line) => /^\s+at /.test(line))].join('\n');
}
