import type { CookieObstacle } from './cookie-obstacle.js';
import type { PresentedSessions } from './presented-sessions.js';

/** What the response has to say about the session cookie. */
export type CookieNeed = 'none' | 'set' | 'expire';

/** The session cookie of a response: what has to be said about it, and whether the response can say it. */
export class ResponseCookie {
  readonly #presented: PresentedSessions;
  #need: CookieNeed = 'none';
  #obstacle: CookieObstacle | undefined;
  #isDestroying = false;

  constructor(presented: PresentedSessions, obstacle: CookieObstacle | undefined) {
    this.#presented = presented;
    this.#obstacle = obstacle;
  }

  /** Why the response cannot carry the cookie. */
  get obstacle(): CookieObstacle | undefined {
    return this.#obstacle;
  }

  /** What the head says, if it is formed now; once it is formed, what it should have said. */
  get need(): CookieNeed {
    if (this.#obstacle !== undefined && this.#obstacle !== 'head-sent') return 'none';
    return this.#isDestroying ? this.expiry : this.#need;
  }

  /** The action that was decided on, whether or not the response can carry it. */
  get decided(): CookieNeed {
    return this.#need;
  }

  /** The action for the cookie of a session that is over: one that the browser does not have cannot expire. */
  get expiry(): CookieNeed {
    return this.#presented.isAny ? 'expire' : 'none';
  }

  decide(need: CookieNeed): void {
    this.#need = need;
  }

  /** From now on no response can carry the cookie. */
  withhold(obstacle: CookieObstacle): void {
    this.#obstacle ??= obstacle;
  }

  /** A destroy begins. Should it fail, the response fails too, so the head may say already that the cookie expires. */
  beginDestroy(): void {
    this.#isDestroying = true;
  }

  endDestroy(): void {
    this.#isDestroying = false;
  }
}
