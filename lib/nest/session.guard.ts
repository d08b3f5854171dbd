import { Inject, Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';

import { isEstablished } from '../session/live-session.js';
import { NamedGuards } from './named-guards.js';
import { refusal } from './refusal.js';
import { SessionService } from './session.service.js';

/**
 * Lets a request pass only with an established session, one whose record in the store holds data; with `pinning`, only from the
 * address that the session belongs to. Any other request gets a 401; a message of a gateway gets the exception `Unauthorized`. A record of Quart-Session that holds only `_permanent` and
 * `_addr` does not count: the application has stored nothing in it.
 *
 * This is no check of a login: an anonymous cart is an established session too. {@link SignedInGuard} does that. `@Public()` opens
 * nothing that this guard guards.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  /**
   * The guard for the sessions of the SessionModule with this name: `@UseGuards(SessionGuard.of('admin'))`.
   * @param name the `name` of the module.
   */
  static of(name: string): Type<SessionGuard> {
    return NAMED.of(name);
  }

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.#sessions.open(context);
    if (isEstablished(session)) return true;
    throw await refusal(context);
  }
}

const NAMED = new NamedGuards(SessionGuard);
