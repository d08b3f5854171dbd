import { afterEach, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, idOf, keyOf, type AccountApps } from './account-apps.js';
import { endedBy, ownerOf, signIn, someone, startUserApps } from './user-apps.js';

const AT_ONCE = 20;

describe.each(platforms)('7.4.2: on %s the sessions of an account that is closed end:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('each of them, at each instance, and nobody else’s', async () => {
      apps = await startUserApps(platform, backEnd);
      const [ada, grace] = [someone('ada'), someone('grace')];
      const closed = [await signIn(apps.first, ada), await signIn(apps.second, ada), await signIn(apps.first, ada)];
      const other = await signIn(apps.second, grace);
      const [admin, visitor] = [apps.first.client(), apps.first.client()];
      await visitor.post('/cart?item=tea');
      expect(await endedBy(admin, `/admin/end?name=${ada}`)).toBe(3);
      for (const client of closed) expect(await apps.doors(client.cookieHeader)).toEqual([401, 401]);
      for (const client of [other, visitor]) expect(await apps.doors(client.cookieHeader)).toEqual([200, 200]);
      expect(await (await admin.get(`/admin/sessions?name=${ada}`)).json()).toEqual([]);
    });

    it('their data are gone from the back-end, and stay gone when the tombstones go', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const cookie = (await signIn(apps.first, name)).cookieHeader;
      expect(await apps.recordOf(cookie)).toContain(name);
      await apps.second.client().post(`/admin/end?name=${name}`);
      const left = (await apps.recordOf(cookie)) ?? '';
      expect([isTombstone(left), left.includes(name)]).toEqual([true, false]);
      // As after its 30 seconds.
      await apps.store.delete(keyOf(idOf(cookie)));
      expect(await apps.doors(cookie)).toEqual([401, 401]);
      await apps.first.client().post('/cart?item=tea', { cookie });
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });

    it('a request that was under way cannot bring one back', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const cookie = (await signIn(apps.first, name)).cookieHeader;
      const slow = apps.second.client().post('/slow', { cookie });
      await apps.gate.reached;
      expect(await endedBy(apps.first.client(), `/admin/end?name=${name}`)).toBe(1);
      apps.gate.open();
      expect((await slow).setCookie).toEqual([]);
      expect(await apps.doors(cookie)).toEqual([401, 401]);
      expect((await apps.recordOf(cookie)) ?? '').not.toContain('late');
    });

    it(`neither can ${AT_ONCE} requests that use one meanwhile`, async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const cookie = (await signIn(apps.first, name)).cookieHeader;
      const paths = ['/cart?item=tea', '/stay', '/regenerate'];
      const uses = Array.from({ length: AT_ONCE }, async (_, at) => {
        const client = (at % 2 === 0 ? apps.first : apps.second).client();
        await client.post(paths[at % paths.length] ?? '', { cookie });
        return client.cookieHeader;
      });
      await endedBy(apps.second.client(), `/admin/end?name=${name}`);
      const cookies = (await Promise.all(uses)).filter((line) => line !== '');
      for (const each of [cookie, ...cookies]) expect(await apps.doors(each)).toEqual([401, 401]);
    });

    it('one that is opened again has sessions again', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const before = await signIn(apps.first, name);
      await apps.first.client().post(`/admin/end?name=${name}`);
      const after = await signIn(apps.second, name);
      expect(await apps.doors(after.cookieHeader)).toEqual([200, 200]);
      expect(await apps.doors(before.cookieHeader)).toEqual([401, 401]);
    });
  });

  it.each(['redis', 'memcached'] as const)(
    'the same holds for sessions that are shared with Python, with %s',
    async (backEnd) => {
      apps = await startUserApps(platform, backEnd, { wire: 'quart', secret: 'shared' });
      const name = someone();
      const cookies = [(await signIn(apps.first, name)).cookieHeader, (await signIn(apps.second, name)).cookieHeader];
      expect(await endedBy(apps.first.client(), `/admin/end?name=${name}`)).toBe(2);
      for (const cookie of cookies) {
        expect(await apps.doors(cookie)).toEqual([401, 401]);
        expect(await apps.store.get(`session:${idOf(cookie)}`)).toBeUndefined();
      }
    },
  );

  it("what Python writes back late opens nothing, with verify: 'read'", async () => {
    const user = { of: ownerOf, verify: 'read' } as const;
    apps = await startUserApps(platform, 'redis', { wire: 'quart', user });
    const name = someone();
    const cookie = (await signIn(apps.first, name)).cookieHeader;
    const key = `session:${idOf(cookie)}`;
    const held = (await apps.store.get(key)) ?? '';
    expect(held).toContain(name);
    await endedBy(apps.first.client(), `/admin/end?name=${name}`);
    await apps.store.set(key, held, 60);
    expect(await apps.doors(cookie)).toEqual([401, 401]);
  });
});
