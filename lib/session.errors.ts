/** What every error of this library takes beside its message. */
export interface SessionErrorOptions {
  /** The error that led to this one, such as the driver's. */
  readonly cause?: unknown;
}

/** The codes of GraphQL errors, by the HTTP status that stands for the same. */
const GRAPHQL_CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  409: 'CONFLICT',
  503: 'SERVICE_UNAVAILABLE',
};

/** On the prototype of an error that was reported: the prototype that it had before, and stands for. */
const STANDS_FOR = Symbol.for('nest-session:stands-for');

/**
 * Base of all errors of this library. The message says what to do, and never holds a session id, a secret or session data.
 * Nest's own exception filter responds with `statusCode`.
 */
export class SessionError extends Error {
  override readonly name: string = 'SessionError';
  /** Stable, machine-readable name of the kind of error. */
  readonly code: string = 'SESSION_ERROR';
  /** HTTP status of the response, unless the application handles the error. */
  readonly statusCode: number = 500;
  /**
   * Whether the client may see the message: it may if the error is the client's own. NestJS 12 recognises an HTTP error by this
   * property and `status`. NestJS before 11.2.8 and 12.2.0 shows every message, which is why the peer range starts there.
   */
  get expose(): boolean {
    return this.statusCode < 500;
  }

  /**
   * What a GraphQL error of this one tells the client beside the message: `code`, a name of the kind that Apollo uses, such as
   * `'SERVICE_UNAVAILABLE'` for a 503.
   */
  get extensions(): { readonly code: string } {
    return { code: GRAPHQL_CODES[this.statusCode] ?? 'INTERNAL_SERVER_ERROR' };
  }

  /** `statusCode` under the name that the `http-errors` package uses. */
  get status(): number {
    return this.statusCode;
  }

  /** An error that was {@link markReported | reported} is still one of its class. */
  static override [Symbol.hasInstance](this: { readonly prototype: object }, value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const { prototype } = this;
    const standsFor = (value as { [STANDS_FOR]?: object })[STANDS_FOR];
    return (
      prototype.isPrototypeOf(value) || standsFor === prototype || (!!standsFor && prototype.isPrototypeOf(standsFor))
    );
  }

  constructor(message: string, options: SessionErrorOptions = {}) {
    super(message);
    if (options.cause !== undefined) {
      // Not enumerable: a driver's error may carry the command with its arguments, and so a record.
      Object.defineProperty(this, 'cause', { value: options.cause, enumerable: false, configurable: true });
    }
  }
}

/** An option or the set-up of the module is wrong. Thrown at start-up wherever the mistake can be known then. */
export class SessionConfigurationError extends SessionError {
  override readonly name = 'SessionConfigurationError';
  override readonly code = 'SESSION_CONFIGURATION';
}

/** What a {@link SessionStoreError} takes beside its message. */
export interface SessionStoreErrorOptions extends SessionErrorOptions {
  /** See {@link SessionStoreError.isRefusal}. @default false */
  readonly isRefusal?: boolean;
  /** See {@link SessionStoreError.isTimeout}. @default false */
  readonly isTimeout?: boolean;
}

/** The back-end failed or did not answer in time. The response is 503 with `Retry-After`, and leaves the cookie alone. */
export class SessionStoreError extends SessionError {
  override readonly name = 'SessionStoreError';
  override readonly code = 'SESSION_STORE';
  override readonly statusCode = 503;
  /**
   * Whether the back-end itself refused the command, such as with "out of memory": it is up, has changed nothing, and may accept
   * another command. `false` when the back-end was down or silent, or when it is not known whether it refused.
   */
  readonly isRefusal: boolean;
  /**
   * Whether the store gave the command up because no answer came in time. The log, the metrics and the health check then give
   * `'timeout'` for the reason, unless the `cause` has one.
   */
  readonly isTimeout: boolean;

  constructor(message: string, { isRefusal = false, isTimeout = false, ...options }: SessionStoreErrorOptions = {}) {
    super(message, options);
    this.isRefusal = isRefusal;
    this.isTimeout = isTimeout;
  }
}

/** Whether the store has failed so that it may yet have carried out the command: it did not refuse it. */
export function isUncertain(error: unknown): error is SessionStoreError {
  return error instanceof SessionStoreError && !error.isRefusal;
}

/** Whether the back-end itself has refused a command, and has changed nothing. */
export function isStoreRefusal(error: unknown): error is SessionStoreError {
  return error instanceof SessionStoreError && error.isRefusal;
}

/**
 * Marks an error that the log tells of already, so that nothing logs it again: it becomes an instance of that class as well, by which
 * the framework knows errors that are none of its log's.
 * @param error an error of this library.
 * @param quiet a class of errors, without state of its own.
 */
export function markReported(error: SessionError, quiet: { readonly prototype: Error }): void {
  // A frozen error stays as it is: it may be logged twice.
  if (isReported(error) || !Object.isExtensible(error)) return;
  Object.setPrototypeOf(error, reportedPrototype(Object.getPrototypeOf(error) as object, quiet.prototype));
}

