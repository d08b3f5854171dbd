import { SessionConflictError } from '../session.errors.js';
import type { Change, SyncChange } from './record-change.js';

/**
 * After how many milliseconds the first waiting task goes ahead of a slow one; after the same time again two more do, then four. A
 * store may hang; and the function of an update belongs to the
 * application, which may let it wait for the very request that waits behind it.
 */
const PATIENCE_MS = 100;

/** How many tasks may wait on one key. Without a limit one client could pile up requests, each with its body and its response. */
const MAX_WAITING = 1000;

/** The client's end of a connection, such as Node's response. */
export interface ClientConnection {
  /** Whether the connection is closed, or the whole response was sent. */
  readonly destroyed: boolean;
  /** Whether the whole response was sent: then the client was served and has not left. */
  readonly writableFinished: boolean;
}

/**
 * How waiting ended: the task is let in, and gets the text that the one before it has left; another save has done this one with its
 * own, and has written the text; it has found no record; or the task has to wait again, `'alone'` so that no other save does it.
 */
export type Admission =
  | { readonly outcome: 'inside'; readonly text: string | undefined }
  | { readonly outcome: 'replaced'; readonly text: string | undefined; readonly change: Change }
  | { readonly outcome: 'gone' }
  | 'again'
  | 'alone';

/** A task that waits to be let in. */
export interface WaitingSave {
  readonly client: ClientConnection | undefined;
  /** Absent: no other save can do this one with its own. */
  readonly change: SyncChange | undefined;
  readonly admit: (admission: Admission) => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Lets one task at a time work on a key, in the order in which they came; tasks on different keys run side by side. It saves
 * collisions and is no lock. When a task takes too long, the waiting tasks go ahead: first one, then two, then four, so that one
 * slow moment does not make all of them collide.
 *
 * A task may leave a text to the one that is let in as it ends. The queue keeps none: where no task waits, the text is dropped.
 */
export class KeyedQueue {
  readonly #patience: number;
  readonly #queues = new Map<string, Queue>();

  /** @param patience how long a task may keep others waiting, in milliseconds. */
  constructor(patience = PATIENCE_MS) {
    this.#patience = patience;
  }

  /**
   * Enters the queue. A task that was let in must call {@link KeyedQueue.leave}.
   * @param client the client of the task. If it leaves while the task waits, the queue turns the task away.
   * @param change what the task does, if another save may do it with its own.
   * @returns a promise that resolves when waiting ends; `undefined` when the task may begin at once.
   * @throws {SessionConflictError} when too many tasks wait, or when the client has left before the task's turn came. The promise
   * rejects with it.
   */
  enter(key: string, client?: ClientConnection, change?: SyncChange): Promise<Admission> | undefined {
    const queue = this.#queues.get(key);
    if (queue !== undefined) return queue.wait(client, change);
    this.#queues.set(key, new Queue(this.#patience));
    return undefined;
  }

  /** Offers the tasks that wait, in their order, to one that is inside, until `add` refuses one. The others leave the queue. */
  join(key: string, add: (waiting: WaitingSave) => boolean): void {
    this.#queues.get(key)?.join(add);
  }

  /**
   * Ends a task and lets the next one in.
   * @param left the text for that one, which gets it only if no other task was let in beside this one: that task's may be newer.
   */
  leave(key: string, left?: string): void {
    const queue = this.#queues.get(key);
    queue?.leave(left);
    if (queue?.isEmpty) this.#queues.delete(key);
  }
}

/** The tasks on one key: those that were let in, and those that wait. The queue is made with one task inside. */
class Queue {
  readonly #patience: number;
  #waiting: WaitingSave[] = [];
  #inside = 1;
  #letIn = 1;
  #overdue: NodeJS.Timeout | undefined;

  constructor(patience: number) {
    this.#patience = patience;
  }

  get isEmpty(): boolean {
    return this.#inside === 0 && this.#waiting.length === 0;
  }

  wait(client: ClientConnection | undefined, change: SyncChange | undefined): Promise<Admission> {
    if (this.#waiting.length >= MAX_WAITING) this.#turnAwayThoseWhoLeft();
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(conflict(`${MAX_WAITING} others wait before it`));
    return new Promise((admit, refuse) => {
      this.#waiting.push({ client, change, admit, refuse });
      this.#watch();
    });
  }

  join(add: (waiting: WaitingSave) => boolean): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (hasLeft(next.client)) turnAway(next);
      else if (!add(next)) break;
      this.#waiting.shift();
    }
    this.#watch();
  }

  leave(left: string | undefined): void {
    if (--this.#inside > 0) return;
    const wasAlone = this.#letIn === 1;
    this.#overdue?.refresh();
    this.#letIn = 1;
    this.#admit(1, wasAlone ? left : undefined);
  }

  #turnAwayThoseWhoLeft(): void {
    const stay: WaitingSave[] = [];
    for (const waiting of this.#waiting) {
      if (hasLeft(waiting.client)) turnAway(waiting);
      else stay.push(waiting);
    }
    this.#waiting = stay;
  }

  /** Lets tasks in. They count as inside from here on, though they begin a moment later. */
  #admit(count: number, left?: string): void {
    let places = count;
    while (places > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (hasLeft(next.client)) {
        turnAway(next);
        continue;
      }
      places--;
      this.#inside++;
      next.admit({ outcome: 'inside', text: left });
    }
    this.#watch();
  }

  /** Runs a timer for the tasks inside, as long as others wait. */
  #watch(): void {
    if (this.#waiting.length === 0) {
      clearTimeout(this.#overdue);
      this.#overdue = undefined;
      return;
    }
    this.#overdue ??= setTimeout(() => {
      this.#overdue = undefined;
      this.#admit(this.#letIn);
      this.#letIn *= 2;
    }, this.#patience);
  }
}

function turnAway({ refuse }: WaitingSave): void {
  refuse(conflict('its client has left'));
}

function hasLeft(client: ClientConnection | undefined): boolean {
  return client !== undefined && client.destroyed && !client.writableFinished;
}

function conflict(reason: string): SessionConflictError {
  return new SessionConflictError(`Other requests are saving the session, and this one gave up: ${reason}.`);
}
