import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HmacSigner, SessionConfigurationError, SessionDestroyedError } from '../../../lib/index.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const DAY = 24 * 3600 * 1000;

describe('the session of a message, which no response will carry', () => {
  let store: SpyStore;
  let engine: TestEngine;
  let id: string;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    store = new SpyStore();
    engine = new TestEngine(store);
    id = await engine.stored({ user: 'ada' });
    store.taken();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function message(cookie?: string): Promise<OpenSession> {
    return engine.open(cookie, { cookieObstacle: 'no-response' });
  }

  it('is saved', async () => {
    const open = await message(id);
    open.live.n = 1;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ user: 'ada', n: 1 });
  });

  it('rejects to store a new session', async () => {
    const open = await message();
    open.live.user = 'eve';
    await expect(open.commit()).rejects.toThrow(SessionConfigurationError);
    await expect(open.live.save()).rejects.toThrow('start the session in an HTTP request first');
    await expect(open.live.update(() => 1)).rejects.toThrow('start the session in an HTTP request first');
    expect(store.taken()).toBe('');
  });

  it('rejects to store what was written after a logout in the same message', async () => {
    const open = await message(id);
    await open.live.destroy();
    open.live.user = 'eve';
    await expect(open.commit()).rejects.toThrow('start the session in an HTTP request first');
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('rejects to save a session that has ended meanwhile', async () => {
    const open = await message(id);
    await (await engine.open(id)).live.destroy();
    open.live.n = 1;
    await expect(open.commit()).rejects.toThrow(SessionDestroyedError);
    open.live.n = 2;
    await expect(open.live.save()).rejects.toThrow(SessionDestroyedError);
    expect(engine.warnings).toEqual([]);
  });

  it('rejects what was written under the id of a session that had ended before', async () => {
    await (await engine.open(id)).live.destroy();
    const open = await message(id);
    open.live.n = 1;
    await expect(open.commit()).rejects.toThrow(SessionDestroyedError);
  });

  it('saves nothing and rejects nothing where nothing was written', async () => {
    await (await engine.open(id)).live.destroy();
    expect((await message(id)).commit()).toBeUndefined();
    expect((await message()).commit()).toBeUndefined();
  });

  it('is renewed by its use, once a tenth of the idle timeout has gone by', async () => {
    for (let day = 0; day < 30; day += 2) {
      vi.setSystemTime(Date.now() + 2 * DAY);
      await (await message(id)).commit();
    }
    expect(await engine.seen(id)).toEqual({ user: 'ada' });
    store.taken();
    await (await message(id)).commit();
    expect(store.taken()).toBe('read');
  });

  it("is renewed by each write under rolling: 'write', and by nothing but `touch` and writes under false", async () => {
    for (const rolling of ['write', false] as const) {
      engine = new TestEngine(store, { rolling });
      id = await engine.stored({ n: 0 });
      store.taken();
      store.ttls.length = 0;
      vi.setSystemTime(Date.now() + 7 * DAY);
      await (await message(id)).commit();
      expect(store.taken()).toBe('read');
      const open = await message(id);
      open.live.n = 1;
      await open.commit();
      expect(store.ttls).toEqual([rolling === 'write' ? 14 * 24 * 3600 : 7 * 24 * 3600]);
    }
  });

  it('is not written for a cookie that no response can sign anew', async () => {
    const [old, current] = ['o'.repeat(32), 'c'.repeat(32)];
    engine = new TestEngine(store, { secret: [old] });
    id = await engine.stored({ user: 'ada' });
    const cookie = new HmacSigner([old]).sign(id);
    engine = new TestEngine(store, { secret: [current, old] });
    store.taken();
    await (await message(cookie)).commit();
    expect(store.taken()).toBe('read');
  });
});
