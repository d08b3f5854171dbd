import type { LiveSession } from '../session/session-members.js';
import type { CookieObstacle } from './cookie-obstacle.js';
import type { LeavingClient } from './keyed-queue.js';

/** What a request gives the engine to open a session with. */
export interface OpenRequest {
  /** The values of the session cookie, as sent. There may be several of that name. */
  readonly cookies: readonly string[];
  /** The values of the cookie of the library whose sessions are migrated. */
  readonly migrationCookies: readonly string[];
  /** The client's address in canonical form. It is asked for only when sessions are pinned. */
  address(): string;
  /** The value of `_permanent` in a new record. Absent: none. */
  readonly permanent?: boolean | undefined;
  /** Why the response cannot carry the cookie, if that is known beforehand. */
  readonly cookieObstacle?: CookieObstacle | undefined;
  /** Method and route, to name in a warning. */
  route(): string;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: LeavingClient | undefined;
  /** Shows the live session where the application finds it. Called again when another live session stands for this one. */
  show?(live: LiveSession): void;
}
