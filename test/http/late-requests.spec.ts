import { Controller, Get, Param, Res } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; cart: string[]; late: Record<string, boolean>; [key: string]: unknown };

const LATE = 10;

/** Where the late requests stand still until the test goes on; reached once all of them are here. */
let gate: Gate;

@Controller()
class LateController {
  @Get('visit')
  visit(@Session() session: Session<Data>): void {
    session.cart = ['a book'];
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { ...session };
  }

  @Get('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: true });
    session.user = 'ada';
  }

  @Get('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Get('read/:number')
  async read(@Session() session: Session<Data>): Promise<object> {
    await gate.stop();
    return { ...session };
  }

  @Get('write/:number')
  async write(@Session() session: Session<Data>, @Param('number') number: string): Promise<void> {
    await gate.stop();
    session[`late-${number}`] = true;
  }

  @Get('touch/:number')
  async touch(@Session() session: Session<Data>): Promise<void> {
    await gate.stop();
    session.touch();
  }

  @Get('by-hand/:number')
  async byHand(@Session() session: Session<Data>, @Res() reply: Reply): Promise<void> {
    await gate.stop();
    session.late = { byHand: true };
    reply.send('late');
  }
}

const kinds = ['read', 'write', 'touch', 'by-hand', 'write'];
const lateRoutes = Array.from({ length: LATE }, (_, number) => `/${kinds[number % kinds.length]}/${number}`);

describe.each(platforms)('Requests that still carry the old id, on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let browser: Client;

  beforeEach(async () => {
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store, secret: 'a secret of thirty-two characters' },
      controllers: [LateController],
    });
    browser = app.client();
    await browser.get('/visit');
    gate = new Gate(LATE);
  });

  afterEach(() => app.close());

  const storedSessions = (): string[] => store.calls.filter((call) => call === 'create');

  describe.each([
    ['login', { cart: ['a book'], user: 'ada' }],
    ['logout', {}],
  ])('during %s', (ending, after) => {
    async function endWhile(late: () => Promise<unknown>): Promise<void> {
      const [answers] = await Promise.all([late(), browser.get(`/${ending}`).then(() => gate.open())]);
      expect(answers).toEqual(lateRoutes.map(() => [200, []]));
      expect(browser.jar.size).toBe(ending === 'login' ? 1 : 0);
      expect(await (await browser.get('/me')).json()).toEqual(after);
      // One at the first visit, and one at login.
      expect(storedSessions().length).toBe(ending === 'login' ? 2 : 1);
    }

    const send = (cookie: string): Promise<unknown> =>
      Promise.all(
        lateRoutes.map(async (route) => {
          const answer = await browser.get(route, { cookie });
          return [answer.status, answer.setCookie];
        }),
      );

    it('leave the jar alone when they were under way before it', async () => {
      const late = send(browser.cookieHeader);
      await gate.reached;
      await endWhile(() => late);
      expect(app.warnings.every((line) => line.includes('dropped'))).toBe(true);
    });

    it('leave the jar alone when they arrive after it', async () => {
      const { cookieHeader } = browser;
      await browser.get(`/${ending}`);
      gate.open();
      expect(await send(cookieHeader)).toEqual(lateRoutes.map(() => [200, []]));
      expect(browser.jar.size).toBe(ending === 'login' ? 1 : 0);
      expect(await (await browser.get('/me')).json()).toEqual(after);
      expect(storedSessions().length).toBe(ending === 'login' ? 2 : 1);
    });

    it('get no access to the session that follows', async () => {
      const { cookieHeader } = browser;
      await browser.get(`/${ending}`);
      expect(await (await browser.get('/me', { cookie: cookieHeader })).json()).toEqual({});
    });
  });

  it('leave the jar alone when their signature is an old one', async () => {
    const rotating = await SessionApp.start(platform, {
      session: { store, secret: ['a new secret of thirty-two characters', 'a secret of thirty-two characters'] },
      controllers: [LateController],
    });
    const tab = rotating.client();
    const late = Promise.all(lateRoutes.map((route) => tab.get(route, { cookie: browser.cookieHeader })));
    await gate.reached;
    await tab.get('/login', { cookie: browser.cookieHeader });
    gate.open();
    expect((await late).map(({ setCookie }) => setCookie)).toEqual(lateRoutes.map(() => []));
    expect(await (await tab.get('/me')).json()).toEqual({ cart: ['a book'], user: 'ada' });
    await rotating.close();
  });
});
