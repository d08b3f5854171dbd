import type { SessionError } from '../session.errors.js';

/** Where the engine reports what it cannot report to a caller. Messages never hold an id, a secret or session data. */
export interface SessionLogger {
  warn(message: string): void;
  /** Logs a message the first time only. For one that would come back with every request. */
  warnOnce(message: string): void;
  /** @param stack where it happened. */
  error(message: string, stack?: string): void;
  /** Logs good news. */
  log(message: string): void;
  /** Keeps an error, of which this log tells already, out of the log of the framework. @default it stays as it is */
  markReported?(error: SessionError): void;
}
