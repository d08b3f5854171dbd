import { afterEach, describe, expect, it } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, type AccountApps } from './account-apps.js';
import { endedBy, listed, signIn, someone, startUserApps } from './user-apps.js';

const AT_ONCE = 10;

describe.each(platforms)('7.1.2: on %s an account has no more sessions than were decided:', (platform) => {
  let apps: AccountApps;

  afterEach(() => apps.close());

  const limited = (beyond: 'end-oldest' | 'refuse'): SessionModuleOptions => ({ sessionsPerUser: { max: 3, beyond } });

  /** Signs in one after the other, at both instances in turn. */
  async function signInTimes(name: string, times: number): Promise<Client[]> {
    const clients: Client[] = [];
    for (let at = 0; at < times; at++) clients.push(await signIn(at % 2 === 0 ? apps.first : apps.second, name));
    return clients;
  }

  /** The browsers among these that are signed in, by what both instances say. */
  async function alive(clients: readonly Client[]): Promise<Client[]> {
    const found: Client[] = [];
    for (const client of clients) {
      const doors = await apps.doors(client.cookieHeader);
      expect(new Set(doors).size).toBe(1);
      if (doors[0] === 200) found.push(client);
    }
    return found;
  }

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it("with 'end-oldest' a sign-in beyond the limit ends the session that was signed in first", async () => {
      apps = await startUserApps(platform, backEnd, limited('end-oldest'));
      const clients = await signInTimes(someone(), 5);
      expect(await alive(clients)).toEqual(clients.slice(2));
      expect(await listed(clients[4] as Client)).toHaveLength(3);
    });

    it("with 'refuse' a sign-in beyond the limit fails with a 409, sets no cookie and ends nothing", async () => {
      apps = await startUserApps(platform, backEnd, limited('refuse'));
      const name = someone();
      const clients = await signInTimes(name, 3);
      const refused = apps.second.client();
      const answer = await refused.post(`/login?name=${name}`);
      expect([answer.status, answer.setCookie, refused.cookieHeader]).toEqual([409, [], '']);
      expect(await alive(clients)).toEqual(clients);
      expect(await listed(clients[0] as Client)).toHaveLength(3);
    });

    it("with 'refuse' there is room again after a sign-out", async () => {
      apps = await startUserApps(platform, backEnd, limited('refuse'));
      const name = someone();
      const clients = await signInTimes(name, 3);
      await clients[1]?.post('/logout');
      const later = await signIn(apps.second, name);
      expect(await alive([...clients, later])).toEqual([clients[0], clients[2], later]);
    });

    it.each(['end-oldest', 'refuse'] as const)(
      `%s leaves exactly the limit of ${AT_ONCE} sign-ins at once`,
      async (beyond) => {
        apps = await startUserApps(platform, backEnd, limited(beyond));
        const name = someone();
        const clients = Array.from({ length: AT_ONCE }, (_, at) => (at % 2 === 0 ? apps.first : apps.second).client());
        const answers = await Promise.all(clients.map((client) => client.post(`/login?name=${name}`)));
        const refused = answers.filter(({ status }) => status === 409).length;
        // With 'end-oldest' a sign-in that later ones have ended before it was stored is told so.
        expect(refused).toBeLessThanOrEqual(AT_ONCE - 3);
        if (beyond === 'refuse') expect(refused).toBe(AT_ONCE - 3);
        expect(answers.filter(({ status }) => status === 201)).toHaveLength(AT_ONCE - refused);
        const living = await alive(clients);
        expect(living).toHaveLength(3);
        expect(await listed(living[0] as Client)).toHaveLength(3);
      },
    );

    it('each account is counted by itself, and a session of nobody is not counted', async () => {
      apps = await startUserApps(platform, backEnd, limited('refuse'));
      const [ada, grace] = [await signInTimes(someone('ada'), 3), await signInTimes(someone('grace'), 3)];
      const visitor = apps.first.client();
      expect((await visitor.post('/cart?item=tea')).status).toBe(201);
      expect(await alive([...ada, ...grace, visitor])).toEqual([...ada, ...grace, visitor]);
    });

    it('sessions that a user has ended are not counted', async () => {
      apps = await startUserApps(platform, backEnd, limited('refuse'));
      const name = someone();
      const [first, ...others] = await signInTimes(name, 3);
      expect(await endedBy(first as Client, '/sessions/end-others')).toBe(2);
      const later = await signInTimes(name, 2);
      expect(await alive([first as Client, ...others, ...later])).toEqual([first, ...later]);
    });
  });

  it('a session that signs in again with a new id counts once', async () => {
    apps = await startUserApps(platform, 'memory', limited('refuse'));
    const name = someone();
    const client = await signIn(apps.first, name);
    for (let at = 0; at < 5; at++) expect((await client.post(`/login?name=${name}`)).status).toBe(201);
    expect(await listed(client)).toHaveLength(1);
  });

  it('the same holds for sessions that are shared with Python', async () => {
    apps = await startUserApps(platform, 'redis', { wire: 'quart', secret: 'shared', ...limited('end-oldest') });
    const clients = await signInTimes(someone(), 5);
    expect(await alive(clients)).toEqual(clients.slice(2));
  });
});
