import { Controller, Get, Post } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HmacSigner, Session, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; visits: number };

@Controller()
class AccountController {
  @Post('start')
  start(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('who')
  who(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Post('visit')
  visit(@Session() session: Session<Data>): void {
    session.visits = (session.visits ?? 0) + 1;
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'grace';
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }
}

const SECRET = 'a secret of thirty-two characters';
const NEVER_STORED = 'n'.repeat(32);

describe.each(platforms)('several cookies of our name on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  async function start(session: SessionModuleOptions = {}): Promise<void> {
    await app?.close();
    store = new SpyStore();
    app = await SessionApp.start(platform, { session: { store, ...session }, controllers: [AccountController] });
  }

  beforeEach(() => start());

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
  });

  /** The cookie of a new session. */
  async function started(): Promise<string> {
    const client = app.client();
    await client.post('/start');
    store.taken();
    return client.cookieHeader;
  }

  async function who(cookie: string): Promise<unknown> {
    const answer = await app.client().get('/who', { cookie });
    return (await answer.json<Data>()).user;
  }

  it('one that has no record does not hide a live one', async () => {
    const live = await started();
    expect(await who(`session=${NEVER_STORED}; ${live}`)).toBe('ada');
    expect(store.taken()).toBe('read read');
  });

  it('one with a tombstone does not hide a live one', async () => {
    const [dead, live] = [await started(), await started()];
    await app.client().post('/logout', { cookie: dead });
    expect(await who(`${dead}; ${live}`)).toBe('ada');
  });

  it('one that has expired does not hide a live one', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const dead = await started();
    vi.setSystemTime(Date.now() + 15 * 24 * 3600 * 1000);
    const live = await started();
    expect(await who(`${dead}; ${live}`)).toBe('ada');
  });

  it('the first one costs one read when it is live', async () => {
    const [first, second] = [await started(), await started()];
    expect(await who(`${first}; ${second}`)).toBe('ada');
    expect(store.taken()).toBe('read');
  });

  it('a tombstone counts where none is live: nothing is stored', async () => {
    const dead = await started();
    await app.client().post('/logout', { cookie: dead });
    store.taken();
    const answer = await app.client().post('/visit', { cookie: `session=${NEVER_STORED}; ${dead}` });
    expect([answer.status, answer.setCookie]).toEqual([201, []]);
    expect(store.taken()).toBe('read read');
  });

  it('four ids are looked up at most, and each once', async () => {
    const live = await started();
    const dead = Array.from({ length: 9 }, (_, index) => `session=${'d'.repeat(31)}${index}`);
    expect(await who([...dead, live].join('; '))).toBeNull();
    expect(store.taken()).toBe('read read read read');
    expect(await who(`${`session=${NEVER_STORED}; `.repeat(50)}${live}`)).toBe('ada');
    expect(store.taken()).toBe('read read');
  });

  it('forged ones in front of a signed one are skipped without a store command, and verified up to a bound', async () => {
    await start({ secret: [SECRET, `${SECRET} of old`, `${SECRET} of yore`] });
    const verified = vi.spyOn(HmacSigner.prototype, 'unsign');
    const live = await started();
    const forged = Array.from({ length: 15 }, (_, index) => `session=${NEVER_STORED}.${index}`);
    expect(await who([...forged, live].join('; '))).toBe('ada');
    expect(store.taken()).toBe('read');
    verified.mockClear();
    const flood = Array.from({ length: 250 }, (_, index) => `session=${NEVER_STORED}.${index}`);
    expect(await who(flood.join('; '))).toBeNull();
    expect(verified.mock.calls.length).toBe(16);
    verified.mockRestore();
  });

  it('signing out ends every live one, and expires the cookie with and without its domain', async () => {
    await start({ cookie: { domain: 'example.com' } });
    const [first, second] = [await started(), await started()];
    const answer = await app.client().post('/logout', { cookie: `session=${NEVER_STORED}; ${first}; ${second}` });
    expect(answer.setCookie).toHaveLength(2);
    for (const line of answer.setCookie) expect(line).toMatch(/^session=; Max-Age=0;/);
    expect(answer.setCookie.map((line) => line.includes('Domain=example.com'))).toEqual([true, false]);
    expect([await who(first), await who(second)]).toEqual([null, null]);
  });

  it('signing out expires the cookie of the very host as a domain too, where none is configured', async () => {
    const [first, second] = [await started(), await started()];
    const headers = { host: 'app.example.com:8080' };
    const answer = await app.client().post('/logout', { cookie: `${first}; ${second}`, headers });
    expect(answer.setCookie.map((line) => /Domain=([^;]*)/.exec(line)?.[1])).toEqual([undefined, 'app.example.com']);
    for (const host of ['127.0.0.1', '[::1]:80', 'localhost', 'a b.example.com', 'x.example.com; Path=/x']) {
      const pair = `${await started()}; ${await started()}`;
      const other = await app.client().post('/logout', { cookie: pair, headers: { host } });
      expect([host, other.setCookie.length]).toEqual([host, 1]);
    }
  });

  it('signing in ends the others, so that the new session is the one that opens from then on', async () => {
    const [first, second] = [await started(), await started()];
    const client = app.client();
    await client.post('/login', { cookie: `${first}; ${second}` });
    expect([await who(first), await who(second)]).toEqual([null, null]);
    expect(await who(`${second}; ${client.cookieHeader}`)).toBe('grace');
  });

  it('a session that another page has put in front is not left behind by a logout', async () => {
    const [own, planted] = [await started(), await started()];
    await app.client().post('/logout', { cookie: `${planted}; ${own}` });
    expect(await who(own)).toBeNull();
  });
});
