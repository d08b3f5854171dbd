import { AsyncResource } from 'node:async_hooks';

import { shownReason } from '../failure-reason.js';
import { SweepWarning } from '../sweep-warning.js';
import { isRefused, isTooSlow } from './postgres-errors.js';

/** Milliseconds; a timer takes no more. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Sweeps now and then, on a timer that does not keep the process alive. */
export class PostgresSweeper {
  readonly #sweep: () => Promise<unknown>;
  readonly #table: string;
  readonly #warning = new SweepWarning('PostgresStore');
  readonly #milliseconds: number;
  /** Where the store was made. A timer keeps the context in which it was set, and so would what is sent when it fires. */
  readonly #origin = new AsyncResource('nest-session.sweeper');
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /**
   * @param seconds between two sweeps, on average.
   * @param sweep may reject: the next sweep tries again, and a warning tells it once.
   * @param table as the warning names it.
   */
  constructor(seconds: number, sweep: () => Promise<unknown>, table: string) {
    this.#milliseconds = seconds * 1000;
    this.#sweep = sweep;
    this.#table = table;
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#stopped) return;
    // Processes that were started together do not all come at the same moment.
    const milliseconds = Math.min(this.#milliseconds * (0.5 + Math.random()), LONGEST_WAIT);
    this.#timer = this.#origin.runInAsyncScope(setTimeout, undefined, this.#onTimer, milliseconds).unref();
  }

  readonly #onTimer = (): void => {
    this.#sweep()
      .then(() => this.#warning.worked(), this.#onFailure)
      .finally(() => this.#wait());
  };

  readonly #onFailure = (error: unknown): void => {
    // A pool of the application's that has ended, or a connection that is closed with the store.
    if (this.#stopped) return;
    this.#warning.failed(
      error,
      () => `Expired sessions stay in the table ${this.#table} (${shownReason(error)}): check that ${remedyOf(error)}.`,
    );
  };
}

function remedyOf(error: unknown): string {
  if (isTooSlow(error)) return 'the table has the index of PostgresStore.schema(options)';
  return isRefused(error) ? 'the role may SELECT, UPDATE and DELETE there' : 'PostgreSQL is up';
}
