import type { CanActivate, ExecutionContext } from '@nestjs/common';

import { RequestSlot } from '../http/request-slot.js';
import { HandlerNeedsReader } from './handler-needs.js';
import type { SessionService } from './session.service.js';

/**
 * Opens the session ahead of handlers that take it. As a global guard it runs before the interceptors, pipes and handlers that may
 * use the session, and before the head of an event stream leaves. For other handlers it costs nothing that can be measured.
 */
export class OpenAheadGuard implements CanActivate {
  readonly #sessions: SessionService;
  readonly #needs = new HandlerNeedsReader();

  constructor(sessions: SessionService) {
    this.#sessions = sessions;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const { sessions, respondsItself } = this.#needs.of(context);
    if (sessions.includes(this.#sessions.name)) return this.#sessions.openAhead(context).then(() => true);
    // Where middleware has opened the session on Node's request, this shows it on Fastify's as well.
    const slot = RequestSlot.find({ request: context.switchToHttp().getRequest() });
    if (slot !== undefined && !respondsItself) slot.expectNestResponse();
    return true;
  }
}

/** Makes the guard of one SessionModule. */
export function openAhead(sessions: SessionService): OpenAheadGuard {
  return new OpenAheadGuard(sessions);
}