/** Whether the log tells of this error already. */
export function isReported(error: unknown): boolean {
  return typeof error === 'object' && error !== null && STANDS_FOR in error;
}

/** By the quiet prototype, of which there is one for each copy of the framework in this process, then by the original one. */
const REPORTED = new WeakMap<object, WeakMap<object, object>>();

/** All members of the class, over those of the quiet one: a class of its own has but one base. */
function reportedPrototype(original: object, quiet: object): object {
  const known = REPORTED.get(quiet) ?? new WeakMap<object, object>();
  REPORTED.set(quiet, known);
  let reported = known.get(original);
  if (reported !== undefined) return reported;
  const members: object[] = [];
  for (let each = original; each !== Error.prototype; each = Object.getPrototypeOf(each) as object)
    members.unshift(each);
  reported = Object.create(quiet) as object;
  for (const each of members) Object.defineProperties(reported, Object.getOwnPropertyDescriptors(each));
  Object.defineProperty(reported, STANDS_FOR, { value: original });
  known.set(original, reported);
  return reported;
}

/** Other requests changed the session again and again while this one tried to save it. The response is 409. */
export class SessionConflictError extends SessionError {
  override readonly name = 'SessionConflictError';
  override readonly code = 'SESSION_CONFLICT';
  override readonly statusCode = 409;
}

/**
 * Another request destroyed or regenerated the session, or it has expired, so there is nothing left to reload, update or
 * regenerate. The response is 409.
 */
export class SessionDestroyedError extends SessionError {
  override readonly name = 'SessionDestroyedError';
  override readonly code = 'SESSION_DESTROYED';
  override readonly statusCode = 409;
}

/**
 * The user has as many sessions as `sessionsPerUser` allows, and `beyond` is `'refuse'`. The sign-in was not stored. The response is
 * 409.
 */
export class SessionLimitError extends SessionError {
  override readonly name = 'SessionLimitError';
  override readonly code = 'SESSION_LIMIT';
  override readonly statusCode = 409;
}

/**
 * Why a session has ended:
 *
 * - `'destroyed'`: `destroy()` was called, a request removed all data, or the pin did not match.
 * - `'regenerated'`: `regenerate()` gave the session a new id. The session goes on under that id, and ends under this one.
 * - `'expired'`: its idle or absolute timeout has passed.
 * - `'revoked'`: the store has no record any more, or none that can be read, and this process was not told why. The record was
 *   deleted in the back-end or evicted, or another process has ended the session.
 */
export type SessionEndReason = 'destroyed' | 'regenerated' | 'expired' | 'revoked';

const ENDINGS: Readonly<Record<SessionEndReason, string>> = {
  destroyed: 'it was destroyed, as by a logout',
  regenerated: 'it has a new id, as after a login',
  expired: 'its time was up',
  revoked: 'its record is gone or cannot be read',
};

/**
 * The session has ended: the `reason` of its `signal`. A handler that throws it, as `signal.throwIfAborted()` does, responds with
 * 401.
 */
export class SessionEndedError extends SessionError {
  override readonly name = 'SessionEndedError';
  override readonly code = 'SESSION_ENDED';
  override readonly statusCode = 401;
  /** Why the session has ended. */
  readonly reason: SessionEndReason;

  constructor(reason: SessionEndReason) {
    super(`The session has ended: ${ENDINGS[reason]}.`);
    this.reason = reason;
  }
}

/** Whether a value is a {@link SessionEndReason}. */
export function isEndReason(value: unknown): value is SessionEndReason {
  return typeof value === 'string' && Object.hasOwn(ENDINGS, value);
}

/** The client's address, which the pin needs, is not an IP address. The response is 400. */
export class SessionAddressError extends SessionError {
  override readonly name = 'SessionAddressError';
  override readonly code = 'SESSION_ADDRESS';
  override readonly statusCode = 400;
}

/** A value in the session cannot be stored, or a stored text cannot be read. */
export class SessionSerializationError extends SessionError {
  override readonly name = 'SessionSerializationError';
  override readonly code = 'SESSION_SERIALIZATION';
  /**
   * Keys and indexes that lead to the value, outermost first; empty for the record as a whole. Keys may be data, such as a user's
   * name: the message shows `[…]` instead of those, and this property is not enumerable, so that no log shows them either.
   */
  // An error with a `path` that is a list passes for one of GraphQL's own, and a GraphQL server would send that path to the client.
  declare readonly valuePath: readonly (string | number)[];

  constructor(
    message: string,
    options: SessionErrorOptions & { readonly valuePath?: readonly (string | number)[] } = {},
  ) {
    super(message, options);
    Object.defineProperty(this, 'valuePath', { value: options.valuePath ?? [], enumerable: false, configurable: true });
  }
}

/** The record is larger than `maxRecordBytes`, or than the back-end can hold. Nothing was written; the record is unchanged. */
export class SessionTooLargeError extends SessionError {
  override readonly name = 'SessionTooLargeError';
  override readonly code = 'SESSION_TOO_LARGE';
}
