import type { IncomingMessage } from 'node:http';

import type { LiveSession } from '../session/session-members.js';
import type { CookieObstacle } from './cookie-obstacle.js';
import type { ClientConnection } from './keyed-queue.js';
import type { SignalScope } from './signal-scope.js';

/** What a request gives the engine to open its session. */
export interface OpenRequest {
  /** Node's own request. The signer may choose its secret by it. */
  readonly incoming: IncomingMessage;
  /** The values of the session cookie, as sent. A request may carry several cookies of that name. */
  readonly cookies: readonly string[];
  /** The values of the cookie of the library whose sessions are migrated, as sent. */
  readonly migrationCookies: readonly string[];
  /** The client's address in canonical form. The engine asks for it only when sessions are pinned. */
  address(): string;
  /** The value of `_permanent` in a new record. Absent: a new record has none. */
  readonly permanent?: boolean | undefined;
  /** Why the response cannot carry the cookie, if that is known beforehand. */
  readonly cookieObstacle?: CookieObstacle | undefined;
  /** Method and route, for a warning to name. */
  route(): string;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: ClientConnection | undefined;
  /** How long the signal of the session watches. Absent: until the session ends. */
  signalScope?(): SignalScope;
  /** Shows the live session where the application looks for it. The engine calls this when another takes the place of the first. */
  show?(live: LiveSession): void;
}
