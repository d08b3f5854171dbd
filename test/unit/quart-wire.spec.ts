import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore, type SessionModuleOptions } from '../../lib/index.js';
import { TestEngine } from '../fixtures/engine.js';
import { PausedStore } from '../fixtures/paused-store.js';

const ID = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';
const KEY = `session:${ID}`;
const DAY = 24 * 3600;

let store: PausedStore;
let engine: TestEngine;

function start(options: SessionModuleOptions = {}): void {
  store = new PausedStore(new MemoryStore());
  engine = new TestEngine(store, { wire: 'quart', ...options });
}

const record = async (): Promise<unknown> => JSON.parse((await store.inner.get(KEY)) ?? 'null');
const pythonWrites = (data: object): Promise<void> => store.inner.set(KEY, JSON.stringify(data), 31 * DAY);

beforeEach(() => start());
afterEach(() => vi.useRealTimers());

describe("wire: 'quart'", () => {
  it('lies under the plain id, without times of ours', async () => {
    const open = await engine.open(undefined, { permanent: true });
    open.live.user = 'ada';
    await open.commit();
    expect(await store.inner.get(`session:${open.id}`)).toBe('{"_permanent":true,"user":"ada"}');
  });

  it('writes nothing when it only reads what Python wrote', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    store.calls.splice(0);
    expect(open.live.user).toBe('ada');
    await open.commit();
    expect([store.calls, open.cookieNeed]).toEqual([[], 'none']);
  });

  it('does not end a session by a time that Python does not renew', async () => {
    await pythonWrites({ _permanent: true, _seen: 1, user: 'ada' });
    expect(await engine.seen(ID)).toEqual({ user: 'ada' });
  });

  it('counts an absolute timeout from the first write of ours, which Python keeps', async () => {
    start({ absoluteTimeout: '1h' });
    vi.useFakeTimers({ toFake: ['Date'] });
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    open.live.n = 1;
    await open.commit();
    expect(await record()).toMatchObject({ _created: Date.now() / 1000, user: 'ada', n: 1 });
    vi.setSystemTime(Date.now() + 3_601_000);
    expect(await engine.seen(ID)).toBeUndefined();
  });

  it('lays its keys over what Python has overwritten in between', async () => {
    await pythonWrites({ _permanent: true, user: 'ada', theme: 'dark' });
    const open = await engine.open(ID, { permanent: true });
    await pythonWrites({ _permanent: true, _addr: '203.0.113.7', user: 'grace', cart: [1] });
    open.live.theme = 'light';
    await open.commit();
    expect(await record()).toEqual({
      _permanent: true,
      _addr: '203.0.113.7',
      user: 'grace',
      cart: [1],
      theme: 'light',
    });
  });

  it('keeps what Python says about the cookie', async () => {
    await pythonWrites({ _permanent: false, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    open.live.n = 1;
    await open.commit();
    expect([open.expiresAt, open.cookieNeed, await record()]).toEqual([
      undefined,
      'none',
      { _permanent: false, user: 'ada', n: 1 },
    ]);
  });

  it('sends the cookie again after an update too, as each write renews the session', async () => {
    await pythonWrites({ _permanent: true, n: 1 });
    const open = await engine.open(ID, { permanent: true });
    await open.live.update((data) => void (data.n = 2));
    expect(open.cookieNeed).toBe('set');
  });

  it('refuses Map and Set, which Python does not have', async () => {
    const open = await engine.open();
    open.live.tags = new Set(['a']);
    await expect(open.commit()).rejects.toThrow(/tags/);
  });
});

describe('without tombstones', () => {
  it.each(['destroy', 'regenerate'] as const)('%s leaves nothing behind', async (ending) => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    await open.live[ending]();
    expect(await record()).toBeNull();
  });

  it('regenerate keeps what another request writes in the moment before', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    const gate = store.pause('replace', KEY);
    const regenerating = open.live.regenerate({ keep: true });
    await gate.reached;
    await pythonWrites({ _permanent: true, user: 'ada', cart: [1] });
    gate.open();
    await regenerating;
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada', cart: [1] });
    expect(await record()).toBeNull();
  });

  it('of two that regenerate one session, the second is told', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const [one, two] = [await engine.open(ID), await engine.open(ID)];
    const outcomes = await Promise.allSettled([one.live.regenerate(), two.live.regenerate()]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('a slow write does not bring a session back', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const slow = await engine.open(ID, { permanent: true });
    await (await engine.open(ID)).live.destroy();
    slow.live.late = true;
    await slow.commit();
    expect([await record(), slow.cookieNeed]).toEqual([null, 'none']);
  });
});

describe('each part alone', () => {
  it('tombstones, dialect, keys and renewal can be chosen for the native format too', async () => {
    store = new PausedStore(new MemoryStore());
    engine = new TestEngine(store, { hashIds: false, tombstones: false, rolling: 'write' });
    const open = await engine.open();
    open.live.n = 1n;
    await open.commit();
    const key = `session:${open.id}`;
    expect(await store.inner.get(key)).toBe('{"n":{" n":"1"}}');
    await open.live.destroy();
    expect(await store.inner.get(key)).toBeUndefined();
  });

  it('and for the other, the native parts', async () => {
    start({ hashIds: true, tombstones: true });
    const open = await engine.open();
    open.live.n = 1;
    await open.commit();
    const key = engine.records.keyOf(open.id);
    expect(key).not.toContain(open.id);
    await open.live.destroy();
    expect(await store.inner.get(key)).toContain('tombstone');
  });
});
