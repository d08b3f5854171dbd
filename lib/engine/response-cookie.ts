import type { Removal } from '../session/session-record.js';
import type { ActionQueue } from './action-queue.js';
import { obstacleError, type CookieObstacle } from './cookie-obstacle.js';
import type { FoundSession, PresentedSessions } from './presented-sessions.js';
import type { RecordState } from './record-state.js';

/** What the response has to do about the session cookie. */
export type CookieAction = 'none' | 'set' | 'expire';

/** The session cookie of a response: what to do about it, and whether the response can. */
export class ResponseCookie {
  readonly #presented: PresentedSessions;
  readonly #actions: ActionQueue;
  #action: CookieAction = 'none';
  #obstacle: CookieObstacle | undefined;

  constructor(presented: PresentedSessions, actions: ActionQueue, obstacle: CookieObstacle | undefined) {
    this.#presented = presented;
    this.#actions = actions;
    this.#obstacle = obstacle;
  }

  /** Why the response cannot carry the cookie, if it cannot. */
  get obstacle(): CookieObstacle | undefined {
    return this.#obstacle;
  }

  /** Whether the session may be renewed. A cookie that a response cannot carry would end before the session; a message has none. */
  get mayRenew(): boolean {
    return this.#obstacle === undefined || this.#obstacle === 'no-response';
  }

  /**
   * The cookie action for the response; once the head is formed, the action that it should have contained. So `'head-sent'` is no
   * obstacle here.
   */
  get action(): CookieAction {
    if (this.#obstacle !== undefined && this.#obstacle !== 'head-sent') return 'none';
    return this.#actions.isDestroying ? this.actionWhenOver : this.#action;
  }

  /** The action that was decided, whether or not the response can carry it. */
  get decided(): CookieAction {
    return this.#action;
  }

  /** The action for the cookie of a session that is over. A cookie that the browser does not have cannot expire. */
  get actionWhenOver(): CookieAction {
    return this.#presented.isAny ? 'expire' : 'none';
  }

  /**
   * What a destroyed or retired record leaves. If the response cannot expire the cookie, the browser keeps it: then its id must be
   * able to open a new session at once.
   */
  get removal(): Removal {
    return this.#obstacle === undefined ? 'tombstone' : 'delete';
  }

  /**
   * Whether the browser should get another cookie for the session that it has opened. It is sent only together with a save, which shows
   * whether the id is still the session's.
   */
  isOutdated(found: FoundSession | undefined): boolean {
    return found?.needsNewCookie === true && this.#obstacle !== 'no-response';
  }

  /** @throws {SessionConfigurationError} when the session is stored, and the response cannot carry another cookie for it. */
  needFor({ state }: { readonly state: RecordState }, failure: string): void {
    if (this.#obstacle !== undefined && state === 'known') throw obstacleError(this.#obstacle, failure);
  }

  decide(action: CookieAction): void {
    this.#action = action;
  }

  /** Notes that no response can carry the cookie from here on. The first obstacle counts. */
  withhold(obstacle: CookieObstacle): void {
    this.#obstacle ??= obstacle;
  }
}
