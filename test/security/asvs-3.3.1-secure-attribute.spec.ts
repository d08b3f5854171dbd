import { afterEach, describe, expect, it } from 'vitest';

import { SessionConfigurationError, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { AccountApps, attributesOf, cookieLinesOf, OVER_HTTPS, TRUSTING } from './account-apps.js';

describe.each(platforms)('3.3.1: on %s', (platform) => {
  const store = new SpyStore();
  let apps: AccountApps | undefined;

  async function start(session: SessionModuleOptions): Promise<AccountApps> {
    apps = await AccountApps.start(platform, 'memory', { store, ...TRUSTING, ...session });
    store.taken();
    return apps;
  }

  afterEach(async () => {
    await apps?.close();
    apps = undefined;
  });

  it.each(['__Host-session', '__Secure-session'])(
    'every cookie line says Secure, with the name %s, the one that removes it too',
    async (name) => {
      const lines = await cookieLinesOf(await start({ cookie: { name, secure: true } }), OVER_HTTPS);
      for (const line of lines) {
        expect(line).toMatch(new RegExp(`^${name}=`));
        expect(attributesOf(line).has('secure')).toBe(true);
      }
    },
  );

  it('as it comes, too, on a request that came over https', async () => {
    for (const line of await cookieLinesOf(await start({}), OVER_HTTPS)) {
      expect(attributesOf(line).has('secure')).toBe(true);
    }
  });

  it('over plain http no session is stored and no cookie leaves, and a warning says why', async () => {
    const started = await start({ cookie: { name: '__Host-session', secure: true } });
    for (const path of ['/cart?item=tea', '/login?name=ada']) {
      expect((await started.first.client().post(path)).setCookie).toEqual([]);
    }
    expect(store.taken()).toBe('');
    expect(started.warnings).toEqual([expect.stringContaining('plain http')]);
  });

  it('a client that says by itself that it came over https is not believed', async () => {
    const { first } = await start({ cookie: { secure: true }, trustProxy: '10.0.0.0/8' });
    const answer = await first.client().post('/login?name=ada', { headers: OVER_HTTPS });
    expect([answer.setCookie, store.taken()]).toEqual([[], '']);
  });

  it.each([
    { name: '__Host-session' },
    { name: '__Secure-session' },
    { name: '__SECURE-session' },
    { name: '__Secure-session', secure: false },
    { name: '__Host-session', secure: 'auto' },
  ] as const)('a prefix without Secure is refused at start-up: %o', async (cookie) => {
    await expect(start({ cookie })).rejects.toThrow(SessionConfigurationError);
  });
});
