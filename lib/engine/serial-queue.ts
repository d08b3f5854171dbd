/** Runs tasks one after another, in the order in which they came. A task that fails does not keep the next one from running. */
export class SerialQueue {
  #last: Promise<unknown> | undefined;

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /** Runs a task, at once if no other task runs or waits. */
  async run<R>(task: () => Promise<R>): Promise<R> {
    const before = this.#last;
    const mine = before === undefined ? task() : before.then(task, task);
    this.#last = mine;
    try {
      return await mine;
    } finally {
      if (this.#last === mine) this.#last = undefined;
    }
  }
}
