import { standsFor } from '../session/live-session.js';
import type { LiveSession } from '../session/session-members.js';
import type { AnyRequest } from './any-request.js';

type FastifyRequest = AnyRequest & { readonly server?: { hasRequestDecorator?(name: string): boolean } };

/** A session that shows on the request. */
interface Shown {
  /** The property under which it shows. */
  readonly name: string;
  /** The one that an earlier message of the same connection has left on the request. */
  readonly stale?: LiveSession | undefined;
  live?: LiveSession | undefined;
  owner?: object | undefined;
}

/**
 * Shows sessions as properties of every object that stands for one request: Nest's own `@Session()` and Passport read
 * `request.session`. On Fastify there are two such objects: Node's request for middleware, and Fastify's own for everything later.
 */
export class ExposedSession {
  readonly #requests: AnyRequest[] = [];
  /** One for each name; usually one. */
  readonly #shown: Shown[];

  /** @param earlier what an earlier message of the same connection has left on the request. */
  constructor(earlier?: ExposedSession) {
    const shown = earlier === undefined ? [] : earlier.#shown;
    this.#shown = shown.map(({ name, stale, live = stale }) => ({ name, stale: live }));
  }

  /** The objects that stand for the request, the framework's own last. */
  get requests(): readonly AnyRequest[] {
    return this.#requests;
  }

  /** Adds an object that stands for the request. It shows the sessions too, now and later. */
  add(request: AnyRequest): void {
    if (this.#requests.includes(request)) return;
    this.#requests.push(request);
    for (const { name, live, stale } of this.#shown) if (live !== undefined) expose(request, name, { live, stale });
  }

  /** Whether another owner's session shows under the name, which this owner's would have to replace. */
  isTakenFrom(owner: object, name: string): boolean {
    const before = this.#find(name)?.owner;
    return before !== undefined && before !== owner;
  }

  /** Shows this session in place of the one that was shown before. */
  show(live: LiveSession, owner: object, name: string): void {
    const shown = this.#find(name);
    const before = shown?.live ?? shown?.stale;
    if (shown === undefined) this.#shown.push({ name, live, owner });
    else Object.assign(shown, { live, owner });
    if (before !== live) for (const request of this.#requests) expose(request, name, { live, stale: before });
  }

  /** What the application, or another library, has put in the place of the session: `undefined` when the session shows. */
  insteadOf(owner: object, name: string): unknown {
    const shown = this.#find(name);
    const live = shown?.live;
    if (live === undefined || shown?.owner !== owner) return undefined;
    return this.#requests
      .map((request) => valueOf(request, name))
      .find((value) => value !== live && !standsFor(value, live));
  }

  #find(name: string): Shown | undefined {
    for (const shown of this.#shown) if (shown.name === name) return shown;
    return undefined;
  }
}

/** Shows the session on one object, unless something else has the name: null, too, by which a library says that nobody is signed in. */
function expose(
  request: AnyRequest,
  name: string,
  { live, stale }: { readonly live: LiveSession; readonly stale: LiveSession | undefined },
): void {
  const value = valueOf(request, name);
  const isFree = value === undefined || value === stale || (value === null && isDecorated(request, name));
  if (!isFree) return;
  // Plain assignment is faster, but would call a setter that the request inherits.
  if (!(name in request)) (request as Record<string, unknown>)[name] = live;
  else Object.defineProperty(request, name, { value: live, writable: true, configurable: true, enumerable: true });
}

/** Whether Fastify itself has put null there, as the application has told it to by `decorateRequest`, for whoever fills it in. */
function isDecorated(request: AnyRequest, name: string): boolean {
  return (request as FastifyRequest).server?.hasRequestDecorator?.(name) === true;
}

function valueOf(request: AnyRequest, name: string): unknown {
  return (request as Readonly<Record<string, unknown>>)[name];
}
