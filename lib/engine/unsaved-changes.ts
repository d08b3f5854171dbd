import type { SessionLogger } from '../session/session-logger.js';
import { COOKIE_OBSTACLE_REMEDY, obstacleError, type CookieObstacle } from './cookie-obstacle.js';
import { endedError } from './ended-error.js';
import type { RecordState } from './record-state.js';

/** A session that may hold changes. */
interface ChangedSession {
  readonly hasCalls: boolean;
  readonly hasEdits: boolean;
  readonly data: { readonly hasChanges: boolean };
}

/**
 * Tells what becomes of changes that cannot be saved. Over HTTP they are dropped with a warning, as the next request of the browser
 * shows it. A message of a gateway has no response, so there it is an error.
 */
export class UnsavedChanges {
  readonly #logger: SessionLogger;
  readonly #route: () => string;

  constructor(logger: SessionLogger, route: () => string) {
    this.#logger = logger;
    this.#route = route;
  }

  /** Of a new session whose cookie cannot be sent. */
  ofNewSession(obstacle: CookieObstacle): Promise<void> | undefined {
    if (obstacle === 'no-response') return Promise.reject(obstacleError(obstacle, 'The new session cannot be stored'));
    const message = `A new session was not stored: ${COOKIE_OBSTACLE_REMEDY[obstacle]}`;
    if (obstacle === 'head-sent') this.#logger.warn(`${message} (${this.#route()}).`);
    else this.#logger.warnOnce(`${message}.`);
    return undefined;
  }

  /** Of a session that was changed after its response, or after its message was handled. */
  ofLateChange({ hasCalls, hasEdits, data }: ChangedSession, obstacle: CookieObstacle | undefined): void {
    // A call such as `save` takes care of it.
    if (hasCalls || !(data.hasChanges || hasEdits)) return;
    const end = obstacle === 'no-response' ? 'message was handled' : 'response was sent';
    this.#logger.warnOnce(
      `The session of ${this.#route()} was changed after its ${end}, which saves nothing: change it before, or call session.save() after the change, which cannot store a new session then.`,
    );
  }

  /** Of a session that has ended, or whose id had a tombstone when it was opened. */
  ofEndedSession(state: RecordState, obstacle: CookieObstacle | undefined): Promise<void> | undefined {
    if (obstacle === 'no-response') {
      return Promise.reject(endedError('save'));
    }
    const when =
      state === 'retired' ? 'came with the id of a session that had ended' : 'was under way when its session ended';
    this.#logger.warn(`A request ${when}: what it changed in the session was dropped (${this.#route()}).`);
    return undefined;
  }
}
