import { setTimeout as wait } from 'node:timers/promises';

import { SessionConflictError } from '../session.errors.js';

/**
 * How long a task may keep others waiting, in milliseconds. A store may hang, and the function of an update is the user's: it
 * may wait for the very request that waits behind it.
 */
const PATIENCE_MS = 100;

/** How many tasks may wait on one key. One client could otherwise pile up requests, each with its body and its answer, without end. */
const MOST_WAITING = 1000;

/** The client's end of a connection, such as a response of Node's. */
export interface LeavingClient {
  /** Whether the connection is gone, or all of the answer was sent. */
  readonly destroyed: boolean;
  /** Whether all of the answer was sent: then the client has not left, it was served. */
  readonly writableFinished: boolean;
}

/** A task that waits for its turn. */
interface Waiting {
  readonly client: LeavingClient | undefined;
  readonly enter: () => void;
  readonly leave: () => void;
}

/**
 * Runs tasks on one key one after another, and tasks on different keys side by side. It saves collisions and is no lock: when a
 * task takes too long, those who wait go ahead, first one, then two, then four, so that one slow moment does not
 * make all of them collide.
 */
export class KeyedQueue {
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

  /**
   * @param client whose task it is; where that has left by then, the task's turn is passed on.
   * @throws {SessionConflictError} when too many wait, or the client has left before the task's turn came.
   */
  async run<R>(key: string, task: () => Promise<R>, client?: LeavingClient): Promise<R> {
    const queue = this.#queues.get(key) ?? new Queue(this.#patience);
    this.#queues.set(key, queue);
    try {
      return await queue.run(task, client);
    } finally {
      if (queue.isEmpty) this.#queues.delete(key);
    }
  }
}

/** Those who wait for their turn, first come first served. */
class Queue {
  readonly #patience: number;
  #waiting: Waiting[] = [];
  #inside = 0;
  #letIn = 1;
  #overdue: AbortController | undefined;

  constructor(patience: number) {
    this.#patience = patience;
  }

  get isEmpty(): boolean {
    return this.#inside === 0 && this.#waiting.length === 0;
  }

  async run<R>(task: () => Promise<R>, client: LeavingClient | undefined): Promise<R> {
    if (this.isEmpty) this.#inside++;
    else await this.#turn(client);
    try {
      return await task();
    } finally {
      if (--this.#inside === 0) this.#callNext();
    }
  }

  async #turn(client: LeavingClient | undefined): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) this.#dropThoseWhoLeft();
    if (this.#waiting.length >= MOST_WAITING) throw conflict(`${MOST_WAITING} others wait before it`);
    await new Promise<void>((enter, reject) => {
      this.#waiting.push({ client, enter, leave: () => reject(conflict('its client has left')) });
      this.#watch();
    });
  }

  #dropThoseWhoLeft(): void {
    const stay: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (hasLeft(waiting.client)) waiting.leave();
      else stay.push(waiting);
    }
    this.#waiting = stay;
  }

  #callNext(): void {
    this.#overdue?.abort();
    this.#overdue = undefined;
    this.#letIn = 1;
    this.#admit(1);
  }

  /** From here on they count as inside, though their tasks begin a moment later. */
  #admit(count: number): void {
    let places = count;
    while (places > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (hasLeft(next.client)) {
        next.leave();
        continue;
      }
      places--;
      this.#inside++;
      next.enter();
    }
    this.#watch();
  }

  /** A clock runs for the tasks inside, as long as others wait. */
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

function hasLeft(client: LeavingClient | undefined): boolean {
  return client !== undefined && client.destroyed && !client.writableFinished;
}

function conflict(reason: string): SessionConflictError {
  return new SessionConflictError(`Other requests are saving the session, and this one gave up: ${reason}.`);
}
