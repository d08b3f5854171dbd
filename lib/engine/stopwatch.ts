/**
 * How much time has gone by, by both clocks of this machine: one of them may have stood still, as while a virtual machine is suspended,
 * or have been set back.
 */
export class Stopwatch {
  readonly #running = performance.now();
  readonly #wall = Date.now();

  get seconds(): number {
    return Math.max(performance.now() - this.#running, Date.now() - this.#wall) / 1000;
  }
}
