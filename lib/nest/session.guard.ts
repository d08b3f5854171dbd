import { Inject, Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';

import { isEstablished } from '../session/live-session.js';
import { refusal } from './refusal.js';
import { SessionService } from './session.service.js';
import { getSessionServiceToken } from './session-tokens.js';

/** A guard class for each name, so that `@UseGuards(SessionGuard.of('admin'))` names one class wherever it stands. */
const NAMED = new Map<string, Type<SessionGuard>>();

/**
 * Lets a request pass only with an established session, one whose record in the store holds data; with `pinning`, only from the
 * address that the session belongs to. Any other request gets a 401; a message of a gateway gets the exception `Unauthorized`. A record of Quart-Session that holds only `_permanent` and
 * `_addr` does not count: the application has stored nothing in it.
 *
 * This is no check of a login: an anonymous cart is an established session too. A guard of yours that looks at the user's key does
 * that.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  /**
   * The guard for the sessions of the SessionModule with this name: `@UseGuards(SessionGuard.of('admin'))`.
   * @param name the `name` of the module.
   */
  static of(name: string): Type<SessionGuard> {
    let guard = NAMED.get(name);
    if (guard === undefined) NAMED.set(name, (guard = guardOf(name)));
    return guard;
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

function guardOf(name: string): Type<SessionGuard> {
  @Injectable()
  class NamedSessionGuard extends SessionGuard {
    constructor(@Inject(getSessionServiceToken(name)) sessions: SessionService) {
      super(sessions);
    }
  }
  return NamedSessionGuard;
}
