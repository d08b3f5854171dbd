import type { LiveSession } from '../session/session-members.js';
import type { CookieObstacle } from './cookie-obstacle.js';
import type { LeavingClient } from './keyed-queue.js';
import { OpenSession, type Opening, type OpenSessionParts } from './open-session.js';
import { PresentedSessions, type FoundSession, type PresentedSessionsParts } from './presented-sessions.js';

/** What the engine must know beside what every open session knows. */
export interface SessionEngineParts extends OpenSessionParts, PresentedSessionsParts {}

/** What a request brings along. */
export interface Presented {
  /** The values of the session cookie, as sent; there may be several of that name. */
  readonly cookies: readonly string[];
  /** The values of the cookie of the library that was used before. */
  readonly oldCookies: readonly string[];
  /** The client's address in canonical form; asked for only when sessions are pinned. */
  readonly address: () => string;
  /** What a new record says of `_permanent`; absent: nothing. */
  readonly permanent?: boolean | undefined;
  /** Why the answer cannot carry the cookie, if that is known beforehand. */
  readonly cookieObstacle?: CookieObstacle | undefined;
  /** Method and route, to name in a warning. */
  readonly route: () => string;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: LeavingClient | undefined;
  /** Called when another object stands for the session. */
  readonly onReplaced?: ((live: LiveSession) => void) | undefined;
}

/** Opens sessions. What happens to them afterwards, up to the commit, is {@link OpenSession}'s part of the engine. */
export class SessionEngine {
  readonly #parts: SessionEngineParts;

  constructor(parts: SessionEngineParts) {
    this.#parts = parts;
  }

  /**
   * Cookie, signature, well-formed id, record, lifetime, pin: where none of the cookies gets that far, a new, empty session opens,
   * under an id of its own, for an id that the store does not know is never adopted. Without an id there is no store command.
   */
  async open(request: Presented): Promise<OpenSession> {
    const address = this.#parts.pin && request.address();
    const { cookies, oldCookies, ...rest } = request;
    const presented = new PresentedSessions(this.#parts, { cookies, oldCookies, address });
    const opening: Opening = { ...rest, address, presented };
    const found = (await presented.findLive()) ?? (await this.#takeOver(request, opening));
    if (found === 'retired') return new OpenSession(this.#parts, { ...opening, retired: true });
    return new OpenSession(this.#parts, { ...opening, ...found });
  }

  /** A session that another library left, where no cookie of ours opens one. */
  async #takeOver(
    { oldCookies }: Presented,
    { address, permanent, presented }: Opening,
  ): Promise<FoundSession | 'retired' | undefined> {
    if (presented.isRetired) return 'retired';
    const { takeover, lifetime } = this.#parts;
    const taken = oldCookies.length > 0 ? await takeover?.open(oldCookies, { addr: address, permanent }) : undefined;
    if (taken === 'retired' || taken === undefined) return taken;
    const { id, record } = taken;
    if (lifetime.isExpired(record.meta) || !(await presented.accepts(id, record))) return undefined;
    // As for a cookie that was signed with an old secret, a save shows whether the id still holds before the new cookie leaves.
    return { id, record, rotated: true };
  }
}
