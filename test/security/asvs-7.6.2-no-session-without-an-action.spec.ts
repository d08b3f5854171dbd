import { Controller, Post } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { AccountApps } from './account-apps.js';

@Controller()
class IdleController {
  @Post('regenerate')
  regenerate(@Session() session: Session): Promise<void> {
    return session.regenerate();
  }

  @Post('save')
  save(@Session() session: Session): Promise<void> {
    return session.save();
  }

  @Post('taken-back')
  takenBack(@Session() session: Session): void {
    session['user'] = 'ada';
    delete session['user'];
  }

  @Post('nothing')
  nothing(@Session() session: Session): void {
    session['user'] = undefined;
  }
}

const WITHOUT_AN_ACTION = [
  ['GET', '/plain'],
  ['GET', '/visit'],
  ['HEAD', '/visit'],
  ['GET', '/me'],
  ['GET', '/no-such-page'],
  ['OPTIONS', '/visit'],
  ['POST', '/stay'],
  ['POST', '/logout'],
  ['POST', '/regenerate'],
  ['POST', '/save'],
  ['POST', '/taken-back'],
  ['POST', '/nothing'],
] as const;

const MADE_UP = 'session=0123456789abcdefghijklmnopqrstuv';

describe.each(platforms)('7.6.2: on %s no session begins before something is stored in it:', (platform) => {
  let apps: AccountApps;
  let store: SpyStore;

  async function start(session: SessionModuleOptions = {}): Promise<void> {
    store = new SpyStore();
    apps = await AccountApps.start(platform, 'memory', { store, ...session }, { controllers: [IdleController] });
  }

  afterEach(() => apps.close());

  it.each(WITHOUT_AN_ACTION)('%s %s stores nothing and sets no cookie', async (method, path) => {
    await start();
    const answer = await apps.first.client().send(method, path);
    expect([answer.status < 500, answer.setCookie, store.taken()]).toEqual([true, [], '']);
  });

  it.each(WITHOUT_AN_ACTION)('%s %s does not make a session of a cookie that opens none', async (method, path) => {
    await start();
    const answer = await apps.first.client().send(method, path, { cookie: MADE_UP });
    expect(answer.status).toBeLessThan(500);
    for (const line of answer.setCookie) expect(line).toMatch(/^session=; Max-Age=0;/);
    expect(store.taken()).toMatch(/^(read)?$/);
    expect(await apps.doors(MADE_UP)).toEqual([401, 401]);
  });

  it.each([
    ['/login?name=ada', { user: 'ada', items: [] }],
    ['/cart?item=tea', { user: null, items: ['tea'] }],
  ])('POST %s does begin one, by one command to the store', async (path, data) => {
    await start();
    const client = apps.first.client();
    const answer = await client.post(path);
    expect([answer.setCookie.length, store.taken()]).toEqual([1, 'create']);
    expect(await (await client.get('/visit')).json()).toEqual({ ...data, isNew: false });
  });

  it('Redis holds no key more after a thousand visits', async () => {
    const keyPrefix = `visits-${platform}-${process.pid}:`;
    apps = await AccountApps.start(platform, 'redis', { keyPrefix }, { controllers: [IdleController] });
    const redis = new Redis(inject('redisUrl'));
    try {
      for (let round = 0; round < 50; round++) {
        const visits = Array.from({ length: 20 }, (_, at) =>
          apps.first.client().get('/visit', at % 2 === 0 ? {} : { cookie: MADE_UP }),
        );
        for (const answer of await Promise.all(visits)) expect(answer.setCookie).toEqual([]);
      }
      expect(await redis.keys(`${keyPrefix}*`)).toEqual([]);
      await apps.signedIn();
      expect(await redis.keys(`${keyPrefix}*`)).toHaveLength(1);
    } finally {
      redis.disconnect();
    }
  });
});
