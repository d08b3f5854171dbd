import { Inject, Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';

import { isEstablished } from '../session/live-session.js';
import { SessionService } from './session.service.js';

/**
 * Lets a request pass only with an established session, one whose record in the store holds data; with `pinning`, only from the
 * address that the session belongs to. Any other request gets a 401. A record of Quart-Session that holds only `_permanent` and
 * `_addr` does not count: the application has stored nothing in it.
 *
 * This is no check of a login: an anonymous cart is an established session too. A guard of yours that looks at the user's key does
 * that.
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
