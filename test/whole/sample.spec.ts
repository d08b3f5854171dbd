import { EventEmitter, once } from 'node:events';

import type { Browser, BrowserContext, BrowserContextOptions, Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { launchChromium } from '../fixtures/chromium.js';
import { brightnessOf, isDark, isLight } from '../fixtures/page-colours.js';
import { SampleServer } from '../fixtures/sample-server.js';

const DESKTOP = { width: 1200, height: 900 };
const PHONE = { width: 360, height: 740 };

let sample: SampleServer;
let browser: Browser;
let context: BrowserContext;
/** What the browser's console complained of; a test that provokes something takes it out. */
let complaints: string[];

beforeAll(async () => {
  await Promise.all([
    SampleServer.start('start', { SESSION_STORE: 'memory' }).then((started) => (sample = started)),
    launchChromium().then((launched) => (browser = launched)),
  ]);
}, 120_000);

afterEach(async () => {
  await context?.close();
  expect(complaints).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await sample?.close();
});

/** The page, in a browser that has never been there. */
async function visit(options: BrowserContextOptions = { viewport: DESKTOP }): Promise<Page> {
  context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  complaints = [];
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(sample.url);
  await page.getByText('session stored').waitFor();
  return page;
}

async function signIn(page: Page, password = 'demo'): Promise<void> {
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name }).click();
const says = (page: Page, text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();

function textOf(page: Page, id: string): Promise<string | null> {
  return page.locator(`#${id}`).textContent();
}

describe('the demo page', () => {
  it('knows its visitor again by a cookie that no script can read', async () => {
    const page = await visit();
    expect(await textOf(page, 'visits')).toBe('1');
    expect(await context.cookies()).toEqual([
      expect.objectContaining({ name: 'session', httpOnly: true, sameSite: 'Lax', path: '/' }),
    ]);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.reload();
    await page.locator('#visits').filter({ hasText: '2' }).waitFor();
  });

  it('gives its files to anybody without a cookie', async () => {
    await visit();
    for (const file of ['', 'page.js', 'style.css', 'signed-out.html']) {
      const answer = await context.request.get(sample.url + file);
      expect(answer.status()).toBe(200);
      expect(answer.headers()).not.toHaveProperty('set-cookie');
    }
  });

  it('keeps a nested change of the cart over a reload', async () => {
    const page = await visit();
    await press(page, 'Add one Teapot');
    await says(page, '1 item, €24');
    await press(page, 'Add one Teapot');
    await press(page, 'Add one Lantern');
    await says(page, '3 items, €86');
    await page.reload();
    await says(page, '3 items, €86');
    await press(page, 'Remove one Teapot');
    await says(page, '2 items, €62');
  });

  it('takes the cart along into a session with another key when somebody signs in', async () => {
    const page = await visit();
    await press(page, 'Add one Biscuits');
    await says(page, '1 item, €4');
    const anonymous = await textOf(page, 'key');
    await signIn(page);
    await says(page, 'Signed in as Ada');
    await page.reload();
    await says(page, 'Signed in as Ada');
    expect(await textOf(page, 'total')).toBe('1 item, €4');
    expect(await textOf(page, 'key')).not.toBe(anonymous);
  });

  it('shows somebody who signs out and goes back that they are signed out', async () => {
    const page = await visit();
    await signIn(page);
    await says(page, 'Signed in as Ada');
    await page.evaluate('window.isTheSamePage = true');
    await press(page, 'Sign out');
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    expect(await context.cookies()).toEqual([]);
    await page.evaluate('history.back()');
    await says(page, 'no session');
    expect(await page.evaluate('window.isTheSamePage')).toBe(true);
    expect(await page.getByRole('button', { name: 'Sign out' }).isVisible()).toBe(false);
    expect(await page.getByRole('button', { name: 'Sign in' }).isVisible()).toBe(true);
    expect(await textOf(page, 'visits')).toBe('0');
  });

  it('shows a tab that was left open what another tab did', async () => {
    const page = await visit();
    await signIn(page);
    await says(page, 'Signed in as Ada');
    await context.request.post(`${sample.url}api/account/sign-out`);
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await says(page, 'no session');
  });

  it('keeps what every one of forty overlapping requests wrote, run after run', async () => {
    const page = await visit();
    await press(page, 'Send the requests');
    await says(page, '20 of 20 kept, and the counter says 20 of 20.');
    await press(page, 'Send the requests');
    await says(page, 'Sending…');
    await says(page, '20 of 20 kept, and the counter says 20 of 20.');
    expect(await page.locator('#slots [data-kept]').count()).toBe(20);
  });

  it('shows the record as any program reads it, and never the id', async () => {
    const page = await visit();
    await signIn(page);
    await says(page, 'Signed in as Ada');
    const record: unknown = JSON.parse((await textOf(page, 'record')) ?? '');
    expect(record).toMatchObject({ visits: 1, user: { name: 'Ada' }, _created: expect.any(Number) });
    const id = (await context.cookies())[0]?.value.split('.')[0] ?? '';
    expect(id.length).toBeGreaterThan(20);
    expect(await page.content()).not.toContain(id);
  });

  it('says what is wrong beside the form', async () => {
    const page = await visit();
    await signIn(page, 'guess');
    await says(page, 'That is not the password. It is “demo”.');
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')]);
    await signIn(page);
    await says(page, 'Signed in as Ada');
    expect(await textOf(page, 'sign-in-problem')).toBe('');
  });

  it('says that the store is down, and does again what was asked for when it is back', async () => {
    const page = await visit();
    await page.route('**/api/cart/*', (route) => route.fulfill({ status: 503 }), { times: 1 });
    await press(page, 'Add one Teapot');
    const alert = page.getByRole('alert').filter({ hasText: 'The session store does not answer.' });
    await alert.waitFor();
    expect(complaints.splice(0)).toEqual([expect.stringContaining('503')]);
    await press(page, 'Try again');
    await says(page, '1 item, €24');
    await alert.waitFor({ state: 'hidden' });
  });

  it('lets nobody press a button while a request runs, and gives the keyboard its place back', async () => {
    const page = await visit();
    const network = new EventEmitter();
    await page.route('**/api/cart/*', (route) => network.emit('held', route));
    const held = once(network, 'held') as Promise<[Route]>;
    const add = page.getByRole('button', { name: 'Add one Teapot' });
    await add.focus();
    await page.keyboard.press('Enter');
    const [request] = await held;
    expect(await page.locator('button:enabled').count()).toBe(0);
    await request.continue();
    await says(page, '1 item, €24');
    await page.locator('main:not([aria-busy])').waitFor();
    expect(await add.evaluate((button) => button.matches(':focus'))).toBe(true);
  });

  describe.each([
    ['light', 'desktop', DESKTOP],
    ['dark', 'desktop', DESKTOP],
    ['light', 'phone', PHONE],
    ['dark', 'phone', PHONE],
  ] as const)('in %s on a %s', (colorScheme, _device, viewport) => {
    it('fits the screen, in those colours', async () => {
      const page = await visit({ viewport, colorScheme });
      await signIn(page);
      await press(page, 'Send the requests');
      await says(page, '20 of 20 kept, and the counter says 20 of 20.');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
      expect(await brightnessOf(page, 'backgroundColor')).toSatisfy(colorScheme === 'dark' ? isDark : isLight);
      expect(await brightnessOf(page, 'color')).toSatisfy(colorScheme === 'dark' ? isLight : isDark);
    });
  });
});
