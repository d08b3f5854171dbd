import { afterEach, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';

const MADE_UP = '0123456789abcdefghijklmnopqrstuv';

describe.each(platforms)('7.2.4: on %s signing in gives a new id and ends the old one:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it("the visitor's id opens nothing after the login, at any instance", async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = apps.first.client();
      await client.post('/cart?item=tea');
      const before = client.cookieHeader;
      expect(await apps.doors(before)).toEqual([200, 200]);
      const login = await client.post('/login?name=ada');
      const after = client.cookieHeader;
      expect(login.cookie()).toContain(`session=${idOf(after)}`);
      expect(idOf(after)).not.toBe(idOf(before));
      expect(await apps.doors(before)).toEqual([401, 401]);
      expect(await (await client.get('/visit')).json()).toEqual({ user: 'ada', items: ['tea'], isNew: false });
    });

    it('signing in again changes it again, and signs nobody in who still has the one in between', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = apps.first.client();
      const cookies: string[] = [];
      for (const name of ['ada', 'ada', 'grace']) {
        await client.post(`/login?name=${name}`);
        cookies.push(client.cookieHeader);
      }
      expect(new Set(cookies).size).toBe(3);
      const doors = await Promise.all(cookies.map((cookie) => apps.doors(cookie)));
      expect(doors).toEqual([
        [401, 401],
        [401, 401],
        [200, 200],
      ]);
    });

    it('nothing of the session is left in the back-end under the old id', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = apps.first.client();
      await client.post('/cart?item=tea');
      const before = client.cookieHeader;
      expect(await apps.recordOf(before)).toContain('tea');
      await client.post('/login?name=ada');
      const left = (await apps.recordOf(before)) ?? '';
      expect(isTombstone(left)).toBe(true);
      expect(left).not.toMatch(/tea|ada/);
      // As after its 30 seconds.
      await apps.store.delete(keyOf(idOf(before)));
      expect(await apps.doors(before)).toEqual([401, 401]);
    });

    it('an attacker who gave the victim a cookie of their own is left with a dead one', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const attacker = apps.first.client();
      await attacker.post('/cart?item=bait');
      const planted = attacker.cookieHeader;
      const login = await apps.second.client().post('/login?name=victim', { cookie: planted });
      expect(login.cookie()).toMatch(/^session=[\w-]{32};/);
      expect(login.cookie()).not.toContain(idOf(planted));
      expect(await apps.doors(planted)).toEqual([401, 401]);
      await attacker.post('/cart?item=more', { cookie: planted });
      expect(await apps.doors(planted)).toEqual([401, 401]);
    });

    it('a request that was under way with the old id neither keeps it alive nor takes the new one away', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = apps.first.client();
      await client.post('/cart?item=tea');
      const before = client.cookieHeader;
      const slow = apps.second.client().post('/slow', { cookie: before });
      await apps.gate.reached;
      await client.post('/login?name=ada');
      apps.gate.open();
      expect((await slow).setCookie).toEqual([]);
      expect(await apps.doors(before)).toEqual([401, 401]);
      expect(await (await client.get('/visit')).json()).toMatchObject({ user: 'ada', items: ['tea'] });
    });
  });

  it('an id that the attacker made up is not the one that the victim gets', async () => {
    apps = await AccountApps.start(platform);
    const planted = `session=${MADE_UP}`;
    const login = await apps.first.client().post('/login?name=victim', { cookie: planted });
    expect(login.cookie()).toMatch(/^session=[\w-]{32};/);
    expect(login.cookie()).not.toContain(MADE_UP);
    expect(await apps.doors(planted)).toEqual([401, 401]);
    expect(await apps.recordOf(planted)).toBeUndefined();
  });

  it('the same holds for sessions that are shared with Python', async () => {
    apps = await AccountApps.start(platform, 'redis', { wire: 'quart', secret: 'shared' });
    const client = apps.first.client();
    await client.post('/cart?item=tea');
    const before = client.cookieHeader;
    await client.post('/login?name=ada');
    expect(idOf(client.cookieHeader)).not.toBe(idOf(before));
    expect(await apps.doors(before)).toEqual([401, 401]);
    expect(await apps.store.get(`session:${idOf(before)}`)).toBeUndefined();
  });
});
