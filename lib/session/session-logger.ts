/** Where the engine reports what it cannot report to a caller. Messages never hold an id, a secret or session data. */
export interface SessionLogger {
  warn(message: string): void;
  /** Logs a message the first time only. For one that would come back with every request. */
  warnOnce(message: string): void;
  error(message: string): void;
}
