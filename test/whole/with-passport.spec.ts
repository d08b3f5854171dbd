import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { freePort } from '../fixtures/child-server.mjs';
import { launchChromium } from '../fixtures/chromium.js';
import { SampleServer } from '../fixtures/sample-server.js';

let sample: SampleServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser's console complained of. */
let complaints: string[];

beforeAll(async () => {
  const env = { PROVIDER_PORT: String(await freePort()) };
  [sample, browser] = await Promise.all([SampleServer.start('start:with-passport', env), launchChromium()]);
}, 120_000);

beforeEach(async () => {
  context = await browser.newContext();
  context.setDefaultTimeout(10_000);
  complaints = [];
  page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(sample.url);
});

afterEach(async () => {
  await context.close();
  expect(complaints).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await sample?.close();
});

const press = (name: string): Promise<void> => page.getByRole('button', { name }).click();
const follow = (name: string): Promise<void> => page.getByRole('link', { name }).click();
const isAt = (heading: string): Promise<void> => page.getByRole('heading', { name: heading }).waitFor();

async function sessionCookie(): Promise<string | undefined> {
  return (await context.cookies()).find(({ name }) => name === 'session')?.value;
}

describe('the sample with Passport', () => {
  it('gives a stranger a page and no cookie', async () => {
    await isAt('Hello, stranger');
    expect(await context.cookies()).toEqual([]);
    const answer = await context.request.get(`${sample.url}public/style.css`);
    expect([answer.status(), answer.headers()['vary'], answer.headers()['set-cookie']]).toEqual([
      200,
      undefined,
      undefined,
    ]);
  });

  it('keeps the cart over a login at the provider, under a new id', async () => {
    await press('Add a book');
    await press('Add a book');
    const before = await sessionCookie();
    await follow('Sign in');
    await isAt('The provider');
    await follow('Ada Lovelace');
    await isAt('Hello, Ada Lovelace');
    expect(await page.locator('#books').textContent()).toBe('2');
    expect(await sessionCookie()).not.toBe(before);
    expect(new URL(page.url()).pathname).toBe('/');
  });

  it('leads a stranger back to the page that was asked for', async () => {
    await follow('Your orders');
    await isAt('The provider');
    await follow('Grace Hopper');
    await isAt('Your orders');
    await page.getByText('Grace Hopper has ordered nothing yet.').waitFor();
  });

  it('says once that the provider did not sign the visitor in', async () => {
    await follow('Sign in');
    await follow('I won’t say');
    await isAt('Hello, stranger');
    await page.getByText('The provider did not sign you in.').waitFor();
    await page.reload();
    expect(await page.getByText('The provider did not sign you in.').count()).toBe(0);
  });

  it('knows a user who has signed out no more, in another tab either', async () => {
    await follow('Sign in');
    await follow('Ada Lovelace');
    const other = await context.newPage();
    await other.goto(`${sample.url}orders`);
    await other.getByText('Ada Lovelace has ordered nothing yet.').waitFor();
    await press('Sign out');
    await isAt('Hello, stranger');
    expect(await sessionCookie()).toBeUndefined();
    await other.reload();
    await other.getByRole('heading', { name: 'The provider' }).waitFor();
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await follow('Sign in');
    await isAt('The provider');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });
});
