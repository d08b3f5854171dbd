import { Controller, Get, Res } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, type ReplaceOutcome } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; n: number };

@Controller()
class CorrectionController {
  @Get('login')
  login(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Get('unawaited-destroy')
  unawaitedDestroy(@Session() session: Session<Data>, @Res() reply: Reply): void {
    void session.destroy();
    reply.send('out');
  }

  @Get('unawaited-regenerate')
  unawaitedRegenerate(@Session() session: Session<Data>, @Res() reply: Reply): void {
    void session.regenerate({ keep: true });
    reply.send('anew');
  }

  @Get('unawaited-update')
  unawaitedUpdate(@Session() session: Session<Data>, @Res() reply: Reply): void {
    void session.update((data) => void (data.n = 1));
    reply.send('counted');
  }

  @Get('unawaited-value')
  unawaitedValue(@Session() session: Session<Data>): string {
    void session.destroy();
    return 'out';
  }

  @Get('touch')
  touch(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.touch();
    reply.send('touched');
  }

  @Get('write')
  write(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.n = 1;
    reply.send('written');
  }
}

/** What is known only when the head of the answer has been formed, but before any byte of it has left. */
describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  beforeEach(async () => {
    store = new SpyStore();
    store.delay = 5;
    app = await SessionApp.start(platform, { session: { store }, controllers: [CorrectionController] });
  });

  afterEach(() => app.close());

  it.each(['unawaited-destroy', 'unawaited-value'])('expires the cookie of a session that /%s ended', async (route) => {
    const client = app.client();
    await client.get('/login');
    const before = client.cookieHeader;
    const answer = await client.get(`/${route}`);
    expect(answer.cookie()).toContain('Max-Age=0');
    expect(await answer.text()).toBe('out');
    expect(await (await client.get('/me', { cookie: before })).json()).toEqual({ user: null });
  });

  it.each(['unawaited-destroy', 'unawaited-regenerate', 'unawaited-update'])(
    'keeps shared caches from storing the cookie of /%s',
    async (route) => {
      const client = app.client();
      if (route !== 'unawaited-update') await client.get('/login');
      const answer = await client.get(`/${route}`);
      expect([answer.cookie(), answer.header('cache-control')]).toEqual([expect.any(String), 'no-store']);
    },
  );

  it('sends the new id of a regenerate that nobody waited for', async () => {
    const client = app.client();
    await client.get('/login');
    const before = client.cookieHeader;
    const answer = await client.get('/unawaited-regenerate');
    expect(await answer.text()).toBe('anew');
    expect(client.cookieHeader).not.toBe(before);
    expect(await (await client.get('/me')).json()).toEqual({ user: 'ada' });
    expect(await (await client.get('/me', { cookie: before })).json()).toEqual({ user: null });
  });

  it('takes the cookie back when the save finds that the session has been ended', async () => {
    const client = app.client();
    await client.get('/login');
    store.replace = async (): Promise<ReplaceOutcome> => 'missing';
    const answer = await client.get('/touch');
    expect([answer.status, await answer.text(), answer.setCookie]).toEqual([200, 'touched', []]);
    // Nothing but a renewal was lost.
    expect(app.warnings).toEqual([]);
  });

  it('sends the id that the record was stored under when the first one drawn was taken', async () => {
    const create = store.create.bind(store);
    let refused = 0;
    store.create = async (...args) => (refused++ === 0 ? false : create(...args));
    const client = app.client();
    const answer = await client.get('/write');
    expect([refused, answer.setCookie.length, await answer.text()]).toEqual([2, 1, 'written']);
    delete (store as Partial<SpyStore>).create;
    store.taken();
    await client.get('/write');
    expect(store.taken()).toBe('read');
  });
});
