import { afterEach, describe, expect, it } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps } from './account-apps.js';
import { endedBy, ownerOf, signIn, someone, startUserApps } from './user-apps.js';

/** With what `endEverybody` needs. */
const everybody: SessionModuleOptions = {
  user: { of: ownerOf, verify: 'read', generation: true },
};

describe.each(platforms)('7.4.5: on %s an administrator ends sessions:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('sees those of one user, and ends them all', async () => {
      apps = await startUserApps(platform, backEnd);
      const [ada, grace] = [someone('ada'), someone('grace')];
      const admin = await signIn(apps.first, grace);
      const users = [await signIn(apps.first, ada), await signIn(apps.second, ada)];
      expect(await (await admin.get(`/admin/sessions?name=${ada}`)).json()).toHaveLength(2);
      expect(await endedBy(admin, `/admin/end?name=${ada}`)).toBe(2);
      for (const user of users) expect(await apps.doors(user.cookieHeader)).toEqual([401, 401]);
      expect(await apps.doors(admin.cookieHeader)).toEqual([200, 200]);
      expect(await endedBy(admin, `/admin/end?name=${ada}`)).toBe(0);
    });

    it('ends those of all users at once, their own too', async () => {
      const keyPrefix = `everybody-${someone(platform)}:`;
      apps = await startUserApps(platform, backEnd, { ...everybody, keyPrefix });
      const [admin, ada, grace] = [
        await signIn(apps.first, someone('admin')),
        await signIn(apps.first, someone('ada')),
        await signIn(apps.second, someone('grace')),
      ];
      for (const user of [admin, ada, grace]) expect(await apps.doors(user.cookieHeader)).toEqual([200, 200]);
      expect((await admin.post('/admin/end-everybody')).status).toBe(201);
      for (const user of [admin, ada, grace]) expect(await apps.doors(user.cookieHeader)).toEqual([401, 401]);
    });

    it('after that users sign in again, and a visitor has kept the cart', async () => {
      const keyPrefix = `everybody-${someone(platform)}:`;
      apps = await startUserApps(platform, backEnd, { ...everybody, keyPrefix });
      const name = someone();
      const [before, visitor] = [await signIn(apps.first, name), apps.second.client()];
      await visitor.post('/cart?item=tea');
      await apps.first.client().post('/admin/end-everybody');
      const after = await signIn(apps.second, name);
      expect(await apps.doors(after.cookieHeader)).toEqual([200, 200]);
      expect(await apps.doors(before.cookieHeader)).toEqual([401, 401]);
      expect(await (await visitor.get('/visit')).json()).toMatchObject({ items: ['tea'] });
    });

    it('a request that was under way brings no session back', async () => {
      const keyPrefix = `everybody-${someone(platform)}:`;
      apps = await startUserApps(platform, backEnd, { ...everybody, keyPrefix });
      const cookie = (await signIn(apps.first, someone())).cookieHeader;
      const slow = apps.second.client().post('/slow', { cookie });
      await apps.gate.reached;
      await apps.first.client().post('/admin/end-everybody');
      apps.gate.open();
      await slow;
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });
  });

  it('what ended stays ended when the back-end loses the generation, or it is no longer used', async () => {
    const keyPrefix = `everybody-${someone(platform)}:`;
    apps = await startUserApps(platform, 'redis', { ...everybody, keyPrefix });
    const ended = await signIn(apps.first, someone());
    await apps.first.client().post('/admin/end-everybody');
    const later = await signIn(apps.first, someone());
    expect(await apps.store.delete(`${keyPrefix}generation=`)).toBe(true);
    for (const user of [ended, later]) expect(await apps.doors(user.cookieHeader)).toEqual([401, 401]);
    const again = await signIn(apps.first, someone());
    const verify = { of: ownerOf, verify: 'read' } as const;
    const without = await AccountApps.start(platform, 'redis', { user: verify, keyPrefix });
    for (const user of [ended, later, again]) expect(await without.doors(user.cookieHeader)).toEqual([401, 401]);
    await without.close();
  });

  it('the same holds for sessions that are shared with Python', async () => {
    const keyPrefix = `everybody-${someone(platform)}:`;
    apps = await startUserApps(platform, 'redis', { wire: 'quart', secret: 'shared', ...everybody, keyPrefix });
    const name = someone();
    const [first, second] = [await signIn(apps.first, name), await signIn(apps.second, someone('grace'))];
    expect(await endedBy(apps.second.client(), `/admin/end?name=${name}`)).toBe(1);
    expect(await apps.doors(first.cookieHeader)).toEqual([401, 401]);
    expect(await apps.doors(second.cookieHeader)).toEqual([200, 200]);
    await apps.first.client().post('/admin/end-everybody');
    expect(await apps.doors(second.cookieHeader)).toEqual([401, 401]);
  });
});
