import { SessionEndedError, type SessionEndReason } from '../session.errors.js';

/** The longest time that a timer of Node's takes, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Rechecks come this share of the time earlier, at random, so that sessions that were opened together are not read together. */
const JITTER = 0.25;

/** A session whose end something watches: the signals, and when to read it again. */
export class WatchedSession {
  readonly key: string;
  /** Why it has ended, should the next read find no record. */
  expected: SessionEndReason | undefined;
  readonly #controllers = new Map<object, AbortController>();
  #expiresAt: number;
  #timer: NodeJS.Timeout | undefined;
  /** Whether a read waits for its turn, or runs; `'again'`: another one has to follow it. */
  #check: 'none' | 'waits' | 'runs' | 'again' = 'none';
  #isOver = false;
  /** Whether the last read failed. */
  #isUnknown = false;

  /** @param expiresAt when it ends, in epoch seconds, as far as is known. */
  constructor(key: string, expiresAt: number) {
    this.key = key;
    this.#expiresAt = expiresAt;
  }

  /** Why the session has ended, now that it has no record. */
  get reasonOfGone(): SessionEndReason {
    if (this.expected !== undefined) return this.expected;
    return this.#expiresAt <= Date.now() / 1000 ? 'expired' : 'revoked';
  }

  /** The signal for an owner. All who ask for the same owner get the same one. */
  signalOf(owner: object, controller = new AbortController()): { signal: AbortSignal; isNew: boolean } {
    const found = this.#controllers.get(owner);
    if (found === undefined) this.#controllers.set(owner, controller);
    return { signal: (found ?? controller).signal, isNew: found === undefined };
  }

  /**
   * The owner has closed.
   * @returns whether another one is left.
   */
  leave(owner: object): boolean {
    this.#controllers.delete(owner);
    return this.#controllers.size > 0;
  }

  /** Aborts all signals. */
  end(reason: SessionEndReason): void {
    this.stop();
    const error = new SessionEndedError(reason);
    for (const controller of this.#controllers.values()) controller.abort(error);
  }

  /** Is not read any more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /**
   * Notes that the session has to be read.
   * @returns whether a read has to be queued for that; if not, there is one.
   */
  wantCheck(): boolean {
    clearTimeout(this.#timer);
    if (this.#check === 'none') {
      this.#check = 'waits';
      return true;
    }
    if (this.#check === 'runs') this.#check = 'again';
    return false;
  }

  /** @returns whether to read the session now. */
  beginCheck(): boolean {
    const isWanted = !this.#isOver && (this.#check === 'waits' || this.#check === 'again');
    this.#check = isWanted ? 'runs' : 'none';
    return isWanted;
  }

  /** @param expiresAt when the session ends, by the record that was read; `'unknown'` when the store has failed. */
  endCheck(expiresAt: number | 'unknown'): void {
    this.#isUnknown = expiresAt === 'unknown';
    if (expiresAt === 'unknown') return;
    this.#expiresAt = expiresAt;
    // A read that began before an ending was told says nothing about it.
    if (this.#check !== 'again') this.expected = undefined;
  }

  /**
   * Has the session read again: when it would end, and at the latest after the recheck.
   * @param recheck seconds.
   */
  plan(recheck: number, check: () => void): void {
    const soon = recheck * (1 - JITTER * Math.random());
    // While the store fails, the time at which the session would end may be long past.
    const left = this.#isUnknown ? Infinity : this.#expiresAt - Date.now() / 1000;
    this.#setTimer(Math.min(soon, left), check);
  }

  /**
   * Has the session read again at a random moment.
   * @param within seconds.
   */
  planSoon(within: number, check: () => void): void {
    // A read that runs plans the next one when it ends, in place of this one.
    if (this.#check === 'none') this.#setTimer(within * Math.random(), check);
    else check();
  }

  #setTimer(seconds: number, check: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(check, Math.min(LONGEST_TIMER, Math.max(1, Math.ceil(seconds * 1000))));
    this.#timer.unref();
  }
}
