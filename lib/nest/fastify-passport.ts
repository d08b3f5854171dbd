import type { INestApplication } from '@nestjs/common';

import type { LiveSession } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import { PassportRoutes } from './passport-routes.js';
import type { SessionService } from './session.service.js';

/** What @fastify/passport and @fastify/flash call on `request.session`, in the manner of @fastify/session. */
interface PassportSession {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  data(): Record<string, unknown>;
  regenerate(keep?: readonly string[]): Promise<void>;
}

/** What this file needs of Fastify. */
interface Fastify {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string): unknown;
}

/**
 * Makes a Fastify hook that opens the session for @fastify/passport, and gives `request.session` the methods that it calls. Put it
 * before the hooks of @fastify/passport, as a `preValidation` hook of the routes that use it, or of all. On these routes `get`, `set`
 * and `data` of `request.session` are those methods, and no data of yours; `@Session()` is not affected.
 * @param app the application, on Fastify, before `app.register(passport.initialize())`.
 * @returns the hook. It rejects with the errors of {@link SessionService.open}.
 * @throws {SessionConfigurationError} when no SessionModule has `exposeAs: 'session'`: @fastify/passport looks nowhere else.
 */
export function openForFastifyPassport(app: INestApplication): (request: object) => Promise<void> {
  const sessions = shownAsSession(app);
  const fastify = app.getHttpAdapter().getInstance() as Fastify;
  if (!fastify.hasRequestDecorator('session')) fastify.decorateRequest('session');
  return async (request: { session?: unknown }) => {
    const live = await sessions.open(request);
    // Where something else has the name, a warning says so when the response leaves.
    if (request.session === live) request.session = new Proxy(live, new PassportHandler(live));
  };
}

/** The service of the SessionModule, with a name or without one, whose sessions show where @fastify/passport looks. */
function shownAsSession(app: INestApplication): SessionService {
  const all = app.get(PassportRoutes, { strict: false, each: true }).map(({ sessions }) => sessions);
  const found = all.find(({ exposedAs }) => exposedAs === 'session');
  if (found !== undefined) return found;
  const exposed = all.map(({ exposedAs }) => shown(exposedAs)).join(' and ');
  throw new SessionConfigurationError(
    `@fastify/passport reads request.session, but exposeAs is ${exposed}: write exposeAs: 'session'.`,
  );
}

/** Answers for the methods of @fastify/passport, and leaves all else to the session. */
class PassportHandler implements ProxyHandler<LiveSession> {
  readonly #methods: PassportSession;

  constructor(live: LiveSession) {
    this.#methods = {
      get: (key) => (Object.hasOwn(live, key) ? live[key] : undefined),
      set: (key, value) => {
        // It removes a value by setting it to undefined.
        if (value === undefined) delete live[key];
        else live[key] = value;
      },
      data: () => ({ ...live }),
      regenerate: (keep = []) => live.regenerate({ keep }),
    };
  }

  get(live: LiveSession, key: string | symbol): unknown {
    if (typeof key === 'string' && Object.hasOwn(this.#methods, key))
      return this.#methods[key as keyof PassportSession];
    return Reflect.get(live, key, live) as unknown;
  }
}
