/** Runs tasks one after another, in the order in which they came. A task that fails does not keep the next one from running. */
export class SerialQueue {
  #last: Promise<unknown> | undefined;

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /** Runs a task, at once if no other task runs or waits. */
  run<R>(task: () => Promise<R>): Promise<R> {
    const before = this.#last;
    const mine = before === undefined ? task() : before.then(task, task);
    this.#last = mine;
    const end = (): void => {
      if (this.#last === mine) this.#last = undefined;
    };
    // Noted before the caller gets the promise: once it is settled, the queue is not busy with it any more.
    void mine.then(end, end);
    return mine;
  }
}
