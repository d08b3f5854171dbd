import { AsyncResource } from 'node:async_hooks';

import { LinkedQueue, type Linked } from './linked-queue.js';

/** A command that waits for its answer. */
export interface WaitingCommand {
  /** Called when the deadline has passed. The command has left the queue by then. */
  expire(): void;
}

/** A command's place in the queue. */
export interface Place extends Linked<Place> {
  readonly command: WaitingCommand;
  readonly due: number;
}

/**
 * The commands of one store that wait for an answer. All wait equally long, so they fall due in the order in which they came, and
 * one timer serves them all: the one of the oldest.
 */
export class DeadlineQueue {
  readonly #milliseconds: number;
  /** Where the store was made. A timer keeps the context in which it was set, which would be that of some request. */
  readonly #origin = new AsyncResource('nest-session.deadlines');
  readonly #places = new LinkedQueue<Place>();
  #timer: NodeJS.Timeout | undefined;
  readonly #onEmpty: (() => void)[] = [];

  /** @param milliseconds how long a command may wait. */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Adds a command. The process stays alive until it leaves or expires. */
  enter(command: WaitingCommand): Place {
    const wasEmpty = this.#places.oldest === undefined;
    const due = performance.now() + this.#milliseconds;
    const place: Place = { command, due, older: undefined, newer: undefined };
    this.#places.add(place);
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
    else if (wasEmpty) this.#timer.ref();
    return place;
  }

  /** Removes a command that is in the queue. The timer goes on, for the commands that come next. */
  leave(place: Place): void {
    this.#places.remove(place);
    if (this.#places.oldest === undefined) this.#becomeEmpty();
  }

  /** Waits until no command is in the queue. */
  async empty(): Promise<void> {
    if (this.#places.oldest === undefined) return;
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  #becomeEmpty(): void {
    this.#timer?.unref();
    for (const notify of this.#onEmpty.splice(0)) notify();
  }

  #wait(milliseconds: number): void {
    this.#timer = this.#origin.runInAsyncScope(setTimeout, undefined, this.#onTimer, milliseconds);
  }

  readonly #onTimer = (): void => {
    const now = performance.now();
    // Timers run before sockets are read: after a busy second the answer may lie there unread, so look once more.
    setImmediate(() => {
      this.#expire(now);
      this.#timer = undefined;
      const { oldest } = this.#places;
      if (oldest !== undefined) this.#wait(oldest.due - now);
    });
  };

  /** Expires the commands that were due at that time. */
  #expire(now: number): void {
    const places = this.#places;
    for (let place = places.oldest; place && place.due <= now; place = places.oldest) {
      this.leave(place);
      place.command.expire();
    }
  }
}
