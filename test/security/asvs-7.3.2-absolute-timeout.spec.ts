import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import type { BackEnd } from '../fixtures/back-ends.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';

const IDLE = 600;
const ABSOLUTE = 3600;

describe.each(platforms)('7.3.2: on %s a session ends at last, however busy it is:', (platform) => {
  let apps: AccountApps;
  let now: number;

  async function start(backEnd: BackEnd, session: SessionModuleOptions = {}): Promise<void> {
    const lifetime = { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE };
    apps = await AccountApps.start(platform, backEnd, { ...lifetime, ...session });
  }

  function pass(seconds: number): void {
    now += seconds * 1000;
  }

  beforeEach(() => {
    now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await apps.close();
  });

  describe.each(accountBackEnds)('with %s', (backEnd) => {
    it.each([
      ['reading', '/visit', 'GET'],
      ['writing', '/cart?item=tea', 'POST'],
      ['signing in again', '/login?name=ada', 'POST'],
    ])('%s does not keep it alive', async (_what, path, method) => {
      await start(backEnd);
      const client = await apps.signedIn();
      // Eleven times five minutes, so that it is never idle for long.
      for (let count = 0; count < 11; count++) {
        pass(300);
        await client.send(method, path);
        expect([count, (await client.get('/me')).status]).toEqual([count, 200]);
      }
      const last = client.cookieHeader;
      expect(await apps.recordOf(last)).toContain('ada');
      pass(301);
      expect(await apps.doors(last)).toEqual([401, 401]);
    });

    it('a login after that begins another session, which lives as long again', async () => {
      await start(backEnd, { idleTimeout: ABSOLUTE });
      const client = await apps.signedIn();
      const before = client.cookieHeader;
      pass(ABSOLUTE + 1);
      await client.post('/login?name=ada');
      expect(idOf(client.cookieHeader)).not.toBe(idOf(before));
      pass(ABSOLUTE - 1);
      expect((await client.get('/me')).status).toBe(200);
      pass(2);
      expect((await client.get('/me')).status).toBe(401);
    });
  });

  it('without an idle timeout that is shorter, too', async () => {
    await start('memory', { idleTimeout: '14d' });
    const client = await apps.signedIn();
    pass(ABSOLUTE - 1);
    expect((await client.get('/me')).status).toBe(200);
    pass(2);
    expect((await client.get('/me')).status).toBe(401);
  });

  it('neither the cookie nor Redis gives a renewed session more time than it has left', async () => {
    await start('redis');
    const client = await apps.signedIn();
    const redis = new Redis(inject('redisUrl'));
    try {
      let renewal: string | undefined;
      for (let count = 0; count < 7; count++) {
        pass(500);
        renewal = (await client.get('/visit')).cookie();
      }
      // 3,500 of 3,600 seconds are over.
      expect(renewal).toContain('Max-Age=100;');
      expect(await redis.ttl(keyOf(idOf(client.cookieHeader)))).toBeLessThanOrEqual(100);
    } finally {
      redis.disconnect();
    }
  });

  it('a session that is shared with Python ends as well', async () => {
    await start('redis', { wire: 'quart' });
    const client = await apps.signedIn();
    for (let count = 0; count < 7; count++) {
      pass(500);
      await client.post('/cart?item=tea');
    }
    expect((await client.get('/me')).status).toBe(200);
    pass(101);
    expect((await client.get('/me')).status).toBe(401);
  });
});
