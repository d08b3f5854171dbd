import { Inject, Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';

import { SessionService } from './session.service.js';

/**
 * Lets a request pass only with an established session, one that has a record in the store; with `pinning`, only from the
 * address it belongs to. Anybody else gets 401.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.#sessions.open(context);
    if (session.isNew) throw new UnauthorizedException();
    return true;
  }
}
