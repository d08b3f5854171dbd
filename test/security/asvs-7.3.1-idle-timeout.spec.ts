import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import type { BackEnd } from '../fixtures/back-ends.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf, keyOf } from './account-apps.js';

const IDLE = 600;

describe.each(platforms)('7.3.1: on %s a session that nobody uses ends:', (platform) => {
  let apps: AccountApps;
  let now: number;

  async function start(backEnd: BackEnd, session: SessionModuleOptions = {}): Promise<void> {
    apps = await AccountApps.start(platform, backEnd, { idleTimeout: IDLE, ...session });
  }

  /** Time goes by for the library; the back-end's own clock stands still, so it still has the record. */
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
    it('the server ends it, whatever the client does with its cookie', async () => {
      await start(backEnd);
      const cookie = (await apps.signedIn()).cookieHeader;
      pass(IDLE + 1);
      // The record is still there: it is the time in it that counts.
      expect(await apps.recordOf(cookie)).toContain('ada');
      expect(await apps.doors(cookie)).toEqual([401, 401]);
      // Having been asked for it again, it stays over.
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });

    it('what is written to it afterwards begins another session, under another id and without its data', async () => {
      await start(backEnd);
      const client = await apps.signedIn();
      const cookie = client.cookieHeader;
      pass(IDLE + 1);
      await client.post('/cart?item=tea');
      expect(idOf(client.cookieHeader)).not.toBe(idOf(cookie));
      expect(await (await client.get('/visit')).json()).toEqual({ user: null, items: ['tea'], isNew: false });
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });

    it('use keeps it alive, for a whole idle timeout from then on', async () => {
      await start(backEnd);
      const cookie = (await apps.signedIn()).cookieHeader;
      for (let count = 0; count < 4; count++) {
        pass(IDLE - 1);
        expect([count, await apps.doors(cookie)]).toEqual([count, [200, 200]]);
      }
      pass(IDLE + 1);
      expect(await apps.doors(cookie)).toEqual([401, 401]);
    });
  });

  it('without rolling, use does not keep it alive', async () => {
    await start('memory', { rolling: false });
    const cookie = (await apps.signedIn()).cookieHeader;
    pass(IDLE - 1);
    expect(await apps.doors(cookie)).toEqual([200, 200]);
    pass(2);
    expect(await apps.doors(cookie)).toEqual([401, 401]);
  });

  it('the cookie itself says no longer time than that', async () => {
    await start('memory');
    const line = (await apps.first.client().post('/login?name=ada')).cookie();
    expect(line).toContain(`Max-Age=${IDLE};`);
  });

  it.each([
    ['redis', {}],
    ['redis', { wire: 'quart' }],
    ['memcached', {}],
    ['memcached', { wire: 'quart' }],
  ] as const)('%s forgets it by itself, with %o', async (backEnd, session) => {
    await start(backEnd, session);
    const cookie = (await apps.signedIn()).cookieHeader;
    const key = 'wire' in session ? `session:${idOf(cookie)}` : keyOf(idOf(cookie));
    const ttl = await secondsToLive(backEnd, key);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(IDLE);
  });
});

async function secondsToLive(backEnd: 'redis' | 'memcached', key: string): Promise<number> {
  if (backEnd === 'memcached') return (await new MemcachedWire(inject('memcachedServer')).about(key)).ttl;
  const redis = new Redis(inject('redisUrl'));
  try {
    return await redis.ttl(key);
  } finally {
    redis.disconnect();
  }
}
