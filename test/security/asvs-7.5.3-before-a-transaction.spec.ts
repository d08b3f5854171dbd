import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, type AccountApps } from './account-apps.js';
import { confirmWith, SHORTLY, signIn, someone, startUserApps } from './user-apps.js';

describe.each(platforms)('7.5.3: on %s a transaction needs a second factor that was given just now:', (platform) => {
  let apps: AccountApps;
  let now: number;

  beforeEach(() => {
    now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await apps.close();
  });

  const transfer = async (client: Client): Promise<number> => (await client.post('/transfer')).status;

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('neither a login nor the password alone passes', async () => {
      apps = await startUserApps(platform, backEnd);
      const client = await signIn(apps.first, someone());
      expect(await transfer(client)).toBe(403);
      await confirmWith(client, 'pwd');
      expect(await transfer(client)).toBe(403);
      await confirmWith(client, 'pwd', 'otp');
      expect(await transfer(client)).toBe(201);
    });

    it('counts for a moment, in this session alone', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const [client, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
      await confirmWith(client, 'otp');
      now += (SHORTLY - 1) * 1000;
      expect([await transfer(client), await transfer(other)]).toEqual([201, 403]);
      now += 2000;
      expect(await transfer(client)).toBe(403);
    });
  });

  it('the second factor of one user is none of the next in the same browser', async () => {
    apps = await startUserApps(platform);
    const client = await signIn(apps.first, someone('ada'));
    await confirmWith(client, 'otp');
    await client.post(`/login?name=${someone('grace')}`);
    expect(await transfer(client)).toBe(403);
    await confirmWith(client, 'otp');
    await client.post(`/become?name=${someone('mallory')}`);
    expect(await transfer(client)).toBe(403);
  });

  it('the 403 names the methods that are asked for', async () => {
    apps = await startUserApps(platform);
    const client = await signIn(apps.first, someone());
    const answer = await client.post('/transfer');
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { code: 'FRESH_SIGN_IN_REQUIRED', maxAge: SHORTLY, amr: ['otp'] },
    ]);
  });
});
