import { afterEach, describe, expect, it } from 'vitest';

import { SessionConfigurationError, type CookieOptions, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { AccountApps, attributesOf, cookieLinesOf, OVER_HTTPS, TRUSTING } from './account-apps.js';

const NAME = '__Host-session';

describe.each(platforms)('3.3.3: on %s', (platform) => {
  let apps: AccountApps | undefined;

  async function start(session: SessionModuleOptions): Promise<AccountApps> {
    apps = await AccountApps.start(platform, 'memory', { ...TRUSTING, ...session });
    return apps;
  }

  afterEach(async () => {
    await apps?.close();
    apps = undefined;
  });

  it('every cookie line is one that browsers take under the prefix: Secure, Path=/ and no Domain', async () => {
    const lines = await cookieLinesOf(await start({ cookie: { name: NAME, secure: true } }), OVER_HTTPS);
    for (const line of lines) {
      expect(line.startsWith(`${NAME}=`)).toBe(true);
      const attributes = attributesOf(line);
      expect([attributes.has('secure'), attributes.get('path'), attributes.has('domain')]).toEqual([true, '/', false]);
    }
  });

  it('the cookie is for this host alone unless a domain is asked for', async () => {
    for (const line of await cookieLinesOf(await start({}))) expect(attributesOf(line).has('domain')).toBe(false);
    await apps?.close();
    const shared = await start({ cookie: { domain: 'example.com' } });
    for (const line of await cookieLinesOf(shared)) expect(attributesOf(line).get('domain')).toBe('example.com');
  });

  it.each([
    { name: NAME, secure: true, path: '/account' },
    { name: NAME, secure: true, domain: 'example.com' },
    { name: '__host-session', secure: true, domain: 'example.com' },
    { name: NAME },
  ] as const)('what browsers would drop under the prefix is refused at start-up: %o', async (cookie: CookieOptions) => {
    await expect(start({ cookie })).rejects.toThrow(SessionConfigurationError);
  });

  it("a neighbour's cookie under a name that is only like ours does not stand in for it", async () => {
    const { first } = await start({ cookie: { name: NAME, secure: true } });
    const client = first.client();
    await client.post('/login?name=ada', { headers: OVER_HTTPS });
    const value = client.jar.get(NAME) ?? '';
    const me = async (cookie: string): Promise<number> =>
      (await first.client().get('/me', { cookie, headers: OVER_HTTPS })).status;
    expect(await me(`${NAME}=${value}`)).toBe(200);
    // What a subdomain can set for its parent, since browsers do not see the prefix in it.
    for (const name of ['session', '__host-session', '__HOST-session', '__Host-session2', '\u00a0__Host-session']) {
      expect([name, await me(`${name}=${value}`)]).toEqual([name, 401]);
    }
    expect(await me(`=${NAME}=${value}`)).toBe(401);
  });
});
