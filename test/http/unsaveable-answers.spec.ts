import { Controller, Get, Inject, Res } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SESSION_STORE } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { rawOf, takenOver, type Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { n: number; clock: unknown; user: string };

@Controller()
class UnsaveableController {
  constructor(@Inject(SESSION_STORE) readonly store: SpyStore) {}

  @Get('login')
  login(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Get('number')
  number(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.n = 1;
    rawOf(reply).end(5 as unknown as string);
  }

  @Get('clock')
  clock(@Session() session: Session<Data>, @Res() reply: Reply): void {
    let ticks = 0;
    session.clock = { toJSON: () => ticks++ };
    takenOver(reply).end('told');
  }

  @Get('unawaited-failure')
  unawaitedFailure(@Session() session: Session<Data>): string {
    this.store.failing = new Set(['set', 'delete']);
    void session.destroy();
    return 'out';
  }
}

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  beforeEach(async () => {
    store = new SpyStore();
    store.delay = 5;
    app = await SessionApp.start(platform, { session: { store }, controllers: [UnsaveableController] });
  });

  afterEach(() => app.close());

  it('refuses a body that Node refuses before the save, so that the filters answer', async () => {
    const answer = await app.client().get('/number');
    expect(answer.status).toBe(500);
  });

  it('ends an answer whose session never looks the same twice', async () => {
    const answer = await app.client().get('/clock');
    expect([answer.status, await answer.text()]).toEqual([200, 'told']);
  });

  it('does not call a logout done that failed and that nobody waited for', async () => {
    const client = app.client();
    await client.get('/login');
    expect((await client.get('/unawaited-failure')).status).toBe(503);
    store.failing.clear();
    expect(await (await client.get('/me')).json()).toEqual({ user: 'ada' });
  });
});
