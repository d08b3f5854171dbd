import { Inject, Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';

import { isEstablished } from '../session/live-session.js';
import { SessionService } from './session.service.js';

/**
 * Lets a request pass only with an established session, one whose record in the store holds data; with `pinning`, only from the
 * address that the session belongs to. Any other request gets a 401. A record of Quart-Session that holds only `_permanent` and
 * `_addr` does not count: the application has stored nothing in it.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.#sessions.open(context);
    if (!isEstablished(session)) throw new UnauthorizedException();
    return true;
  }
}
