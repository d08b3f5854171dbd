import type { BackEndCommands } from '../back-end-commands.js';

/** Threads that Node has for the file system, and for DNS, cryptography and compression: https://nodejs.org/api/cli.html#uv_threadpool_sizesize */
const THREADS = 4;

/** A call of `node:fs`, with a callback that takes its outcome. */
export type FileCall<Result> = (done: (error: Error | null, result?: Result) => void) => void;

/** How a call ended. The error stays as it is, for its code tells what it means. */
type Outcome<Result> = { readonly error: Error } | { readonly result: Result };

/**
 * Lets a store have all threads of Node's pool but one. A call to a file system that hangs holds its thread until it returns, which may be
 * never; without a free thread the whole application would come to a halt with it.
 */
export class ThreadGate {
  readonly #commands: BackEndCommands;
  readonly #waiting: (() => void)[] = [];
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
   * {@link SessionStoreError} when it has not ended in time. A call that had no thread by then is not made.
   */
  async pass<Result>(call: FileCall<Result>): Promise<Result> {
    const outcome = await this.#commands.ask<Outcome<Result>>((command) => {
      this.#enter(() => {
        if (command.hasEnded) return this.#leave();
        call((error, result) => {
          this.#leave();
          command.answered(error ? { error } : { result: result as Result });
        });
      });
    });
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  #enter(make: () => void): void {
    if (this.#free === 0) {
      this.#waiting.push(make);
      return;
    }
    this.#free--;
    make();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
