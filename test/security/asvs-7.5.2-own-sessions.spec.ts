import { afterEach, describe, expect, it, vi } from 'vitest';

import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';
import { endedBy, FRESH, listed, signIn, someone, startUserApps } from './user-apps.js';

describe.each(platforms)('7.5.2: on %s users see their sessions and end them:', (platform) => {
  let apps: AccountApps;

  afterEach(async () => {
    vi.restoreAllMocks();
    await apps.close();
  });

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it('sees all of them, with the device, the times, and which is this one', async () => {
      apps = await startUserApps(platform, backEnd, { device: (request) => request.headers['x-device'] });
      const name = someone();
      const [phone, laptop] = [apps.first.client(), apps.second.client()];
      await phone.post(`/login?name=${name}`, { headers: { 'x-device': 'phone' } });
      await laptop.post(`/login?name=${name}`, { headers: { 'x-device': 'laptop' } });
      const sessions = await listed(phone);
      expect(new Map(sessions.map(({ device, isCurrent }) => [device, isCurrent]))).toEqual(
        new Map([
          ['phone', true],
          ['laptop', false],
        ]),
      );
      for (const { createdAt, seenAt, signedInAt = '', expiresAt } of sessions) {
        expect([createdAt, seenAt, signedInAt].map((time) => Date.parse(time) <= Date.now())).toEqual([
          true,
          true,
          true,
        ]);
        expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
      }
    });

    it('ends one of them, at each instance, and the others live on', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const [own, other, third] = [
        await signIn(apps.first, name),
        await signIn(apps.second, name),
        await signIn(apps.second, name),
      ];
      const handle = (await listed(other)).find(({ isCurrent }) => isCurrent)?.handle ?? '';
      expect(await endedBy(own, `/sessions/end?handle=${handle}`)).toBe(true);
      expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
      for (const client of [own, third]) expect(await apps.doors(client.cookieHeader)).toEqual([200, 200]);
      expect((await listed(own)).map(({ handle: left }) => left)).not.toContain(handle);
      expect(await endedBy(own, `/sessions/end?handle=${handle}`)).toBe(false);
    });

    it('ends the others, or all', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
      expect(await endedBy(own, '/sessions/end-others')).toBe(1);
      expect(await apps.doors(own.cookieHeader)).toEqual([200, 200]);
      expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
      const third = await signIn(apps.second, name);
      expect(await endedBy(own, '/sessions/end-all')).toBe(2);
      for (const client of [own, third]) expect(await apps.doors(client.cookieHeader)).toEqual([401, 401]);
    });

    it('nobody ends a session of another user, whose handle they have', async () => {
      apps = await startUserApps(platform, backEnd);
      const [ada, mallory] = [await signIn(apps.first, someone('ada')), await signIn(apps.first, someone('mallory'))];
      const [{ handle } = { handle: '' }] = await listed(ada);
      expect(await endedBy(mallory, `/sessions/end?handle=${handle}`)).toBe(false);
      expect(await endedBy(mallory, '/sessions/end-others')).toBe(0);
      expect(await apps.doors(ada.cookieHeader)).toEqual([200, 200]);
      expect((await listed(mallory)).map((session) => session.handle)).not.toContain(handle);
    });

    it('a list holds no id and no key of the store, and a handle is no cookie', async () => {
      apps = await startUserApps(platform, backEnd);
      const name = someone();
      const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
      const text = await (await own.get('/sessions')).text();
      for (const { cookieHeader } of [own, other]) {
        expect(text).not.toContain(idOf(cookieHeader));
        expect(text).not.toContain(keyOf(idOf(cookieHeader)).slice('session:'.length));
      }
      for (const { handle } of await listed(own)) {
        expect(handle).toMatch(/^[\w-]{22}$/);
        expect(await apps.doors(`session=${handle}`)).toEqual([401, 401]);
      }
    });

    it('a handle stays while its session is used, and is another one under a new id', async () => {
      apps = await startUserApps(platform, backEnd);
      const client = await signIn(apps.first, someone());
      const [before] = await listed(client);
      for (const path of ['/cart?item=tea', '/stay']) await client.post(path);
      expect((await listed(client)).map(({ handle }) => handle)).toEqual([before?.handle]);
      await client.post('/regenerate');
      const after = await listed(client);
      expect(after).toHaveLength(1);
      expect(after[0]?.handle).not.toBe(before?.handle);
    });
  });

  it('they are asked for the password first, where they have not just given it', async () => {
    apps = await startUserApps(platform);
    const name = someone();
    const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
    const handle = (await listed(other)).find(({ isCurrent }) => isCurrent)?.handle ?? '';
    const now = Date.now() + (FRESH + 1) * 1000;
    vi.spyOn(Date, 'now').mockImplementation(() => now);
    for (const path of [`/sessions/end?handle=${handle}`, '/sessions/end-others', '/sessions/end-all']) {
      expect([path, (await own.post(path)).status]).toEqual([path, 403]);
    }
    expect(await apps.doors(other.cookieHeader)).toEqual([200, 200]);
    await own.post('/confirm');
    expect(await endedBy(own, `/sessions/end?handle=${handle}`)).toBe(true);
    expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
  });

  it('a session that signed out, or has become that of another user, is not in the list', async () => {
    apps = await startUserApps(platform);
    const [ada, grace] = [someone('ada'), someone('grace')];
    const [own, leaving, changing] = [
      await signIn(apps.first, ada),
      await signIn(apps.first, ada),
      await signIn(apps.second, ada),
    ];
    expect(await listed(own)).toHaveLength(3);
    await leaving.post('/logout');
    expect(await listed(own)).toHaveLength(2);
    await changing.post(`/login?name=${grace}`);
    expect(await listed(own)).toMatchObject([{ isCurrent: true }]);
    expect(await listed(changing)).toMatchObject([{ isCurrent: true }]);
    expect(await endedBy(own, '/sessions/end-all')).toBe(1);
    expect(await apps.doors(changing.cookieHeader)).toEqual([200, 200]);
  });

  it.each([
    ['with the plain ids in the keys', { hashIds: false }],
    ['without tombstones', { tombstones: false }],
    ['with sessions that are shared with Python', { wire: 'quart', secret: 'shared' }],
  ] as const)('the same holds %s', async (_what, session) => {
    apps = await startUserApps(platform, 'redis', session);
    const name = someone();
    const [own, other] = [await signIn(apps.first, name), await signIn(apps.second, name)];
    const [first] = (await listed(own)).filter(({ isCurrent }) => !isCurrent);
    expect(JSON.stringify(first)).not.toContain(idOf(other.cookieHeader));
    expect(await apps.doors(`session=${first?.handle}`)).toEqual([401, 401]);
    expect(await endedBy(own, `/sessions/end?handle=${first?.handle}`)).toBe(true);
    expect(await apps.doors(other.cookieHeader)).toEqual([401, 401]);
    expect(await apps.doors(own.cookieHeader)).toEqual([200, 200]);
  });
});
