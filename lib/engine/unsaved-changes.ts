import { SessionDestroyedError } from '../session.errors.js';
import { COOKIE_OBSTACLE_REMEDY, obstacleError, type CookieObstacle } from './cookie-obstacle.js';
import type { OpenRequest } from './open-request.js';
import type { SessionContext } from './session-context.js';

/**
 * What becomes of changes that cannot be saved. Over HTTP the log tells of them, and the client finds out by the next response. A
 * message has an error instead: no response follows that would show what has become of the session.
 */
export class UnsavedChanges {
  readonly #context: SessionContext;
  readonly #request: OpenRequest;

  constructor(context: SessionContext, request: OpenRequest) {
    this.#context = context;
    this.#request = request;
  }

  /** Of a new session whose cookie cannot be sent. */
  ofNewSession(obstacle: CookieObstacle): Promise<void> | undefined {
    if (obstacle === 'no-response') return Promise.reject(obstacleError(obstacle, 'The new session cannot be stored'));
    const message = `A new session was not stored: ${COOKIE_OBSTACLE_REMEDY[obstacle]}`;
    if (obstacle === 'head-sent') this.#context.logger.warn(`${message} (${this.#request.route()}).`);
    else this.#context.logger.warnOnce(`${message}.`);
    return undefined;
  }

  /** Of a session that has ended while this request held it, or, with `'retired'`, before. */
  ofEndedSession(obstacle: CookieObstacle | undefined, state: 'retired' | 'gone'): Promise<void> | undefined {
    if (obstacle === 'no-response') {
      const message = 'The session has ended, so what was changed in it cannot be saved: sign in again.';
      return Promise.reject(new SessionDestroyedError(message));
    }
    const when =
      state === 'retired' ? 'came with the id of a session that had ended' : 'was under way when its session ended';
    this.#context.logger.warn(
      `A request ${when}: what it changed in the session was dropped (${this.#request.route()}).`,
    );
    return undefined;
  }
}
