import type { CookieObstacle } from './cookie-obstacle.js';
import type { PresentedSessions } from './presented-sessions.js';

/** What the response has to do about the session cookie. */
export type CookieNeed = 'none' | 'set' | 'expire';

/** The session cookie of a response: what to do about it, and whether the response can. */
export class ResponseCookie {
  readonly #presented: PresentedSessions;
  #need: CookieNeed = 'none';
  #obstacle: CookieObstacle | undefined;
  #isDestroying = false;

  constructor(presented: PresentedSessions, obstacle: CookieObstacle | undefined) {
    this.#presented = presented;
    this.#obstacle = obstacle;
  }

  /** Why the response cannot carry the cookie, if it cannot. */
  get obstacle(): CookieObstacle | undefined {
    return this.#obstacle;
  }

  /**
   * The cookie action for the response; once the head is formed, the action that it should have contained. So `'head-sent'` is no
   * obstacle here.
   */
  get need(): CookieNeed {
    if (this.#obstacle !== undefined && this.#obstacle !== 'head-sent') return 'none';
    return this.#isDestroying ? this.expiry : this.#need;
  }

  /** The action that was decided, whether or not the response can carry it. */
  get decided(): CookieNeed {
    return this.#need;
  }

  /** The action for the cookie of a session that is over. A cookie that the browser does not have cannot expire. */
  get expiry(): CookieNeed {
    return this.#presented.isAny ? 'expire' : 'none';
  }

  decide(need: CookieNeed): void {
    this.#need = need;
  }

  /** Notes that no response can carry the cookie from here on. The first obstacle counts. */
  withhold(obstacle: CookieObstacle): void {
    this.#obstacle ??= obstacle;
  }

  /** Notes that a destroy has begun. If it fails, the response fails too, so the head may already say that the cookie expires. */
  beginDestroy(): void {
    this.#isDestroying = true;
  }

  endDestroy(): void {
    this.#isDestroying = false;
  }
}
