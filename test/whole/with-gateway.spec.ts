import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { launchChromium } from '../fixtures/chromium.js';
import { SampleServer } from '../fixtures/sample-server.js';

let sample: SampleServer;
let browser: Browser;
/** Two browsers with cookies of their own. */
let ada: BrowserContext;
let grace: BrowserContext;
/** What the consoles of their pages complained of. */
let complaints: string[];

beforeAll(async () => {
  [sample, browser] = await Promise.all([SampleServer.start('start:with-gateway', {}), launchChromium()]);
}, 120_000);

beforeEach(async () => {
  complaints = [];
  [ada, grace] = await Promise.all([browser.newContext(), browser.newContext()]);
});

afterEach(async () => {
  await Promise.all([ada.close(), grace.close()]);
  expect(complaints).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await sample?.close();
});

async function tab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(sample.url);
  await page.locator('#who').filter({ hasText: 'igned' }).waitFor();
  return page;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await says(page, `Signed in as ${name}`);
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const says = (page: Page, text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();
const message = (page: Page, text: string): Promise<void> => page.locator('#messages li', { hasText: text }).waitFor();
const signOut = (page: Page): Promise<void> => page.getByRole('button', { name: 'Sign out' }).click();

describe('the sample with a gateway', () => {
  it('carries messages between browsers, and counts those of all tabs in one session', async () => {
    const [first, other] = [await tab(ada), await tab(grace)];
    await signIn(first, 'Ada');
    await signIn(other, 'Grace');
    await say(first, 'Good morning');
    await message(other, 'Ada Good morning');
    const second = await tab(ada);
    await message(second, 'Ada Good morning');
    await say(second, 'Good evening');
    await says(second, 'Messages of your session, from all of your tabs: 2');
    await message(first, 'Ada Good evening');
  });

  it('closes the second tab at a logout in the first, and no other browser', async () => {
    const [first, second, other] = [await tab(ada), await tab(ada), await tab(grace)];
    await signIn(first, 'Ada');
    await second.reload();
    await says(second, 'Signed in as Ada');
    await signIn(other, 'Grace');
    await say(first, 'I am off');
    await message(second, 'Ada I am off');
    await signOut(first);
    await says(first, 'You have signed out.');
    await says(second, 'You have signed out in another tab, so this one was closed too.');
    expect(await second.locator('#chat').isVisible()).toBe(false);
    expect(await second.locator('#messages li').count()).toBe(0);
    await say(other, 'Still here');
    await message(other, 'Grace Still here');
  });

  it('brings the second tab back after a login in the first', async () => {
    const [first, second] = [await tab(ada), await tab(ada)];
    await signIn(first, 'Ada');
    await second.reload();
    await say(second, 'Here'); // its socket is open then, and not still on its way with the old cookie
    await message(second, 'Ada Here');
    // As a login under another name does.
    const { status } = await first.evaluate(async () => {
      const body = JSON.stringify({ name: 'Ada Lovelace' });
      const headers = { 'content-type': 'application/json' };
      return fetch('/api/account/sign-in', { method: 'POST', headers, body }).then(({ status: code }) => ({
        status: code,
      }));
    });
    expect(status).toBe(200);
    await says(second, 'Signed in as Ada Lovelace');
    await say(second, 'Here again');
    await message(second, 'Ada Lovelace Here again');
    await says(first, 'Signed in as Ada Lovelace');
  });

  it('shows a stranger no messages', async () => {
    const [member, stranger] = [await tab(ada), await tab(grace)];
    await signIn(member, 'Ada');
    await say(member, 'For members');
    await message(member, 'Ada For members');
    await says(stranger, 'Signed out');
    expect(await stranger.locator('#messages li').count()).toBe(0);
    expect(await grace.cookies()).toEqual([]);
  });
});
