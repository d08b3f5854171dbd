import { afterEach, describe, expect, it } from 'vitest';

import { HmacSigner } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';

const SECRET = 'a secret of the application';

describe.each(platforms)('7.2.1: on %s the server alone decides what a cookie is worth:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it.each([
      ['unsigned', {}],
      ['signed', { secret: SECRET }],
    ])('a good cookie, %s, opens nothing once the back-end has no record of it', async (_kind, session) => {
      apps = await AccountApps.start(platform, backEnd, session);
      const cookie = (await apps.signedIn()).cookieHeader;
      expect(await apps.doors(cookie)).toEqual([200, 200]);
      await apps.store.delete(keyOf(idOf(cookie)));
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });

    it('what the back-end holds is what every instance sees', async () => {
      apps = await AccountApps.start(platform, backEnd);
      const cookie = (await apps.signedIn('ada')).cookieHeader;
      await apps.store.set(keyOf(idOf(cookie)), JSON.stringify({ user: 'eve' }), 60);
      const answers = await apps.answers(cookie);
      expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(['{"user":"eve"}', '{"user":"eve"}']);
    });
  });

  it('a signature that is right does not make up for a record that is not there', async () => {
    apps = await AccountApps.start(platform, 'memory', { secret: SECRET });
    await apps.signedIn();
    const forged = `session=${new HmacSigner(SECRET).sign('0123456789abcdefghijklmnopqrstuv')}`;
    expect(await apps.doors(forged)).toEqual([401, 401]);
  });

  it('a cookie that was changed in any one place opens nothing, and the store is not asked about a bad signature', async () => {
    const store = new SpyStore();
    apps = await AccountApps.start(platform, 'memory', { secret: SECRET, store });
    const [name, value = ''] = (await apps.signedIn()).cookieHeader.split('=');
    expect(await apps.doors(`${name}=${value}`)).toEqual([200, 200]);
    store.taken();
    for (let at = 0; at < value.length; at++) {
      const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
      const answer = await apps.first.client().get('/me', { cookie: `${name}=${changed}` });
      expect([at, answer.status, store.taken()]).toEqual([at, 401, '']);
    }
  });

  it('the cookie holds an id and nothing that the client could change to its gain', async () => {
    apps = await AccountApps.start(platform, 'memory', { secret: SECRET });
    const cookie = (await apps.signedIn('ada')).cookieHeader;
    expect(cookie).toMatch(/^session=[\w-]{32}\.[\w-]{43}$/);
    const [id = '', signature = ''] = cookie.slice('session='.length).split('.');
    for (const part of [id, signature]) expect(Buffer.from(part, 'base64url').toString('latin1')).not.toContain('ada');
  });
});
