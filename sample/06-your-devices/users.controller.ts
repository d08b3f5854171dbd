import { Controller, Get, HttpCode, Inject, NotFoundException, Param, Post, UseGuards } from '@nestjs/common';
import { FreshSignIn, Session, UserSessions } from 'nest-session';

import { Accounts, type Account } from './accounts.js';
import { AdministratorGuard } from './administrator.guard.js';
import { FRESHNESS } from './freshness.js';
import type { DevicesSession } from './devices-session.js';

/** An account, as the page of an administrator shows it. */
interface User extends Account {
  readonly sessions: number;
  readonly seenAt: Date | null;
}

@UseGuards(AdministratorGuard)
@Controller('api/users')
export class UsersController {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(UserSessions) private readonly userSessions: UserSessions,
  ) {}

  @Get()
  users(): Promise<User[]> {
    return Promise.all(this.accounts.all().map((account) => this.#user(account)));
  }

  @FreshSignIn(FRESHNESS)
  @Post(':id/end')
  @HttpCode(200)
  async end(@Param('id') id: string, @Session() session: Session<DevicesSession>): Promise<object> {
    if (this.accounts.withId(id) === undefined) throw new NotFoundException('There is no such user.');
    const ended = await this.userSessions.endAll(id);
    if (id === session.user) await session.destroy(); // removes the cookie, too
    return { ended };
  }

  /** Takes one command of the store, however many sessions there are. */
  @FreshSignIn(FRESHNESS)
  @Post('end-everybody')
  @HttpCode(204)
  async endEverybody(@Session() session: Session<DevicesSession>): Promise<void> {
    await this.userSessions.endEverybody();
    await session.destroy();
  }

  async #user(account: Account): Promise<User> {
    const sessions = await this.userSessions.list(account.id);
    return { ...account, sessions: sessions.length, seenAt: sessions[0]?.seenAt ?? null };
  }
}
