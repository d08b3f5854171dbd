import { Controller, Get, Res } from '@nestjs/common';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { MemoryStore, Session, type CookieOptions } from '../../lib/index.js';
import { launchChromium } from '../fixtures/chromium.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

type Data = { user: string };

@Controller()
class AccountController {
  @Get('account')
  account(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Get('login')
  async login(@Session() session: Session<Data>): Promise<object> {
    await session.regenerate();
    session.user = 'ada';
    return {};
  }

  @Get('logout')
  async logout(@Session() session: Session<Data>): Promise<object> {
    await session.destroy();
    return {};
  }

  /** A page on another host of the same domain, which is not ours. */
  @Get('plant')
  plant(@Res() reply: { setHeader?: unknown; header(name: string, value: string): unknown; send(text: string): void }) {
    reply.header('Set-Cookie', `session=${'p'.repeat(32)}; Domain=nest.test; Path=/account; Max-Age=3600`);
    reply.send('planted');
  }
}

describe.each(platforms)('A browser with two cookies of our name, on %s', (platform) => {
  let browser: Browser;
  let store: MemoryStore;
  let page: Page;
  let app: SessionApp | undefined;

  beforeAll(async () => {
    browser = await launchChromium('nest.test');
  });

  beforeEach(async () => {
    store = new MemoryStore();
    page = await (await browser.newContext()).newPage();
  });

  afterEach(async () => {
    await page.context().close();
    await app?.close();
  });

  afterAll(() => browser.close());

  async function restart(cookie: CookieOptions): Promise<void> {
    await app?.close();
    app = await SessionApp.start(platform, { session: { store, cookie }, controllers: [AccountController] });
  }

  async function visit(path: string, host = 'app'): Promise<string> {
    await page.goto(`http://${host}.nest.test:${app?.port}${path}`);
    return (await page.textContent('body')) ?? '';
  }

  it.each([
    ['is added', {}, { domain: 'nest.test' }],
    ['is taken away', { domain: 'app.nest.test' }, {}],
  ])('signs in and out after `cookie.domain` %s', async (_what, before, after) => {
    await restart(before);
    await visit('/login');
    await restart(after);
    expect(await visit('/account')).toBe('{"user":"ada"}');
    for (let round = 0; round < 2; round++) {
      await visit('/logout');
      expect(await visit('/account')).toBe('{"user":null}');
      await visit('/login');
      expect(await visit('/account')).toBe('{"user":"ada"}');
    }
    expect(await page.context().cookies()).toHaveLength(1);
  });

  it('stays signed in though a page on a sibling host has put a cookie in front', async () => {
    await restart({});
    await visit('/login');
    await visit('/plant', 'other');
    expect((await page.context().cookies()).map(({ path }) => path).toSorted()).toEqual(['/', '/account']);
    expect(await visit('/account')).toBe('{"user":"ada"}');
    await visit('/logout');
    expect(await visit('/account')).toBe('{"user":null}');
    await visit('/login');
    expect(await visit('/account')).toBe('{"user":"ada"}');
  });
});
