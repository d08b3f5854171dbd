import { errorMonitor } from 'node:events';

import { codeOf } from './failure-reason.js';

/** The part of a driver's client that tells of its connections. */
export interface ConnectionEmitter {
  on(event: typeof errorMonitor | 'ready', listener: (error: unknown) => void): unknown;
  off(event: typeof errorMonitor | 'ready', listener: (error: unknown) => void): unknown;
}

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

  /**
   * Follows a client. It does not listen to 'error': a client of yours would then no longer print, or end the process with, what
   * nothing else hears.
   * @returns a function that stops it.
   */
  listenTo(client: ConnectionEmitter): () => void {
    client.on(errorMonitor, this.note);
    client.on('ready', this.clear);
    return () => {
      client.off(errorMonitor, this.note);
      client.off('ready', this.clear);
    };
  }

  /** Puts the reason behind an error of the driver that has none. */
  explain(error: unknown): void {
    if (!(error instanceof Error) || this.#last === undefined || error === this.#last) return;
    if (error.cause !== undefined || codeOf(error) !== undefined || !Object.isExtensible(error)) return;
    Object.defineProperty(error, 'cause', { value: this.#last, configurable: true, writable: true });
  }
}
