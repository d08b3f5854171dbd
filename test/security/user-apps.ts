import { randomBytes } from 'node:crypto';

import { Controller, Get, Inject, Post, Query, UseGuards } from '@nestjs/common';

import {
  FreshSignIn,
  Session,
  SignedInGuard,
  UserSessions,
  type SessionModuleOptions,
  type UserSession,
} from '../../lib/index.js';
import type { BackEnd } from '../fixtures/back-ends.js';
import type { Client } from '../fixtures/client.js';
import type { Platform } from '../fixtures/platforms.js';
import type { SessionApp } from '../fixtures/session-app.js';
import { AccountApps, type Account } from './account-apps.js';

/** How long a sign-in stays fresh for the routes below. */
export const FRESH = 300;

/** How long the second factor counts for a transaction. */
export const SHORTLY = 60;

/** What users and administrators do with sessions, written as its author should. Who may close accounts is not looked at here. */
@Controller()
export class UserSessionsController {
  constructor(@Inject(UserSessions) private readonly userSessions: UserSessions) {}

  @UseGuards(SignedInGuard)
  @Get('sessions')
  list(@Session() session: Session<Account>): Promise<UserSession[]> {
    return this.userSessions.list(session.user, { current: session });
  }

  @UseGuards(SignedInGuard)
  @FreshSignIn(FRESH)
  @Post('sessions/end')
  async endOne(@Session() session: Session<Account>, @Query('handle') handle: string): Promise<object> {
    return { ended: await this.userSessions.end(session.user, handle) };
  }

  @UseGuards(SignedInGuard)
  @FreshSignIn(FRESH)
  @Post('sessions/end-others')
  async endOthers(@Session() session: Session<Account>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user, { except: session }) };
  }

  @UseGuards(SignedInGuard)
  @FreshSignIn(FRESH)
  @Post('sessions/end-all')
  async endAll(@Session() session: Session<Account>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user) };
  }

  /** The password has been changed: a new id for this session, and the end of the others. */
  @UseGuards(SignedInGuard)
  @Post('password')
  async changePassword(@Session() session: Session<Account>): Promise<object> {
    await session.regenerate({ keep: true });
    return { ended: await this.userSessions.endAll(session.user, { except: session }) };
  }

  /** The user has proved who they are again, by these methods. */
  @UseGuards(SignedInGuard)
  @Post('confirm')
  async confirm(@Session() session: Session<Account>, @Query('amr') amr: string = 'pwd'): Promise<void> {
    await session.regenerate({ keep: true });
    session.signedIn({ amr: amr.split(' ') });
  }

  /** Becomes another user without a new id. */
  @UseGuards(SignedInGuard)
  @Post('become')
  become(@Session() session: Session<Account>, @Query('name') name: string): void {
    session.user = name;
  }

  /** Changes the telephone number by which an account is recovered. */
  @UseGuards(SignedInGuard)
  @FreshSignIn(FRESH)
  @Post('phone')
  changePhone(): object {
    return { changed: true };
  }

  @FreshSignIn(SHORTLY, { amr: ['otp'] })
  @Post('transfer')
  transfer(): object {
    return { sent: true };
  }

  /** A new id for the same session, which is no sign-in. */
  @UseGuards(SignedInGuard)
  @Post('regenerate')
  regenerate(@Session() session: Session<Account>): Promise<void> {
    return session.regenerate({ keep: true });
  }

  @Get('admin/sessions')
  listOf(@Query('name') name: string): Promise<UserSession[]> {
    return this.userSessions.list(name);
  }

  @Post('admin/end')
  async endAllOf(@Query('name') name: string): Promise<object> {
    return { ended: await this.userSessions.endAll(name) };
  }

  @Post('admin/end-everybody')
  endEverybody(): Promise<void> {
    return this.userSessions.endEverybody();
  }
}

/** Whose session it is, for the option `user`. */
export function ownerOf({ user }: Partial<Account>): string | undefined {
  return user;
}

/** Two instances of one application whose sessions belong to users. */
export function startUserApps(
  platform: Platform,
  backEnd: BackEnd = 'memory',
  session: SessionModuleOptions = {},
): Promise<AccountApps> {
  const options = { user: ownerOf, ...session };
  return AccountApps.start(platform, backEnd, options, { controllers: [UserSessionsController] });
}

/** A user that no other test has: the tests share the servers, and with them the lists of users. */
export function someone(name = 'ada'): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}

/** A browser at this instance that has signed in. */
export async function signIn(app: SessionApp, name: string): Promise<Client> {
  const client = app.client();
  const { status } = await client.post(`/login?name=${name}`);
  if (status !== 201) throw new Error(`The login of ${name} was answered with ${status}.`);
  return client;
}

/** The user's list, as this browser's page shows it. */
export async function listed(client: Client): Promise<ListedSession[]> {
  return (await client.get('/sessions')).json<ListedSession[]>();
}

/** A session of a list, as JSON. */
export interface ListedSession {
  readonly handle: string;
  readonly createdAt: string;
  readonly seenAt: string;
  readonly expiresAt: string;
  readonly signedInAt?: string;
  readonly device?: unknown;
  readonly isCurrent: boolean;
}

/** The user proves who they are again, by these methods. */
export async function confirmWith(client: Client, ...amr: readonly string[]): Promise<void> {
  const { status } = await client.post(`/confirm?amr=${amr.join('+')}`);
  if (status !== 201) throw new Error(`The confirmation was answered with ${status}.`);
}

/** How many sessions a route says that it has ended. */
export async function endedBy(client: Client, path: string): Promise<unknown> {
  return (await (await client.post(path)).json())['ended'];
}
