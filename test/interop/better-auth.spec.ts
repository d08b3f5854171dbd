import { Controller, Get, Injectable, Req, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import {
  AllowAnonymous,
  AuthModule,
  Session as BetterAuthSession,
  type UserSession,
} from '@thallesp/nestjs-better-auth';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

interface SharedRequest {
  readonly session?: object | null;
  readonly httpSession?: object;
}

/** Writes to the session of ours by the name under which it shows. */
@Injectable()
class CountingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { httpSession } = context.switchToHttp().getRequest<{ httpSession?: { guarded: number } }>();
    if (httpSession !== undefined) httpSession.guarded = 1;
    return true;
  }
}

@AllowAnonymous()
@Controller()
class BothController {
  @UseGuards(CountingGuard)
  @Get('both')
  both(
    @Session() ours: Session<{ visits: number; guarded: number }>,
    @BetterAuthSession() theirs: UserSession | null,
    @Req() request: SharedRequest,
  ): object {
    ours.visits = (ours.visits ?? 0) + 1;
    return {
      visits: ours.visits,
      guarded: ours.guarded ?? 0,
      user: theirs?.user?.email ?? null,
      isNobody: theirs === null,
      isTheirs: request.session === theirs,
      isOurs: request.httpSession === ours,
    };
  }
}

describe.each(platforms)("better-auth's Nest adapter in one application with this library on %s", (platform) => {
  let app: SessionApp;

  afterEach(() => app.close());

  const auth = betterAuth({
    secret: 'a secret of thirty-two characters',
    baseURL: 'http://127.0.0.1',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    logger: { disabled: true },
    telemetry: { enabled: false },
  });

  /** The cookie of a user who has just signed up there. */
  async function signedUp(email: string): Promise<readonly [name: string, value: string]> {
    const response = await auth.api.signUpEmail({
      body: { email, password: 'a long password', name: email },
      asResponse: true,
    });
    const [pair = ''] = (response.headers.getSetCookie()[0] ?? '').split(';');
    return [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  }

  async function start(session: SessionModuleOptions, isFirst: boolean): Promise<void> {
    const modules = [AuthModule.forRoot({ auth })];
    app = await SessionApp.start(platform, {
      session,
      ...(isFirst ? { first: modules } : { imports: modules }),
      controllers: [BothController],
    });
  }

  describe.each([
    ['after', false],
    ['before', true],
  ])('imported %s ours', (order, isFirst) => {
    it.each([
      ['left out', {}],
      ["'httpSession'", { exposeAs: 'httpSession' }],
      ['false', { exposeAs: false }],
    ] as const)('keeps both sessions with exposeAs %s', async (name, options) => {
      await start(options, isFirst);
      const client = app.client();
      const shows = 'exposeAs' in options && options.exposeAs !== false;
      const guarded = shows ? 1 : 0;
      expect(await (await client.get('/both')).json()).toEqual({
        visits: 1,
        guarded,
        user: null,
        isNobody: true,
        isTheirs: true,
        isOurs: shows,
      });
      const email = `${platform}-${order}-${name.replace(/\W/g, '').toLowerCase()}@example.com`;
      client.jar.set(...(await signedUp(email)));
      expect(await (await client.get('/both')).json()).toEqual({
        visits: 2,
        guarded,
        user: email,
        isNobody: false,
        isTheirs: true,
        isOurs: shows,
      });
      expect(app.warnings.filter((line) => line.includes('exposeAs')).length).toBe('exposeAs' in options ? 0 : 2);
    });
  });

  it('is named when it has the place of the session, with the remedy', async () => {
    await start({}, false);
    const client = app.client();
    client.jar.set(...(await signedUp(`${platform}-named@example.com`)));
    await client.get('/both');
    expect(app.warnings).toEqual([
      "GET /both has something else than the session as request.session; the session itself is not affected: if another library uses request.session, write exposeAs: 'httpSession', or false, for this one.",
    ]);
  });
});
