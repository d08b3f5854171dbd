import type { BackEndCommands } from '../back-end-commands.js';
import { LinkedQueue, type Linked } from '../linked-queue.js';

/** Threads that Node has for the file system, and for DNS, cryptography and compression: https://nodejs.org/api/cli.html#uv_threadpool_sizesize */
const THREADS = 4;

/** How many calls may wait for a thread. More cannot have one in time: each would be the memory of a request, for nothing. */
const WAITING = 10_000;

/** A call of `node:fs`, with a callback that takes its outcome. */
export type FileCall<Result> = (done: (error: Error | null, result?: Result) => void) => void;

/** There are too many calls before this one, which was not made. */
export class TooManyCalls extends Error {
  override readonly name = 'TooManyCalls';
}

/** How a call ended. The error stays as it is, for its code tells what it means. */
type Outcome<Result> = { readonly error: Error } | { readonly result: Result };

/**
 * Lets a store have all threads of Node's pool but one. A call to a file system that hangs holds its thread until it returns, which may be
 * never; without a free thread the whole application would come to a halt with it.
 */
export class ThreadGate {
  readonly #commands: BackEndCommands;
  readonly #waiting = new LinkedQueue<WaitingCall>();
  #waits = 0;
  #free: number;

  /** @param commands what bounds each call. */
  constructor(commands: BackEndCommands) {
    this.#commands = commands;
    // oxlint-disable-next-line node/no-process-env -- Node tells in no other way how many threads it has
    const threads = Number(process.env['UV_THREADPOOL_SIZE']) || THREADS;
    this.#free = Math.max(1, threads - 1);
  }

  /**
   * Makes a call when there is a thread for it, in the order in which they come. Rejects with the error of the call, or with a
   * {@link SessionStoreError} when it has not ended in time, or when too many wait. A call that had no thread by then is not made.
   */
  async pass<Result>(call: FileCall<Result>): Promise<Result> {
    let waiting: WaitingCall | undefined;
    const outcome = await this.#commands.ask<Outcome<Result>>(
      (command) => {
        waiting = this.#enter(() =>
          call((error, result) => {
            this.#leave();
            command.answered(error ? { error } : { result: result as Result });
          }),
        );
      },
      () => {
        if (waiting?.waits === true) this.#remove(waiting);
      },
    );
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  /** @returns the call if it has to wait. */
  #enter(make: () => void): WaitingCall | undefined {
    if (this.#free > 0) {
      this.#free--;
      make();
      return undefined;
    }
    if (this.#waits === WAITING) throw new TooManyCalls();
    this.#waits++;
    const waiting = { make, waits: true, older: undefined, newer: undefined };
    this.#waiting.add(waiting);
    return waiting;
  }

  #leave(): void {
    const next = this.#waiting.oldest;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#remove(next);
    next.make();
  }

  #remove(waiting: WaitingCall): void {
    this.#waits--;
    this.#waiting.remove(waiting);
    waiting.waits = false;
  }
}

interface WaitingCall extends Linked<WaitingCall> {
  readonly make: () => void;
  waits: boolean;
}
