import { Controller, Get, UseGuards } from '@nestjs/common';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Session, SessionGuard, SessionModule, type SessionModuleOptions } from '../../lib/index.js';
import { signInState, type SignedInState, type SignInOptions } from '../../lib/testing/index.js';
import { launchChromium } from '../fixtures/chromium.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const DOMAIN = 'shop.test';

@Controller('shop')
class ShopController {
  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session() session: Session): object {
    return { ...session };
  }

  @UseGuards(SessionGuard.of('admin'))
  @Get('admin')
  admin(@Session.of('admin') session: Session): object {
    return { ...session };
  }

  @Get('logout')
  async logout(@Session() session: Session): Promise<object> {
    await session.destroy();
    return {};
  }
}

let browser: Browser;
let app: SessionApp | undefined;

beforeAll(async () => {
  browser = await launchChromium(DOMAIN);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await app?.close();
  app = undefined;
});

afterAll(() => browser.close());

const shown = async (page: Page, path: string): Promise<unknown> => {
  await page.goto(path);
  return JSON.parse(await page.innerText('body')) as unknown;
};

describe.each(platforms)('A browser that begins signed in, on %s', (platform) => {
  it.each<[what: string, host: string, options: SessionModuleOptions]>([
    ['a cookie of this host', '127.0.0.1', { secret: 'a secret' }],
    ['a cookie of a path, for the browser session', '127.0.0.1', { cookie: { path: '/shop', persistent: false } }],
    ['a strict cookie of a domain', `www.${DOMAIN}`, { cookie: { domain: DOMAIN, sameSite: 'strict' } }],
    ['a signed cookie beside Quart', '127.0.0.1', { secret: 'a secret', wire: 'quart' }],
    ['a pin', '127.0.0.1', { pinning: true }],
  ])('is known, and forgotten after a logout, with %s', async (_what, host, options) => {
    app = await SessionApp.start(platform, {
      session: options,
      controllers: [ShopController],
      imports: [SessionModule.forRoot({ name: 'admin', cookie: { name: 'admin' } })],
    });
    const url = `http://${host}:${app.port}`;
    const state = await signedIn({ user: 'ada' }, { url });
    const admin = await signedIn({ user: 'grace' }, { url, name: 'admin' });
    const cookies = [...state.cookies, ...admin.cookies];
    const context = await browser.newContext({ baseURL: url, storageState: { cookies, origins: [] } });
    const page = await context.newPage();
    expect(await shown(page, '/shop/me')).toEqual({ user: 'ada' });
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await shown(page, '/shop/logout')).toEqual({});
    expect((await context.cookies()).map(({ name }) => name)).toEqual(['admin']);
    expect(await shown(page, '/shop/me')).toMatchObject({ statusCode: 401 });
    expect(await shown(page, '/shop/admin')).toEqual({ user: 'grace' });
  });
});

function signedIn(data: object, options: SignInOptions & { url: string }): Promise<SignedInState> {
  if (app === undefined) throw new Error('The application has not started.');
  return signInState(app.app, data, options);
}
