import { afterEach, describe, expect, it } from 'vitest';

import { SessionConfigurationError, type CookieOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { AccountApps, attributesOf, cookieLinesOf, OVER_HTTPS, TRUSTING } from './account-apps.js';

describe.each(platforms)('3.3.2: on %s', (platform) => {
  let apps: AccountApps | undefined;

  async function start(cookie?: CookieOptions): Promise<AccountApps> {
    apps = await AccountApps.start(platform, 'memory', { ...TRUSTING, ...(cookie && { cookie }) });
    return apps;
  }

  afterEach(async () => {
    await apps?.close();
    apps = undefined;
  });

  it.each([
    ['Lax', undefined],
    ['Lax', {}],
    ['Lax', { sameSite: undefined }],
    ['Lax', { sameSite: 'lax' }],
    ['Strict', { sameSite: 'strict' }],
    ['None', { sameSite: 'none', secure: true }],
  ] as const)('every cookie line says SameSite=%s with %o', async (sameSite, cookie) => {
    const lines = await cookieLinesOf(await start(cookie), OVER_HTTPS);
    expect(lines.map((line) => attributesOf(line).get('samesite'))).toEqual(lines.map(() => sameSite));
  });

  it.each([
    { sameSite: 'none' },
    { sameSite: 'none', secure: false },
    { sameSite: 'None' },
    { sameSite: false },
    { sameSite: true },
    { sameSite: null },
  ])('what browsers would take for something else is refused at start-up: %o', async (cookie) => {
    await expect(start(cookie as CookieOptions)).rejects.toThrow(SessionConfigurationError);
  });
});
