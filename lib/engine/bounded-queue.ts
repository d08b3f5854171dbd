/** Runs tasks side by side, but never more than so many at once. The others wait, in the order in which they came. */
export class BoundedQueue {
  readonly #most: number;
  readonly #waiting = new Set<() => Promise<void>>();
  #running = 0;

  /** @param most how many tasks may run at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Adds a task, which begins at once if there is room.
   * @param task must not reject.
   */
  add(task: () => Promise<void>): void {
    this.#waiting.add(task);
    this.#begin();
  }

  #begin(): void {
    for (const task of this.#waiting) {
      if (this.#running >= this.#most) return;
      this.#waiting.delete(task);
      this.#running++;
      void task().finally(() => {
        this.#running--;
        this.#begin();
      });
    }
  }
}
