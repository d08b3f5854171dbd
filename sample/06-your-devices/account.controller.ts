import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  HttpCode,
  Inject,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { Public, Session, UserSessions } from 'nest-session';

import { Accounts, type Account } from './accounts.js';
import type { DevicesSession } from './devices-session.js';

/** What a page sends; a client can send anything. */
interface SignInForm {
  readonly name?: unknown;
  readonly password?: unknown;
  readonly remember?: unknown;
}

interface PasswordForm {
  readonly current?: unknown;
  readonly next?: unknown;
}

@Controller('api/account')
export class AccountController {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(UserSessions) private readonly userSessions: UserSessions,
  ) {}

  /** Each page asks when it is opened. */
  @Public()
  @Get()
  account(@Session() session: Session<DevicesSession>): { account: Account | null } {
    const account = this.accounts.withId(session.user ?? '') ?? null;
    if (account !== null) session.touch(); // so that the last use of this device is exact
    return { account };
  }

  @Public()
  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() session: Session<DevicesSession>, @Body() form: SignInForm = {}): Promise<object> {
    const account = await this.accounts.verified(form.name, form.password);
    if (account === undefined) throw new UnauthorizedException('The name or the password is wrong.');
    await session.regenerate(); // a new id, against session fixation
    session.user = account.id;
    session.signedIn({ amr: ['pwd'] });
    session.remember(form.remember === true ? '30d' : false); // a cookie for 30 days, or until the browser is closed
    return { account };
  }

  @Public() // somebody whose session has ended is signed out
  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session<DevicesSession>): Promise<void> {
    return session.destroy();
  }

  /** Fresh authentication, for what `@FreshSignIn()` guards. */
  @Post('confirm')
  @HttpCode(204)
  async confirm(@Session() session: Session<DevicesSession>, @Body() form: SignInForm = {}): Promise<void> {
    await this.#sameUser(session, form.password);
    session.signedIn({ amr: ['pwd'] });
  }

  /** A password that is changed ends what the old one has opened, but for the session that changes it. */
  @Post('password')
  @HttpCode(200)
  async changePassword(@Session() session: Session<DevicesSession>, @Body() form: PasswordForm = {}): Promise<object> {
    const account = await this.#sameUser(session, form.current);
    await this.accounts.setPassword(account, form.next);
    await session.regenerate({ keep: true });
    session.signedIn({ amr: ['pwd'] });
    return { ended: await this.userSessions.endAll(account.id, { except: session }) };
  }

  async #sameUser(session: Session<DevicesSession>, password: unknown): Promise<Account> {
    const account = await this.accounts.verified(session.user, password);
    if (account === undefined) throw new ForbiddenException('That is not your password.');
    return account;
  }
}
