import type { LiveSession } from '../session/session-members.js';
import type { AnyRequest } from './any-request.js';

/**
 * Shows `request.session` on every object that stands for one request: Nest's own `@Session()` and Passport read it there. On
 * Fastify there are two such objects: Node's request for middleware, and Fastify's own for everything later.
 */
export class ExposedSession {
  readonly #requests: AnyRequest[] = [];
  readonly #stale: LiveSession | undefined;
  #live: LiveSession | undefined;
  #owner: object | undefined;

  /** @param stale the session that an earlier message of the same connection has left on the request. */
  constructor(stale?: LiveSession) {
    this.#stale = stale;
  }

  /** The objects that stand for the request, the framework's own last. */
  get requests(): readonly AnyRequest[] {
    return this.#requests;
  }

  /** Adds an object that stands for the request. It shows the session too, now and later. */
  add(request: AnyRequest): void {
    if (this.#requests.includes(request)) return;
    this.#requests.push(request);
    if (this.#live !== undefined) expose(request, this.#live, this.#stale);
  }

  /** Whether another owner's session shows, which this owner's would have to replace. */
  isTakenFrom(owner: object): boolean {
    return this.#owner !== undefined && this.#owner !== owner;
  }

  /** Shows this session in place of the one that was shown before. */
  show(live: LiveSession, owner: object): void {
    const before = this.#live ?? this.#stale;
    this.#live = live;
    this.#owner = owner;
    if (before !== live) for (const request of this.#requests) expose(request, live, before);
  }

  /** Whether the application has set `request.session` to null, as express-session allows. */
  get isNull(): boolean {
    return this.#live !== undefined && this.#requests.some((request) => request.session === null);
  }
}

/** Shows the session on one object, unless the application uses the name for something of its own. */
function expose(request: AnyRequest, live: LiveSession, before: LiveSession | undefined): void {
  if (request.session != null && request.session !== before) return;
  // Plain assignment is faster, but would call a setter that the request inherits.
  if (!('session' in request)) request.session = live;
  else Object.defineProperty(request, 'session', { value: live, writable: true, configurable: true, enumerable: true });
}
