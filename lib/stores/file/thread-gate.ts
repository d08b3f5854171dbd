/** Threads that Node has for the file system, and for DNS, cryptography and compression: https://nodejs.org/api/cli.html#uv_threadpool_sizesize */
const THREADS = 4;

/** A call of `node:fs`, with a callback that takes its outcome. */
export type FileCall<Result> = (done: (error: Error | null, result?: Result) => void) => void;

/**
 * Lets a store have all threads of Node's pool but one. A call to a file system that hangs holds its thread until it returns, which may be
 * never; without a free thread the whole application would come to a halt with it.
 */
export class ThreadGate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(threads = Number(process.env.UV_THREADPOOL_SIZE) || THREADS) {
    this.#free = Math.max(1, threads - 1);
  }

  /** Makes a call when there is a thread for it, in the order in which they come. */
  pass<Result>(call: FileCall<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const make = (): void => {
        call((error, result) => {
          this.#leave();
          if (error) reject(error);
          else resolve(result as Result);
        });
      };
      if (this.#free === 0) {
        this.#waiting.push(make);
        return;
      }
      this.#free--;
      make();
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
