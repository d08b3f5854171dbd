/** What every error of this library carries beside its message. */
export interface SessionErrorOptions {
  /** The error that led to this one, such as the driver's own. */
  readonly cause?: unknown;
}

/**
 * Base of all errors of this library. Its message says what to do; it never holds a session id, a secret or session data.
 * `statusCode` is what Nest's own exception filter answers with.
 */
export class SessionError extends Error {
  override readonly name: string = 'SessionError';
  /** Stable, machine-readable name of the kind of error. */
  readonly code: string = 'SESSION_ERROR';
  /** HTTP status of an answer that nobody handles otherwise. */
  readonly statusCode: number = 500;
  /** Whether the message may be shown to the client: that of a client's error may. With `status`, it is how NestJS 12 knows an HTTP error. */
  get expose(): boolean {
    return this.statusCode < 500;
  }

  /** The same as `statusCode`, under the name that the `http-errors` package uses. */
  get status(): number {
    return this.statusCode;
  }

  constructor(message: string, options: SessionErrorOptions = {}) {
    super(message);
    if (options.cause !== undefined) {
      // A driver's error may carry the command with its arguments, and so a record: keep it from being enumerated.
      Object.defineProperty(this, 'cause', { value: options.cause, enumerable: false, configurable: true });
    }
  }
}

/** An option, or the way the module is set up, is wrong. Thrown at start-up wherever it can be known then. */
export class SessionConfigurationError extends SessionError {
  override readonly name = 'SessionConfigurationError';
  override readonly code = 'SESSION_CONFIGURATION';
}

/** The back-end failed or did not answer in time. Answered with 503 and `Retry-After`; the cookie is left alone. */
export class SessionStoreError extends SessionError {
  override readonly name = 'SessionStoreError';
  override readonly code = 'SESSION_STORE';
  override readonly statusCode = 503;
}

/** Other requests changed the session again and again while this one tried to save it. Answered with 409. */
export class SessionConflictError extends SessionError {
  override readonly name = 'SessionConflictError';
  override readonly code = 'SESSION_CONFLICT';
  override readonly statusCode = 409;
}

/** The session was destroyed or regenerated elsewhere, or has expired, so there is nothing left to reload or update. */
export class SessionDestroyedError extends SessionError {
  override readonly name = 'SessionDestroyedError';
  override readonly code = 'SESSION_DESTROYED';
}

/** The client's address, which the pin needs, is not an IP address. Answered with 400. */
export class SessionAddressError extends SessionError {
  override readonly name = 'SessionAddressError';
  override readonly code = 'SESSION_ADDRESS';
  override readonly statusCode = 400;
}

/** A value in the session cannot be stored, or a stored text cannot be read. */
export class SessionSerializationError extends SessionError {
  override readonly name = 'SessionSerializationError';
  override readonly code = 'SESSION_SERIALIZATION';
  /** Keys and indexes that lead to the value, outermost first; empty when the whole is meant. */
  readonly path: readonly (string | number)[];

  constructor(message: string, options: SessionErrorOptions & { readonly path?: readonly (string | number)[] } = {}) {
    super(message, options);
    this.path = options.path ?? [];
  }
}

/** The record is larger than the back-end can hold. Nothing was written; the record is as it was. */
export class SessionTooLargeError extends SessionError {
  override readonly name = 'SessionTooLargeError';
  override readonly code = 'SESSION_TOO_LARGE';
}
