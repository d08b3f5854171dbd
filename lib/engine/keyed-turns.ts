import { setTimeout as wait } from 'node:timers/promises';

/**
 * How long a task may keep others waiting, in milliseconds. A store may hang, and the function of an update is the user's: it
 * may wait for the very request that waits behind it.
 */
const PATIENCE_MS = 100;

/**
 * Runs tasks on one key one after another, and tasks on different keys side by side. It saves collisions and is no lock: when a
 * task takes too long, those who wait go ahead, first one, then two, then four, so that one slow moment does not
 * make all of them collide.
 */
export class KeyedTurns {
  readonly #patience: number;
  readonly #queues = new Map<string, Queue>();

  /** @param patience milliseconds that a task may keep others waiting. */
  constructor(patience = PATIENCE_MS) {
    this.#patience = patience;
  }

  /** Whether a task on this key runs or waits. */
  isBusy(key: string): boolean {
    return this.#queues.has(key);
  }

  async run<R>(key: string, task: () => Promise<R>): Promise<R> {
    const queue = this.#queues.get(key) ?? new Queue(this.#patience);
    this.#queues.set(key, queue);
    try {
      return await queue.run(task);
    } finally {
      if (queue.isEmpty) this.#queues.delete(key);
    }
  }
}

/** Those who wait for their turn, first come first served. */
class Queue {
  readonly #patience: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;
  #letIn = 1;
  #overdue: AbortController | undefined;

  constructor(patience: number) {
    this.#patience = patience;
  }

  get isEmpty(): boolean {
    return this.#inside === 0 && this.#waiting.length === 0;
  }

  async run<R>(task: () => Promise<R>): Promise<R> {
    if (this.isEmpty) this.#inside++;
    else await this.#turn();
    try {
      return await task();
    } finally {
      if (--this.#inside === 0) this.#callNext();
    }
  }

  #turn(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#watch();
    return turn;
  }

  #callNext(): void {
    this.#overdue?.abort();
    this.#overdue = undefined;
    this.#letIn = 1;
    this.#admit(1);
  }

  /** From here on they count as inside, though their tasks begin a moment later. */
  #admit(count: number): void {
    for (const enter of this.#waiting.splice(0, count)) {
      this.#inside++;
      enter();
    }
    this.#watch();
  }

  /** A clock runs for whoever is inside, as long as somebody waits. */
  #watch(): void {
    if (this.#overdue !== undefined || this.#waiting.length === 0) return;
    const overdue = (this.#overdue = new AbortController());
    wait(this.#patience, undefined, { signal: overdue.signal }).then(
      () => {
        this.#overdue = undefined;
        this.#admit(this.#letIn);
        this.#letIn *= 2;
      },
      () => undefined,
    );
  }
}
