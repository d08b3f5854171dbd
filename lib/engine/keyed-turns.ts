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
  /** Whether the client has left. */
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

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

  /**
   * @param client whose task it is; it leaves the queue with its client.
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
    if (this.#waiting.length >= MOST_WAITING) throw conflict(`${MOST_WAITING} others wait before it`);
    if (client?.destroyed) throw conflict('its client has left');
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(conflict('its client has left'));
      };
      const enter = (): void => {
        client?.off('close', leave);
        resolve();
      };
      this.#waiting.push(enter);
      client?.once('close', leave);
      this.#watch();
    });
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

function conflict(reason: string): SessionConflictError {
  return new SessionConflictError(`Other requests are saving the session, and this one gave up: ${reason}.`);
}
