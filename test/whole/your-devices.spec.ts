import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Redis } from 'ioredis';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { readableDevice } from '../../sample/06-your-devices/readable-device.js';
import { launchChromium } from '../fixtures/chromium.js';
import { Gate } from '../fixtures/gate.js';
import { brightnessOf, isDark, isLight } from '../fixtures/page-colours.js';
import { SampleServer } from '../fixtures/sample-server.js';

const PREFIX = 'your-devices:';
const PASSWORD = 'difference engine';

const DESKTOP = { width: 900, height: 980 };
const PHONE = { width: 360, height: 740 };

const AGENTS = {
  'Firefox on Linux': 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Chrome on Windows':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Safari on iPhone':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
} as const;

type DeviceName = keyof typeof AGENTS;

let sample: SampleServer;
let browser: Browser;
let redis: Redis;
let contexts: BrowserContext[];
/** What the consoles of the pages complained of; a test that provokes something takes it out. */
let complaints: string[];

beforeAll(async () => {
  redis = new Redis(inject('redisUrl'));
  const env = { SESSION_STORE: 'redis', REDIS_URL: inject('redisUrl') };
  await Promise.all([
    SampleServer.start('start:your-devices', env).then((started) => (sample = started)),
    launchChromium().then((launched) => (browser = launched)),
  ]);
}, 120_000);

beforeEach(async () => {
  [contexts, complaints] = [[], []];
  const keys = await redis.keys(`${PREFIX}*`);
  if (keys.length > 0) await redis.del(keys);
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  expect(complaints).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await sample?.close();
  await redis?.quit();
});

/** The sign-in page, in a browser that has never been there. */
async function device(name: DeviceName, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ userAgent: AGENTS[name], locale: 'en-GB', viewport: DESKTOP, ...options });
  contexts.push(context);
  return tab(context);
}

async function tab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(sample.url);
  return page;
}

/** Fills the form in and sends it. */
async function enter(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await press(page, 'Sign in');
}

