import { setTimeout as wait } from 'node:timers/promises';

import { Controller, Get, Inject, Injectable, Param, Post } from '@nestjs/common';
import { ClsModule, ClsService } from 'nestjs-cls';
import { describe, expect, it, onTestFinished } from 'vitest';

import { SessionService, type LiveSession } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

type Data = { user: string };

@Injectable()
class AccountService {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(ClsService) private readonly cls: ClsService,
  ) {}

  current(): Promise<LiveSession<Data>> {
    return this.sessions.current<Data>();
  }

  /** The user by the session, and what was put into nestjs-cls for the same request. */
  async users(pause: number): Promise<unknown[]> {
    this.cls.set('user', (await this.current()).user);
    await wait(pause);
    return [(await this.current()).user, this.cls.get('user')];
  }
}

@Controller()
class AccountController {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Post('login/:user')
  async login(@Param('user') user: string): Promise<void> {
    (await this.accounts.current()).user = user;
  }

  @Get('users/:pause')
  users(@Param('pause') pause: string): Promise<unknown[]> {
    return this.accounts.users(Number(pause));
  }
}

const ways = [
  ['as middleware', { middleware: { mount: true } }],
  ['as middleware, with enterWith', { middleware: { mount: true, useEnterWith: true } }],
  ['as a guard', { guard: { mount: true } }],
  ['as an interceptor', { interceptor: { mount: true } }],
] as const;
const cells = platforms.flatMap((platform) => ways.map(([how, options]) => ({ platform, how, options })));

describe.each(cells)('nestjs-cls on $platform, mounted $how', ({ platform, options }) => {
  it('and the current session are those of each of many requests', async () => {
    const app = await SessionApp.start(platform, {
      session: { context: true },
      imports: [ClsModule.forRoot({ global: true, ...options })],
      controllers: [AccountController],
      providers: [AccountService],
    });
    onTestFinished(() => app.close());
    const clients = await Promise.all(
      ['ada', 'eve', 'mia'].map(async (user) => {
        const client = app.client();
        await client.post(`/login/${user}`);
        return [user, client] as const;
      }),
    );
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => at).flatMap((at) =>
        clients.map(async ([user, client]) => [user, await (await client.get(`/users/${at % 7}`)).json()] as const),
      ),
    );
    for (const [user, found] of answers) expect(found).toEqual([user, user]);
  });
});
