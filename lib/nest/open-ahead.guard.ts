import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';

import { RequestSlot } from '../http/request-slot.js';
import { HandlerNeedsReader } from './handler-needs.js';
import { SessionService } from './session.service.js';

/**
 * Opens the session ahead of handlers that take it. As a global guard it runs before the interceptors, pipes and handlers that may
 * use the session, and before the head of an event stream leaves. For other handlers it costs nothing that can be measured.
 */
@Injectable()
export class OpenAheadGuard implements CanActivate {
  readonly #sessions: SessionService;
  readonly #needs = new HandlerNeedsReader();

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const { takesSession, respondsItself } = this.#needs.of(context);
    if (takesSession) return this.#sessions.openAhead(context).then(() => true);
    // Where middleware has opened the session on Node's request, this shows it on Fastify's as well.
    const slot = RequestSlot.find({ request: context.switchToHttp().getRequest() });
    if (slot !== undefined && !respondsItself) slot.expectNestResponse();
    return true;
  }
}