/** A page of a user who has just signed in. */
async function signedIn(user: string, name: DeviceName, options?: BrowserContextOptions): Promise<Page> {
  const page = await device(name, options);
  await enter(page, user);
  await row(page, name).getByText('This device').waitFor();
  return page;
}

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
const says = (page: Page, text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();
const row = (page: Page, name: string): Locator => page.getByRole('listitem').filter({ hasText: name });
const isSignedOut = (page: Page): Promise<void> => page.getByRole('heading', { name: 'You are signed out' }).waitFor();

/** Makes every session older by so many seconds: in its record, as no clock of the server can be set. */
async function age({ created = 0, seen = 0, signIn = 0 }): Promise<void> {
  for (const key of await redis.keys(`${PREFIX}*`)) {
    const text = (await redis.get(key)) ?? '';
    if (!text.includes('"_signed_in"')) continue;
    const record = JSON.parse(text) as { _created: number; _seen: number; _signed_in: { at: number } };
    record._created -= created;
    record._seen -= seen;
    record._signed_in.at -= signIn;
    await redis.set(key, JSON.stringify(record), 'KEEPTTL');
  }
}

describe('a user agent', () => {
  it.each([
    ...Object.entries(AGENTS),
    ['Edge on Windows', `${AGENTS['Chrome on Windows']} Edg/140.0.0.0`],
    ['Opera on Windows', `${AGENTS['Chrome on Windows']} OPR/120.0.0.0`],
    [
      'Chrome on ChromeOS',
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    ],
    [
      'Chrome on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    ],
    [
      'Samsung Internet on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
    ],
    [
      'Firefox on iPad',
      'Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/605.1.15',
    ],
    [
      'Safari on macOS',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
    ],
    ['curl', 'curl/8.14.1'],
    ['Unknown browser on Linux', 'Lynx (Linux)'],
    ['Unknown device', '<script>alert(1)</script>'],
    ['Unknown device', ''],
    ['Unknown device', undefined],
  ] satisfies [string, string | undefined][])('is read as %s', (name, agent) => {
    expect(readableDevice(agent).name).toBe(name);
  });

  it.each([
    ['computer', AGENTS['Firefox on Linux']],
    ['phone', AGENTS['Safari on iPhone']],
    ['phone', 'Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36'],
    ['tablet', 'Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Safari/537.36'],
    ['unknown', 'curl/8.14.1'],
  ])('tells a %s', (kind, agent) => {
    expect(readableDevice(agent).kind).toBe(kind);
  });
});

describe('the sample of the devices', () => {
  it('shows a user every device, with its last use as it grows, and each that comes without a reload', async () => {
    const computer = await device('Firefox on Linux');
    await computer.clock.install();
    await enter(computer, 'ada');
    await says(computer, 'You are signed in on this device alone.');
    await says(computer, 'No other device is signed in. Sign in on one, and it appears here.');

    const phone = await signedIn('ada', 'Safari on iPhone');
    await row(phone, 'Firefox on Linux').getByText('Last used just now').waitFor();
    await row(phone, 'Safari on iPhone').getByText('In use now').waitFor();
    await says(phone, 'You are signed in on this device and 1 other.');

    await row(computer, 'Safari on iPhone').waitFor();
    await row(computer, 'Firefox on Linux').getByText('This device').waitFor();
    await computer.clock.fastForward('02:10');
    await row(computer, 'Safari on iPhone').getByText('Last used 2 minutes ago').waitFor();
    const seen = row(computer, 'Safari on iPhone').locator('time.seen');
    expect(Date.parse((await seen.getAttribute('datetime')) ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(await computer.getByRole('listitem').count()).toBe(2);
  });

  it('signs a device out live when another one ends it, and says why', async () => {
    const computer = await signedIn('ada', 'Firefox on Linux');
    const phone = await signedIn('ada', 'Safari on iPhone');
    await phone.evaluate('window.isTheSamePage = true');
    await computer.getByRole('button', { name: 'Sign out Safari on iPhone' }).click();
    await isSignedOut(phone);
    await says(phone, 'You have signed this device out from another one.');
    expect(await phone.evaluate('window.isTheSamePage')).toBe(true);
    expect(await phone.getByRole('listitem').count()).toBe(0);
    expect(await phone.evaluate('document.activeElement.textContent')).toBe('You are signed out');
    await computer.getByRole('status').filter({ hasText: 'Safari on iPhone is signed out.' }).waitFor();
    expect(await row(computer, 'Safari on iPhone').count()).toBe(0);
    await phone.getByRole('link', { name: 'Sign in' }).click();
    await enter(phone, 'ada');
    await row(phone, 'Firefox on Linux').waitFor();
  });

  it('ends no session of another user, whatever handle is asked for', async () => {
    const ada = await signedIn('ada', 'Firefox on Linux');
    const grace = await signedIn('grace', 'Safari on iPhone');
    const [{ handle }] = (await (await grace.request.get(`${sample.url}api/devices`)).json()) as [{ handle: string }];
    const answer = await ada.request.delete(`${sample.url}api/devices/${handle}`);
    expect(await answer.json()).toEqual({ ended: false });
    await grace.reload();
    await row(grace, 'Safari on iPhone').getByText('This device').waitFor();
    expect(await row(grace, 'Firefox on Linux').count()).toBe(0);
  });

  it('signs the others out, and leaves this device', async () => {
    const computer = await signedIn('ada', 'Firefox on Linux');
    const others = [await signedIn('ada', 'Safari on iPhone'), await signedIn('ada', 'Chrome on Windows')];
    await computer.reload();
    await press(computer, 'Sign out the others');
    await Promise.all(others.map(isSignedOut));
    await says(computer, '2 other devices signed out.');
    await says(computer, 'You are signed in on this device alone.');
    await computer.reload();
    await row(computer, 'Firefox on Linux').getByText('This device').waitFor();
  });

  it('asks for the password before it signs out everywhere, when the sign-in is old', async () => {
    const computer = await signedIn('ada', 'Firefox on Linux');
    const phone = await signedIn('ada', 'Safari on iPhone');
    await age({ signIn: 120 });
    await press(computer, 'Sign out everywhere');
    const dialog = computer.getByRole('dialog', { name: 'Is it you?' });
    await dialog.waitFor();

    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await press(computer, 'Sign out everywhere');
    await dialog.getByLabel('Password').fill('a guess');
    await computer.keyboard.press('Enter');
    await dialog.getByText('That is not your password.').waitFor();
    await dialog.getByLabel('Password').fill(PASSWORD);
    await computer.keyboard.press('Enter');

    await isSignedOut(computer);
    await says(computer, 'You are signed out everywhere, here too.');
    await isSignedOut(phone);
    expect(await computer.context().cookies()).toEqual([]);
    expect(complaints.splice(0)).toEqual(Array(3).fill(expect.stringContaining('403')));
  });

  it('gives the keyboard its place back when the dialog is closed by Escape', async () => {
    const computer = await signedIn('ada', 'Firefox on Linux');
    await age({ signIn: 120 });
    const button = computer.getByRole('button', { name: 'Sign out everywhere' });
    await button.focus();
    await computer.keyboard.press('Enter');
    await computer.getByRole('dialog').waitFor();
    await computer.keyboard.press('Escape');
    await computer.locator('main:not([aria-busy])').waitFor();
    expect(await button.evaluate((element) => element.matches(':focus'))).toBe(true);
    expect(complaints.splice(0)).toEqual([expect.stringContaining('403')]);
  });

  it('asks for no password after a sign-in that is fresh', async () => {
    const computer = await signedIn('ada', 'Firefox on Linux');
    await press(computer, 'Sign out everywhere');
    await isSignedOut(computer);
  });

  it('keeps this device at a change of password, in each of its tabs, and ends the others', async () => {
    const computer = await signedIn('grace', 'Firefox on Linux');
    const phone = await signedIn('grace', 'Safari on iPhone');
    const second = await tab(computer.context());
    await row(second, 'Firefox on Linux').getByText('This device').waitFor();
    const before = await computer.context().cookies();

    await computer.getByLabel('Current password').fill('a guess');
    await computer.getByLabel('New password').fill('amazing grace');
    await press(computer, 'Change password');
    await says(computer, 'That is not your password.');
    expect(await computer.getByLabel('Current password').getAttribute('aria-invalid')).toBe('true');
    expect(complaints.splice(0)).toEqual([expect.stringContaining('403')]);

    await computer.getByLabel('Current password').fill(PASSWORD);
    await press(computer, 'Change password');
    await says(computer, 'Your password is changed. 1 other device signed out.');
    await isSignedOut(phone);
    expect(await computer.context().cookies()).not.toEqual(before);
    await says(second, 'You are signed in on this device alone.');
    await press(second, 'Sign out');
    await says(computer, 'You have signed out in another tab.');

    await phone.getByRole('link', { name: 'Sign in' }).click();
    await enter(phone, 'grace');
    await says(phone, 'The name or the password is wrong.');
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')]);
    await enter(phone, 'grace', 'amazing grace');
    await row(phone, 'Safari on iPhone').getByText('This device').waitFor();
  });

  it('lets an administrator end the sessions of a user, and of everybody', async () => {
    const admin = await signedIn('margaret', 'Chrome on Windows');
    const ada = [await signedIn('ada', 'Firefox on Linux'), await signedIn('ada', 'Safari on iPhone')];
    await admin.getByRole('link', { name: 'Users' }).click();
    await row(admin, 'Ada Lovelace').getByText('2 sessions, last used just now').waitFor();
    await admin.getByRole('button', { name: 'End the sessions of Ada Lovelace' }).click();
    await Promise.all(ada.map((page) => says(page, 'An administrator has ended your session.')));
    await says(admin, '2 sessions of Ada Lovelace ended.');
    await row(admin, 'Ada Lovelace').getByText('Not signed in').waitFor();

    const again = await signedIn('ada', 'Firefox on Linux');
    await press(admin, 'Sign everybody out');
    await says(admin, 'Everybody is signed out, you too.');
    await isSignedOut(again);
    expect(await again.request.get(`${sample.url}api/devices`).then((answer) => answer.status())).toBe(401);
  });

  it('shows the users to administrators alone', async () => {
    const ada = await signedIn('ada', 'Firefox on Linux');
    expect(await ada.getByRole('link', { name: 'Users' }).count()).toBe(0);
    await ada.goto(`${sample.url}users`);
    await ada.waitForURL(sample.url);
    const asked = await ada.request.get(`${sample.url}api/users`);
    expect(asked.status()).toBe(403);
    const ended = await ada.request.post(`${sample.url}api/users/end-everybody`);
    expect(ended.status()).toBe(403);
    const stranger = await browser.newContext();
    contexts.push(stranger);
    expect((await stranger.request.get(`${sample.url}api/users`)).status()).toBe(401);
  });

  it.each([
    [true, 'has', 30 * 86_400],
    [false, 'has no', undefined],
  ])('gives a browser a cookie for 30 days if it is to remember: %s', async (remember, _has, maxAge) => {
    const page = await device('Firefox on Linux');
    await page.getByLabel('Remember me on this device').setChecked(remember);
    const response = page.waitForResponse('**/api/account/sign-in');
    await enter(page, 'ada');
    const cookie = (await (await response).headerValue('set-cookie')) ?? '';
    expect(/Max-Age=(\d+)/.exec(cookie)?.[1]).toBe(maxAge?.toString());
    await row(page, 'Firefox on Linux').getByText('This device').waitFor();
    const [kept] = await page.context().cookies();
    expect(kept?.expires === -1).toBe(!remember);
  });

  it('sends no page into a frame, and runs no script but its own', async () => {
    const page = await device('Firefox on Linux');
    for (const path of ['', 'sign-in', 'users', 'style.css']) {
      const { headers, status } = await page.request
        .get(sample.url + path)
        .then((answer) => ({ headers: answer.headers(), status: answer.status() }));
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toContain("default-src 'self'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).not.toHaveProperty('set-cookie');
    }
  });

  it('lets nobody press a button while a request runs', async () => {
    const page = await signedIn('ada', 'Firefox on Linux');
    const gate = new Gate();
    await page.route('**/api/devices/end-all', async (route) => {
      await gate.stop();
      await route.continue();
    });
    await press(page, 'Sign out everywhere');
    await gate.reached;
    expect(await page.locator('button:enabled:visible').count()).toBe(0);
    gate.open();
    await isSignedOut(page);
  });

  it('says that the store is down, and does again what was asked for when it is back', async () => {
    const page = await signedIn('ada', 'Firefox on Linux');
    await page.route('**/api/devices/end-all', (route) => route.fulfill({ status: 503 }), { times: 1 });
    await press(page, 'Sign out everywhere');
    await page.getByRole('alert').filter({ hasText: 'The session store does not answer.' }).waitFor();
    expect(complaints.splice(0)).toEqual([expect.stringContaining('503')]);
    await press(page, 'Try again');
    await isSignedOut(page);
  });
});

/** `npm run screenshots` copies three of the pictures to the documentation. */
const PICTURES = fileURLToPath(new URL('../../.build/images/', import.meta.url));

describe.each([
  ['light', 'light', DESKTOP],
  ['dark', 'dark', DESKTOP],
  ['phone', 'light', PHONE],
  ['phone-dark', 'dark', PHONE],
] as const)('in %s', (picture, colorScheme, viewport) => {
  /** Whatever a page shows now. */
  async function fits(page: Page): Promise<void> {
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
    expect(await brightnessOf(page, 'backgroundColor')).toSatisfy(colorScheme === 'dark' ? isDark : isLight);
    expect(await brightnessOf(page, 'color')).toSatisfy(colorScheme === 'dark' ? isLight : isDark);
    for (const target of await page.locator('a:visible, button:visible, .field input:visible, label.check').all()) {
      expect((await target.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    }
  }

  it('each page fits the screen, in those colours, with room for a finger', async () => {
    await (await signedIn('margaret', 'Chrome on Windows')).close();
    await age({ created: 3 * 3_600, seen: 2 * 3_600 });
    const phone = await device('Safari on iPhone');
    await phone.getByLabel('Remember me on this device').check();
    await enter(phone, 'margaret');
    await row(phone, 'Safari on iPhone').getByText('This device').waitFor();
    await phone.close();
    await age({ created: 86_400, seen: 130 });

    const page = await device('Firefox on Linux', { viewport, colorScheme });
    await page.getByRole('button', { name: 'Sign in', disabled: false }).waitFor();
    await fits(page);
    await enter(page, 'margaret');
    await row(page, 'Chrome on Windows').getByText('Last used 2 hours ago').waitFor();
    await row(page, 'Safari on iPhone').getByText('Last used 2 minutes ago').waitFor();
    await fits(page);
    await mkdir(PICTURES, { recursive: true });
    await page.locator('main:not([aria-busy])').waitFor();
    await page.screenshot({ path: `${PICTURES}your-devices-${picture}.png`, animations: 'disabled' });

    await age({ signIn: 120 });
    await press(page, 'Sign out the others');
    await page.getByRole('dialog').waitFor();
    await fits(page);
    await press(page, 'Cancel');
    expect(complaints.splice(0)).toEqual([expect.stringContaining('403')]);
    await page.getByRole('link', { name: 'Users' }).click();
    await row(page, 'Grace Hopper').getByText('Not signed in').waitFor();
    await fits(page);
    await press(page, 'Sign out');
    await isSignedOut(page);
    await fits(page);
  });
});
