/** Where the engine says what it cannot tell any caller. Never given an id, a secret or session data. */
export interface SessionLogger {
  warn(message: string): void;
  /** Says a thing that would come back with every request only the first time. */
  warnOnce(message: string): void;
  error(message: string): void;
}
