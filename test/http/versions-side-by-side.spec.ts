import { Controller, Get, Inject, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import { MemoryStore, Session, UserSessions, type SessionBus, type SessionModuleOptions } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

interface Data {
  user: string;
  visits: number;
}

@Controller()
class VisitController {
  constructor(@Inject(UserSessions) private readonly users: UserSessions) {}

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
    session.visits = 0;
  }

  @Post('visit')
  async visit(@Session() session: Session<Data>): Promise<object> {
    await session.update((data) => void (data.visits = (data.visits ?? 0) + 1));
    return { visits: session.visits };
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { user: session.user, visits: session.visits };
  }

  @Get('devices')
  devices(): Promise<object> {
    return this.users.list('ada');
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }
}

const [OLD, NEW] = ['an old secret of thirty-two letters', 'a new secret of thirty-two letters!'];
const user: SessionModuleOptions['user'] = (data) => data.user as string | undefined;

const bus: SessionBus = { publish: async () => {}, subscribe: () => () => {} };

const VERSIONS: readonly (readonly [what: string, old: SessionModuleOptions, next: SessionModuleOptions])[] = [
  ['secrets', { secret: [OLD, NEW] }, { secret: [NEW, OLD] }],
  ['users', { user: undefined }, { user, device: () => 'a phone' }],
  ['users that are verified', { user }, { user: { of: (data) => data.user as string | undefined, verify: 'read' } }],
  ['buses', {}, { bus }],
  ['lifetimes', { idleTimeout: '1d' }, { idleTimeout: '14d', absoluteTimeout: '30d' }],
  ['places for the session', {}, { exposeAs: 'httpSession', context: true, closeOnEnd: true }],
  ['tombstones', { tombstones: false }, {}],
  ['limits', {}, { maxRecordBytes: 2000, staticFiles: true }],
];

describe.each(platforms)('two versions of an application on %s', (platform) => {
  const apps: SessionApp[] = [];

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
  });

  async function side(store: MemoryStore, session: SessionModuleOptions): Promise<SessionApp> {
    const app = await SessionApp.start(platform, {
      session: { user, store, ...session },
      controllers: [VisitController],
    });
    apps.push(app);
    return app;
  }

  it.each(VERSIONS)('with different %s keep one browser signed in, and every update', async (_what, old, next) => {
    const store = new MemoryStore();
    const [one, other] = [await side(store, old), await side(store, next)];
    const jar = new Map<string, string>();
    await new Client(one.port, jar).post('/login');
    for (let round = 0; round < 6; round++) {
      const browsers = [one, other].map((app) => new Client(app.port, jar));
      const answers = await Promise.all(browsers.map((browser) => browser.post('/visit')));
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    }
    for (const app of [other, one, other]) {
      expect(await (await new Client(app.port, jar).get('/me')).json()).toEqual({ user: 'ada', visits: 12 });
    }
    expect(await (await new Client(other.port, jar).get('/devices')).json()).toHaveLength(1);
    const kept = new Map(jar);
    await new Client(other.port, jar).post('/logout');
    for (const app of [one, other])
      expect(await (await new Client(app.port, new Map(kept)).get('/me')).json()).toEqual({});
  });
});
