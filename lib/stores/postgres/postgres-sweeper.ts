import { AsyncResource } from 'node:async_hooks';

/** Milliseconds; a timer takes no more. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Sweeps now and then, on a timer that does not keep the process alive. */
export class PostgresSweeper {
  readonly #sweep: () => Promise<unknown>;
  readonly #milliseconds: number;
  /** Where the store was made. A timer keeps the context in which it was set, and so would what is sent when it fires. */
  readonly #origin = new AsyncResource('nest-session.sweeper');
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /**
   * @param seconds between two sweeps, on average.
   * @param sweep may reject: the next sweep tries again.
   */
  constructor(seconds: number, sweep: () => Promise<unknown>) {
    this.#milliseconds = seconds * 1000;
    this.#sweep = sweep;
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
      .catch(() => {})
      .finally(() => this.#wait());
  };
}
