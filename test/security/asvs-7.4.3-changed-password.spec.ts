import { afterEach, describe, expect, it } from 'vitest';

import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, idOf, type AccountApps } from './account-apps.js';
import { endedBy, listed, signIn, someone, startUserApps } from './user-apps.js';

describe.each(platforms)('7.4.3: on %s a changed password ends the other sessions:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('all but the one in which it was changed, at each instance', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const own = await signIn(apps.first, name);
      const others = [await signIn(apps.first, name), await signIn(apps.second, name)];
      expect(await endedBy(own, '/password')).toBe(2);
      expect(await apps.doors(own.cookieHeader)).toEqual([200, 200]);
      for (const other of others) expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
      expect(await listed(own)).toMatchObject([{ isCurrent: true }]);
    });

    it('a stolen copy of its own cookie opens nothing either', async () => {
      apps = await startUserApps(platform, backEnd);
      const own = await signIn(apps.first, someone());
      const stolen = own.cookieHeader;
      expect(await endedBy(own, '/password')).toBe(0);
      expect(idOf(own.cookieHeader)).not.toBe(idOf(stolen));
      expect(await apps.doors(stolen)).toEqual([401, 401]);
      expect(await apps.doors(own.cookieHeader)).toEqual([200, 200]);
    });

    it('a request of another session that was under way cannot bring it back', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
      const slow = apps.second.client().post('/slow', { cookie: other.cookieHeader });
      await apps.gate.reached;
      await own.post('/password');
      apps.gate.open();
      expect((await slow).setCookie).toEqual([]);
      expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
    });

    it('of two that change it at once at most one stays', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const clients = [await signIn(apps.first, name), await signIn(apps.second, name)];
      await Promise.all(clients.map((client) => client.post('/password')));
      const doors = await Promise.all(clients.map(({ cookieHeader }) => apps.doors(cookieHeader)));
      const living = doors.filter(([first, second]) => first === 200 && second === 200);
      expect(doors.filter(([first, second]) => first !== second)).toEqual([]);
      expect(living.length).toBeLessThanOrEqual(1);
    });

    it('nobody else is signed out', async () => {
      apps = await startUserApps(platform, backEnd);
      const [ada, grace] = [await signIn(apps.first, someone('ada')), await signIn(apps.first, someone('grace'))];
      await ada.post('/password');
      expect(await apps.doors(grace.cookieHeader)).toEqual([200, 200]);
    });
  });

  it('the same holds for sessions that are shared with Python', async () => {
    apps = await startUserApps(platform, 'redis', { wire: 'quart', secret: 'shared' });
    const name = someone();
    const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
    expect(await endedBy(own, '/password')).toBe(1);
    expect(await apps.doors(own.cookieHeader)).toEqual([200, 200]);
    expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
  });
});
