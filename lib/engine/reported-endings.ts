import { TOMBSTONE_SECONDS } from '../session/tombstone.js';

/** How many endings are remembered. */
const MOST = 10_000;

/**
 * The sessions whose end was published a short while ago. Two requests that log out at once both find the session, and a write of a
 * tombstone does not tell which of them was first.
 */
export class ReportedEndings {
  /** Until when each is remembered, in milliseconds, the oldest first. */
  readonly #until = new Map<string, number>();

  /**
   * Notes an ending.
   * @param seconds how long to remember it. @default for as long as a tombstone keeps the id from coming back
   * @returns `false` when it was noted before.
   */
  add(handle: string, seconds = TOMBSTONE_SECONDS): boolean {
    const now = Date.now();
    if ((this.#until.get(handle) ?? 0) > now) return false;
    this.#until.delete(handle);
    this.#until.set(handle, now + seconds * 1000);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MOST && oldest !== undefined) this.#until.delete(oldest);
    return true;
  }

  /** Notes that a session has this handle again. */
  delete(handle: string): void {
    this.#until.delete(handle);
  }
}
