import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { BackEnd } from '../fixtures/back-ends.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, type AccountApps } from './account-apps.js';
import { FRESH, signIn, someone, startUserApps } from './user-apps.js';

describe.each(platforms)('7.5.1: on %s a sensitive change needs a fresh sign-in:', (platform) => {
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

  async function start(backEnd: BackEnd = 'memory'): Promise<void> {
    apps = await startUserApps(platform, backEnd, { idleTimeout: FRESH * 4 });
  }

  /** Time goes by for the library; the back-end's own clock stands still. */
  function pass(seconds: number): void {
    now += seconds * 1000;
  }

  const changePhone = async (client: Client): Promise<number> => (await client.post('/phone')).status;

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('passes after a sign-in, and no longer than was decided', async () => {
      await start(backEnd);
      const client = await signIn(apps.first, someone());
      pass(FRESH - 1);
      expect(await changePhone(client)).toBe(201);
      pass(2);
      expect(await changePhone(client)).toBe(403);
      // It is signed in all the same.
      expect(await apps.doors(client.cookieHeader)).toEqual([200, 200]);
    });

    it('passes again after the password was given again, in this session alone', async () => {
      await start(backEnd);
      const name = someone();
      const [client, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
      pass(FRESH + 1);
      expect([await changePhone(client), await changePhone(other)]).toEqual([403, 403]);
      expect((await client.post('/confirm')).status).toBe(201);
      expect([await changePhone(client), await changePhone(other)]).toEqual([201, 403]);
    });

    it('passes again after a login, of the same user too', async () => {
      await start(backEnd);
      const name = someone();
      const client = await signIn(apps.first, name);
      pass(FRESH + 1);
      expect(await changePhone(client)).toBe(403);
      await client.post(`/login?name=${name}`);
      expect(await changePhone(client)).toBe(201);
    });

    it.each(['/stay', '/regenerate', '/cart?item=tea'])('POST %s does not make it fresh', async (path) => {
      await start(backEnd);
      const client = await signIn(apps.first, someone());
      for (let at = 0; at < 3; at++) {
        pass(FRESH / 2);
        expect((await client.post(path)).status).toBe(201);
      }
      expect(await changePhone(client)).toBe(403);
    });
  });

  it('a stranger gets a 401, not a question for the password', async () => {
    await start();
    expect(await changePhone(apps.first.client())).toBe(401);
    const visitor = apps.first.client();
    await visitor.post('/cart?item=tea');
    expect(await changePhone(visitor)).toBe(401);
  });

  it('the 403 tells a front end what to ask for', async () => {
    await start();
    const client = await signIn(apps.first, someone());
    const signedInAt = new Date(now).toISOString();
    pass(FRESH + 1);
    const answer = await client.post('/phone');
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { statusCode: 403, code: 'FRESH_SIGN_IN_REQUIRED', maxAge: FRESH, signedInAt },
    ]);
  });

  it('a sign-in from the future does not stay fresh until then', async () => {
    await start();
    pass(FRESH * 2);
    const client = await signIn(apps.first, someone());
    // As where the clock of this machine is behind that of the one where the user signed in.
    pass(-FRESH * 2);
    expect(await changePhone(client)).toBe(403);
    await client.post('/confirm');
    expect(await changePhone(client)).toBe(201);
  });
});
