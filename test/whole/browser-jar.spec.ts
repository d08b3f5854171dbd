import { Controller, Get } from '@nestjs/common';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Session } from '../../lib/index.js';
import { launchChromium } from '../fixtures/chromium.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

type Data = { user: string; visited: boolean; late: number };

/** As many as Chromium has under way to one host, but for the one that logs in. */
const LATE = 5;

let gate: Gate;

@Controller()
class TabController {
  @Get()
  page(@Session() session: Session<Data>): string {
    session.visited = true;
    return 'a page';
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { ...session };
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

  @Get('late')
  async late(@Session() session: Session<Data>): Promise<object> {
    await gate.stop();
    session.late = (session.late ?? 0) + 1;
    return {};
  }
}

describe.each(platforms)("A browser's own cookie jar, on %s", (platform) => {
  let app: SessionApp;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    app = await SessionApp.start(platform, { session: { secret: 'a secret' }, controllers: [TabController] });
    browser = await launchChromium();
  });

  beforeEach(async () => {
    gate = new Gate(LATE);
    page = await (await browser.newContext()).newPage();
    await page.goto(`http://127.0.0.1:${app.port}/`);
  });

  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  const cookies = async (): Promise<string[]> => (await page.context().cookies()).map(({ value }) => value);
  const fetchInPage = (path: string): Promise<unknown> => page.evaluate(async (url) => (await fetch(url)).json(), path);

  it.each([
    ['login', { user: 'ada' }],
    ['logout', {}],
  ])('is left alone by late requests during %s', async (ending, after) => {
    const [before] = await cookies();
    // Of different addresses, or Chromium would ask for one after the other.
    const late = page.evaluate(
      (count) =>
        Promise.all(Array.from({ length: count }, async (_, number) => (await fetch(`/late?${number}`)).status)),
      LATE,
    );
    await gate.reached;
    await fetchInPage(`/${ending}`);
    const then = await cookies();
    expect(then).not.toContain(before);
    gate.open();
    expect(await late).toEqual(Array(LATE).fill(200));
    expect(await cookies()).toEqual(then);
    expect(then.length).toBe(ending === 'login' ? 1 : 0);
    expect(await fetchInPage('/me')).toEqual(after);
  });
});
