import { codeOf } from './failure-reason.js';

/**
 * The last error of a client's connections. A driver that reconnects by itself gives a command only an error of its own, such as "too
 * many attempts", and tells the reason in an event that belongs to no command.
 */
export class ConnectionErrors {
  readonly #redact: ((error: unknown) => void) | undefined;
  #last: unknown;

  /** @param redact removes keys, records and passwords from an error, because a log may print all its properties. */
  constructor(redact?: (error: unknown) => void) {
    this.#redact = redact;
  }

  /** Why there was no connection last; `undefined` when there is one, as far as is known. */
  get last(): unknown {
    return this.#last;
  }

  readonly note = (error: unknown): void => {
    this.#redact?.(error);
    this.#last = error;
  };

  /** A connection is ready. */
  readonly clear = (): void => {
    this.#last = undefined;
  };

  /** Puts the reason behind an error of the driver that has none. */
  explain(error: unknown): void {
    if (!(error instanceof Error) || this.#last === undefined || error === this.#last) return;
    if (error.cause !== undefined || codeOf(error) !== undefined || !Object.isExtensible(error)) return;
    Object.defineProperty(error, 'cause', { value: this.#last, configurable: true, writable: true });
  }
}
