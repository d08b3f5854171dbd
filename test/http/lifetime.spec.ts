import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { n: number };

@Controller()
class LifetimeController {
  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { n: session.n ?? null };
  }

  @Get('write')
  write(@Session() session: Session<Data>): object {
    session.n = (session.n ?? 0) + 1;
    return { n: session.n };
  }

  @Get('touch')
  touch(@Session() session: Session<Data>): void {
    session.touch();
  }

  @Get('regenerate')
  async regenerate(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: true });
  }
}

const maxAgeOf = (line: string | undefined): number => Number(/Max-Age=(\d+)/.exec(line ?? '')?.[1]);

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp | undefined;
  let store: SpyStore;
  let now: number;

  async function start(session: SessionModuleOptions): Promise<SessionApp> {
    app = await SessionApp.start(platform, { session: { store, ...session }, controllers: [LifetimeController] });
    return app;
  }

  /** Time goes by for the library, not for sockets and timers. */
  function pass(seconds: number): void {
    now += seconds * 1000;
  }

  beforeEach(() => {
    store = new SpyStore();
    now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await app?.close();
  });

  it('gives the record and the cookie the same expiry', async () => {
    const client = (await start({ idleTimeout: '1h' })).client();
    const cookie = (await client.get('/write')).cookie();
    expect(store.ttls.at(-1)).toBe(3600);
    expect(maxAgeOf(cookie)).toBe(3600);
    const expires = Date.parse(/Expires=([^;]+)/.exec(cookie ?? '')?.[1] ?? '');
    expect(Math.abs(expires - (now + 3_600_000))).toBeLessThanOrEqual(1000);
  });

  it('is over once the idle time has gone by', async () => {
    const client = (await start({ idleTimeout: 60 })).client();
    await client.get('/write');
    const before = client.cookieHeader;
    pass(61);
    expect(await (await client.get('/read')).json()).toEqual({ n: null });
    await client.get('/write');
    expect(client.cookieHeader).not.toBe(before);
  });

  it('is renewed by use after a tenth of the idle time, not on each request', async () => {
    const client = (await start({ idleTimeout: 100 })).client();
    await client.get('/write');
    store.taken();
    pass(9);
    expect((await client.get('/read')).cookie()).toBeUndefined();
    expect(store.taken()).toBe('read');
    pass(2);
    const renewed = await client.get('/read');
    expect([store.taken(), store.ttls.at(-1), maxAgeOf(renewed.cookie())]).toEqual(['read replace', 100, 100]);
    pass(95);
    expect(await (await client.get('/read')).json()).toEqual({ n: 1 });
  });

  it('does not get longer by a change before the renewal is due, in the store or in the cookie', async () => {
    const client = (await start({ idleTimeout: 100 })).client();
    await client.get('/write');
    pass(5);
    const changed = await client.get('/write');
    expect([store.ttls.at(-1), changed.cookie()]).toEqual([95, undefined]);
  });

  it('renews and changes with one write when both are due', async () => {
    const client = (await start({ idleTimeout: 100 })).client();
    await client.get('/write');
    pass(50);
    store.taken();
    const changed = await client.get('/write');
    expect([store.taken(), store.ttls.at(-1), maxAgeOf(changed.cookie())]).toEqual(['read replace', 100, 100]);
  });

  it('is not renewed without rolling, but by touch()', async () => {
    const client = (await start({ idleTimeout: 100, rolling: false })).client();
    await client.get('/write');
    pass(50);
    expect((await client.get('/read')).cookie()).toBeUndefined();
    const touched = await client.get('/touch');
    expect([store.ttls.at(-1), maxAgeOf(touched.cookie())]).toEqual([100, 100]);
    pass(101);
    expect(await (await client.get('/read')).json()).toEqual({ n: null });
  });

  it('ends at the absolute timeout, which neither renewal nor regenerate extends', async () => {
    const client = (await start({ idleTimeout: 60, absoluteTimeout: 100 })).client();
    await client.get('/write');
    pass(50);
    await client.get('/read');
    expect(store.ttls.at(-1)).toBe(50);
    const regenerated = await client.get('/regenerate');
    expect([store.ttls.at(-1), maxAgeOf(regenerated.cookie())]).toEqual([50, 50]);
    pass(49);
    expect(await (await client.get('/read')).json()).toEqual({ n: 1 });
    pass(2);
    expect(await (await client.get('/read')).json()).toEqual({ n: null });
  });

  it('keeps birth and last renewal in the record', async () => {
    const client = (await start({ idleTimeout: 100, hashIds: false, keyPrefix: 'k:' })).client();
    await client.get('/write');
    const born = Math.floor(now) / 1000;
    pass(50);
    await client.get('/read');
    const record = JSON.parse((await store.get(`k:${client.jar.get('session')}`)) as string) as object;
    expect(record).toMatchObject({ _created: born, _seen: born + 50, n: 1 });
  });

  it('leaves the expiry out of a browser-session cookie, and still ends in the store', async () => {
    const client = (await start({ idleTimeout: 100, cookie: { persistent: false } })).client();
    const cookie = (await client.get('/write')).cookie();
    expect(cookie).not.toMatch(/Max-Age|Expires/);
    expect(store.ttls.at(-1)).toBe(100);
  });

  it('never sends a cookie for an empty session, rolling or not', async () => {
    const client = (await start({ idleTimeout: 100 })).client();
    expect((await client.get('/touch')).setCookie).toEqual([]);
    expect(store.taken()).toBe('');
  });
});
