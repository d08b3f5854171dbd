import type { CanActivate, ExecutionContext } from '@nestjs/common';

import { RequestSlot } from '../http/request-slot.js';
import { HandlerNeedsReader } from './handler-needs.js';
import type { PassportRoutes } from './passport-routes.js';
import type { SessionService } from './session.service.js';

/**
 * Opens the session ahead of handlers that take it, and of Passport. As a global guard it runs before the guards, interceptors, pipes
 * and handlers that may use the session, and before the head of an event stream leaves. For other handlers it costs nothing that can
 * be measured.
 */
export class OpenAheadGuard implements CanActivate {
  readonly #sessions: SessionService;
  readonly #passport: PassportRoutes;
  readonly #needs = new HandlerNeedsReader();

  constructor(sessions: SessionService, passport: PassportRoutes) {
    this.#sessions = sessions;
    this.#passport = passport;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const isHttp = context.getType() === 'http';
    // A resolver's AuthGuard finds the request in the context of GraphQL.
    if (!isHttp && context.getType<string>() !== 'graphql') return true;
    if (this.#passport.includes(context.getClass(), context.getHandler())) {
      return this.#passport.open(context).then(() => true);
    }
    if (!isHttp) return true;
    const { sessions, respondsItself } = this.#needs.of(context);
    if (sessions.includes(this.#sessions.name)) return this.#sessions.openAhead(context).then(() => true);
    // Where middleware has opened the session on Node's request, this shows it on Fastify's as well.
    const slot = RequestSlot.find({ request: context.switchToHttp().getRequest() });
    if (slot !== undefined && !respondsItself) slot.expectNestResponse();
    return true;
  }
}

/** Makes the guard of one SessionModule. */
export function openAhead(sessions: SessionService, passport: PassportRoutes): OpenAheadGuard {
  return new OpenAheadGuard(sessions, passport);
}
