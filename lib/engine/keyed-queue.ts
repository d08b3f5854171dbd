import { setTimeout as wait } from 'node:timers/promises';

import { SessionConflictError } from '../session.errors.js';

/**
 * How long a task may keep others waiting, in milliseconds. A store may hang, and the function of an update is the application's: it
 * may wait for the very request that waits behind it.
 */
const PATIENCE_MS = 100;

/** How many tasks may wait on one key. One client could otherwise pile up requests, each with its body and its response, without end. */
const MOST_WAITING = 1000;

/** The client's end of a connection, such as a response of Node's. */
export interface LeavingClient {
  /** Whether the connection is gone, or all of the response was sent. */
  readonly destroyed: boolean;
  /** Whether all of the response was sent: then the client has not left, it was served. */
  readonly writableFinished: boolean;
}

/** A task that waits. */
interface Waiting {
  readonly client: LeavingClient | undefined;
  readonly admit: () => void;
  readonly turnAway: () => void;
}

/**
 * Lets one task at a time work on a key, first come, first served, and tasks on different keys side by side. It saves collisions
 * and is no lock: when a task takes too long, those that wait go ahead, first one, then two, then four, so that one slow moment
 * does not make all of them collide.
 */
export class KeyedQueue {
  readonly #patience: number;
  readonly #queues = new Map<string, Queue>();

  /** @param patience milliseconds that a task may keep others waiting. */
  constructor(patience = PATIENCE_MS) {
    this.#patience = patience;
  }

  /** Whether a task works on this key or waits for it. */
  isBusy(key: string): boolean {
    return this.#queues.has(key);
  }

  /**
   * Enters the queue. A task that was let in must {@link leave}.
   * @param client whose task it is. A task whose client has left meanwhile is turned away.
   * @returns when the task may begin; `undefined`: at once.
   * @throws {SessionConflictError} as a rejection, when too many wait, or the client has left before the task's turn came.
   */
  enter(key: string, client?: LeavingClient): Promise<void> | undefined {
    const queue = this.#queues.get(key);
    if (queue !== undefined) return queue.wait(client);
    this.#queues.set(key, new Queue(this.#patience));
    return undefined;
  }

  /** Ends a task, and lets the next one in. */
  leave(key: string): void {
    const queue = this.#queues.get(key);
    queue?.leave();
    if (queue?.isEmpty) this.#queues.delete(key);
  }
}

/** The tasks on one key: those that were let in, and those that wait. It begins with one inside. */
class Queue {
  readonly #patience: number;
  #waiting: Waiting[] = [];
  #inside = 1;
  #letIn = 1;
  #overdue: AbortController | undefined;

  constructor(patience: number) {
    this.#patience = patience;
  }

  get isEmpty(): boolean {
    return this.#inside === 0 && this.#waiting.length === 0;
  }

  async wait(client: LeavingClient | undefined): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) this.#turnAwayThoseWhoLeft();
    if (this.#waiting.length >= MOST_WAITING) throw conflict(`${MOST_WAITING} others wait before it`);
    await new Promise<void>((admit, reject) => {
      this.#waiting.push({ client, admit, turnAway: () => reject(conflict('its client has left')) });
      this.#watch();
    });
  }

  leave(): void {
    if (--this.#inside > 0) return;
    this.#overdue?.abort();
    this.#overdue = undefined;
    this.#letIn = 1;
    this.#admit(1);
  }

  #turnAwayThoseWhoLeft(): void {
    const stay: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (hasLeft(waiting.client)) waiting.turnAway();
      else stay.push(waiting);
    }
    this.#waiting = stay;
  }

  /** From here on the admitted tasks count as inside, though they begin a moment later. */
  #admit(count: number): void {
    let places = count;
    while (places > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (hasLeft(next.client)) {
        next.turnAway();
        continue;
      }
      places--;
      this.#inside++;
      next.admit();
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
