import { afterEach, describe, expect, it, vi } from 'vitest';

import { SessionConfigurationError } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { AccountApps, idOf } from './account-apps.js';

const SECRET = 'the-one-secret-of-the-deployment';

describe.each(platforms)('7.2.2: on %s each session has an id of its own, drawn when it starts:', (platform) => {
  const running: AccountApps[] = [];

  async function start(): Promise<AccountApps> {
    const apps = await AccountApps.start(platform, 'memory', { secret: SECRET });
    running.push(apps);
    return apps;
  }

  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all(running.splice(0).map((apps) => apps.close()));
  });

  it('the same user at the same moment, from the same address, gets another id each time', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
    const apps = await start();
    const ids = new Set<string>();
    for (let count = 0; count < 20; count++) ids.add(idOf((await apps.signedIn('ada')).cookieHeader));
    expect(ids.size).toBe(20);
  });

  it('an application that starts again with the same options draws other ids', async () => {
    const ids = [];
    for (let count = 0; count < 3; count++) ids.push(idOf((await (await start()).signedIn('ada')).cookieHeader));
    expect(new Set(ids).size).toBe(3);
  });

  it('the secret of the application is neither in the cookie nor good as one', async () => {
    const apps = await start();
    const cookie = (await apps.signedIn()).cookieHeader;
    expect(cookie).not.toContain(SECRET);
    for (const value of [SECRET, `${SECRET}.${SECRET}`, idOf(cookie), `${idOf(cookie)}.${SECRET}`]) {
      expect(await apps.doors(`session=${value}`)).toEqual([401, 401]);
    }
  });

  it('a generator that gives one and the same id is refused at start-up', async () => {
    const generateId = (): string => 'one-id-for-everybody';
    const starting = AccountApps.start(platform, 'memory', { generateId });
    await expect(starting).rejects.toThrow(SessionConfigurationError);
  });
});
