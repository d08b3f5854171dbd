import { setTimeout as wait } from 'node:timers/promises';

/**
 * How long a task may keep the next one waiting, in milliseconds. A store may hang, and the function of an update is the
 * user's: it may wait for the very request that waits behind it.
 */
const PATIENCE_MS = 100;

/**
 * Runs tasks on one key one after another, and tasks on different keys side by side. It saves collisions and is no lock: who
 * has waited long enough for a task that runs goes ahead.
 */
export class KeyedTurns {
  readonly #last = new Map<string, Place>();

  /** Whether a task on this key runs or waits. */
  isBusy(key: string): boolean {
    return this.#last.has(key);
  }

  async run<R>(key: string, task: () => Promise<R>): Promise<R> {
    const before = this.#last.get(key);
    const place = new Place();
    this.#last.set(key, place);
    try {
      await before?.isLeft();
      place.begin();
      return await task();
    } finally {
      place.end();
      if (this.#last.get(key) === place) this.#last.delete(key);
    }
  }
}

/** One task's place in the queue. */
class Place {
  begin = (): void => {};
  end = (): void => {};
  readonly #begun = new Promise<void>((resolve) => (this.begin = resolve));
  readonly #ended = new Promise<void>((resolve) => (this.end = resolve));

  /** When the next one may begin. */
  async isLeft(): Promise<void> {
    await Promise.race([this.#begun, this.#ended]);
    const ended = new AbortController();
    const patience = wait(PATIENCE_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    await Promise.race([this.#ended, patience]);
    ended.abort();
  }
}
