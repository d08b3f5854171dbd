import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { SessionService } from 'nest-session';

import type { ChatSession } from './chat-session.js';

/** Lets connections and messages of signed-in users pass, and requests too if it stands before a route. */
@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { user } = await this.sessions.open<ChatSession>(context);
    return user !== undefined;
  }
}
