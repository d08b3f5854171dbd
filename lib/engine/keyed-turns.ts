import { Turns } from './turns.js';

/** Runs tasks on one key one after another, and tasks on different keys side by side. */
export class KeyedTurns {
  readonly #turns = new Map<string, Turns>();

  async run<R>(key: string, task: () => Promise<R>): Promise<R> {
    let turns = this.#turns.get(key);
    if (turns === undefined) this.#turns.set(key, (turns = new Turns()));
    try {
      return await turns.run(task);
    } finally {
      if (!turns.isBusy) this.#turns.delete(key);
    }
  }
}
