import { afterEach, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';

const AT_ONCE = 20;

describe.each(platforms)('7.4.1: on %s a session that was signed out cannot be used any more:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('its cookie opens nothing at any instance, for whoever kept a copy', async () => {
      apps = await AccountApps.start(platform, backEnd, { secret: 'a secret' });
      const client = await apps.signedIn();
      const copy = client.cookieHeader;
      expect(await apps.doors(copy)).toEqual([200, 200]);
      const logout = await client.post('/logout');
      expect(logout.cookie()).toMatch(/^session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT/);
      expect(client.cookieHeader).toBe('');
      expect(await apps.doors(copy)).toEqual([401, 401]);
    });

    it('its data are gone from the back-end, and stay gone when the tombstone goes', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = await apps.signedIn();
      const copy = client.cookieHeader;
      expect(await apps.recordOf(copy)).toContain('ada');
      await client.post('/logout');
      const left = (await apps.recordOf(copy)) ?? '';
      expect(isTombstone(left)).toBe(true);
      expect(left).not.toContain('ada');
      // As after its 30 seconds.
      await apps.store.delete(keyOf(idOf(copy)));
      expect(await apps.doors(copy)).toEqual([401, 401]);
    });

    it('writing with the old cookie brings nothing back', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = await apps.signedIn();
      const copy = client.cookieHeader;
      await client.post('/logout');
      const write = await apps.second.client().post('/cart?item=tea', { cookie: copy });
      expect(write.setCookie).toEqual([]);
      expect(await apps.doors(copy)).toEqual([401, 401]);
      await apps.store.delete(keyOf(idOf(copy)));
      const later = await apps.second.client().post('/cart?item=tea', { cookie: copy });
      expect(later.cookie()).not.toContain(idOf(copy));
      expect(await apps.doors(copy)).toEqual([401, 401]);
    });

    it.each([
      ['while the tombstone stands', false],
      ['after it has gone', true],
    ])('a request that was under way cannot bring it back, %s', async (_when, gone) => {
      apps = await AccountApps.start(platform, backEnd);
      const client = await apps.signedIn();
      const copy = client.cookieHeader;
      const slow = apps.second.client().post('/slow', { cookie: copy });
      await apps.gate.reached;
      await client.post('/logout');
      if (gone) await apps.store.delete(keyOf(idOf(copy)));
      apps.gate.open();
      const answer = await slow;
      expect(await answer.json()).toEqual({ user: 'ada' });
      expect(answer.setCookie).toEqual([]);
      expect(await apps.doors(copy)).toEqual([401, 401]);
      expect((await apps.recordOf(copy)) ?? '').not.toContain('late');
    });

    it(`it is over when ${AT_ONCE} requests write to it while it is signed out`, async () => {
      apps = await AccountApps.start(platform, backEnd);
      const client = await apps.signedIn();
      const copy = client.cookieHeader;
      const writes = Array.from({ length: AT_ONCE }, (_, at) =>
        (at % 2 === 0 ? apps.first : apps.second).client().post(`/cart?item=${at}`, { cookie: copy }),
      );
      const logout = apps.second.client().post('/logout', { cookie: copy });
      const answers = await Promise.all([...writes, logout]);
      for (const { status } of answers) expect(status).toBe(201);
      expect(await apps.doors(copy)).toEqual([401, 401]);
      expect(isTombstone((await apps.recordOf(copy)) ?? '')).toBe(true);
    });

    it('ends no session but its own', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const [phone, laptop] = [await apps.signedIn('ada'), await apps.signedIn('ada')];
      await phone.post('/logout');
      expect(await apps.doors(laptop.cookieHeader)).toEqual([200, 200]);
    });
  });

  it('the same holds for sessions that are shared with Python', async () => {
    apps = await AccountApps.start(platform, 'redis', { wire: 'quart' });
    const client = await apps.signedIn();
    const copy = client.cookieHeader;
    const slow = apps.second.client().post('/slow', { cookie: copy });
    await apps.gate.reached;
    await client.post('/logout');
    apps.gate.open();
    expect((await slow).setCookie).toEqual([]);
    expect(await apps.doors(copy)).toEqual([401, 401]);
    expect(await apps.store.get(`session:${idOf(copy)}`)).toBeUndefined();
  });

  it('no cache may keep the answers that hand the cookie out and take it away, and each tells that it depends on it', async () => {
    apps = await AccountApps.start(platform);
    const client = apps.first.client();
    for (const path of ['/login?name=ada', '/logout']) {
      const answer = await client.post(path);
      expect([path, answer.header('cache-control'), answer.header('vary')]).toEqual([path, 'no-store', 'Cookie']);
    }
    expect((await client.get('/me')).header('vary')).toBe('Cookie');
  });
});
