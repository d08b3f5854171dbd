import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

import { freePort } from '../fixtures/child-server.mjs';
import { launchChromium } from '../fixtures/chromium.js';
import { findPythonModules } from '../fixtures/python-peer.js';
import { SampleServer } from '../fixtures/sample-server.js';

let sample: SampleServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  findPythonModules();
  const env = { REDIS_URL: inject('redisUrl'), QUART_PORT: String(await freePort()) };
  [sample, browser] = await Promise.all([SampleServer.start('start:with-quart', env), launchChromium()]);
  page = await browser.newPage();
  await page.goto(`http://localhost:${sample.port}/`);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await sample?.close();
});

/** What one side shows, by key, once it shows that much. */
async function shown(side: string, count: number): Promise<Record<string, string>> {
  const terms = page.locator(`${side} dt`);
  await (count === 0 ? page.locator(`${side} dd`, { hasText: 'no session' }) : terms.nth(count - 1)).waitFor();
  const [keys, values] = await Promise.all([terms.allTextContents(), page.locator(`${side} dd`).allTextContents()]);
  return Object.fromEntries(keys.map((key, at) => [key, values[at]!]));
}

it('shows one session at two applications, from signing in to signing out', async () => {
  await page.locator('#quart input').fill('Ada');
  await page.locator('#quart button[type=submit]').click();
  expect(await shown('#nest', 2)).toMatchObject({ user: "'Ada'", since: expect.stringMatching(/^\d{4}-.*Z$/) });
  await page.locator('#nest [data-post="cart/tea"]').click();
  expect((await shown('#quart', 3))['cart']).toBe("[('tea', 'NestJS')]");
  await page.locator('#quart [data-post="cart/ink"]').click();
  await page.locator('#nest dd', { hasText: "[ 'ink', 'Quart' ]" }).waitFor();
  await page.locator('#record', { hasText: '{" t":["ink","Quart"]}' }).waitFor();
  expect((await page.context().cookies()).length).toBe(1);

  await page.locator('#nest input').fill('Grace');
  await page.locator('#nest button[type=submit]').click();
  await page.locator('#quart dd', { hasText: "'Grace'" }).waitFor();
  await page.locator('#quart [data-post="sign-out"]').click();
  expect([await shown('#nest', 0), await shown('#quart', 0)]).toEqual([{}, {}]);
  expect(await page.context().cookies()).toEqual([]);
  expect(await page.locator('.problem:visible').count()).toBe(0);
});
