import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { SessionService } from 'nest-session';

import { Accounts } from './accounts.js';
import type { DevicesSession } from './devices-session.js';

/** Lets administrators pass; anyone else who is signed in gets a 403. */
@Injectable()
export class AdministratorGuard implements CanActivate {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { user = '' } = await this.sessions.open<DevicesSession>(context);
    return this.accounts.withId(user)?.isAdministrator ?? false;
  }
}
