import {
  SessionConfigurationError,
  SessionError,
  SessionStoreError,
  type SessionStoreErrorOptions,
} from '../session.errors.js';
import { failureReason } from './failure-reason.js';

/** Milliseconds a store waits for one answer of its back-end. Without it a server that hangs holds requests for minutes, or for ever. */
export const DEADLINE_MS = 1000;

/** A back-end as the messages of its errors name it. */
export interface BackEnd {
  /** Its name, such as `Redis`. */
  readonly name: string;
  /** What its operator should look at when it fails: the rest of a sentence that begins with "check that". */
  readonly check: string;
  /** Whether the back-end itself answered with this error of the driver, and has changed nothing. */
  readonly isRefusal: (error: unknown) => boolean;
  /** Removes keys and records from an error of the driver, because a log may print all its properties. */
  readonly redact?: (error: unknown) => void;
}

/** What needs a driver: the option for it. */
export type DriverUser = 'store' | 'bus';

/**
 * Loads an optional driver, when what needs it is made.
 * @param name the package, as npm installs it.
 * @throws {SessionConfigurationError} when the driver cannot be loaded; the message says what to install.
 */
export async function loadDriver<Driver>(
  name: string,
  load: () => Promise<Driver>,
  user: DriverUser = 'store',
): Promise<Driver> {
  try {
    return await load();
  } catch (cause) {
    const message = `This ${user} needs the driver "${name}", which cannot be loaded: npm i ${name}`;
    throw new SessionConfigurationError(message, { cause });
  }
}

/** The error for a back-end that failed. */
export function storeError(backEnd: BackEnd, failure: string, cause?: unknown): SessionStoreError {
  return errorOf(backEnd, failure, { cause });
}

/** The error for a back-end that did not answer in time. @param cause why, where that is known. */
export function timeoutError(backEnd: BackEnd, failure: string, cause?: unknown): SessionStoreError {
  return errorOf(backEnd, failure, { cause, isTimeout: true });
}

/** The error for a command on a store that was closed. */
export function storeClosed(backEnd: BackEnd): SessionStoreError {
  return storeError(backEnd, 'is no longer used, because the store is closed');
}

/** The error for a command that the driver gave up. An error of this library stays as it is. */
export function commandError(backEnd: BackEnd, error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  return backEnd.isRefusal(error)
    ? refusal(backEnd, 'refused a command', error)
    : storeError(backEnd, 'refused or lost a command', error);
}

/** The error for a back-end that refused a command itself. */
export function refusal(backEnd: BackEnd, failure: string, cause?: unknown): SessionStoreError {
  return errorOf(backEnd, failure, { cause, isRefusal: true });
}

/** An error whose message has the driver's code for the reason, and never quotes the driver: its own may hold a key or a record. */
function errorOf(backEnd: BackEnd, failure: string, options: SessionStoreErrorOptions): SessionStoreError {
  const { cause } = options;
  backEnd.redact?.(cause);
  const reason = failureReason(cause);
  const why = reason === undefined ? '' : ` (${reason})`;
  return new SessionStoreError(`${backEnd.name} ${failure}${why}: check that ${backEnd.check}.`, options);
}
