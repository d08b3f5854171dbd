import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { MemoryStore, MEMORY_STORE_MAX } from '../../lib/stores/memory.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { runProgram } from '../fixtures/child-program.js';
import { TestEngine } from '../fixtures/engine.js';

describeSessionStore('MemoryStore: every promise', async () => ({ store: new MemoryStore() }), {
  describe,
  it,
  beforeAll,
  afterAll,
});

let warn: MockInstance<typeof process.emitWarning>;

beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('MemoryStore', () => {
  it('keeps no more records than its bound, and lets go of the one unused for longest', async () => {
    const store = new MemoryStore({ max: 2 });
    await store.set('a', 'a');
    await store.set('b', 'b');
    await store.get('a');
    await store.set('c', 'c');
    expect(await Promise.all(['a', 'b', 'c'].map((key) => store.get(key)))).toEqual(['a', undefined, 'c']);
  });

  it('is bounded by default', async () => {
    const store = new MemoryStore();
    for (let count = 0; count <= MEMORY_STORE_MAX; count++) await store.set(`${count}`, 'value');
    expect(await store.get('0')).toBeUndefined();
    expect(await store.get('1')).toBe('value');
  });

  it('gives a record that came to the same text a new version', async () => {
    const store = new MemoryStore();
    await store.create('key', 'a', 60);
    const stored = await store.read('key');
    await store.set('key', 'b', 60);
    await store.set('key', 'a', 60);
    expect(await store.replace('key', 'c', 60, stored?.version)).toBe('conflict');
  });

  it('shares nothing with another one', async () => {
    const [one, other] = [new MemoryStore(), new MemoryStore()];
    await one.set('key', 'value');
    expect(await other.get('key')).toBeUndefined();
  });

  it.each([0, -1, 1.5, Infinity, NaN, '10' as unknown as number])('refuses a bound of %s', (bound) => {
    expect(() => new MemoryStore({ max: bound })).toThrow(/max is .* whole number of at least 1/);
    expect(() => new MemoryStore({ maxBytes: bound })).toThrow(/maxBytes is .* whole number of at least 1/);
  });

  it.each([0, -1, 1.5, Infinity, NaN])('refuses a lifetime of %s', async (ttl) => {
    const refused = { code: 'SESSION_CONFIGURATION' };
    await expect(new MemoryStore().set('key', 'value', ttl)).rejects.toMatchObject(refused);
    await expect(new MemoryStore().create('key', 'value', ttl)).rejects.toMatchObject(refused);
  });

  it('does not keep the process alive', async () => {
    const program = `
      import { MemoryStore } from '~/lib/stores/memory.store.ts';
      const store = new MemoryStore();
      await store.set('key', 'value', 3600);
      console.log(await store.get('key'));
    `;
    expect(await runProgram(program, { drivers: 'missing' })).toMatchObject({ code: 0, stdout: 'value\n' });
  });
});

describe('A MemoryStore that is full', () => {
  const own = (store: MemoryStore, ...keys: string[]): Promise<(string | undefined)[]> =>
    Promise.all(keys.map((key) => store.get(key)));

  it('keeps sessions from the keys of the application', async () => {
    const store = new MemoryStore({ max: 2 });
    await store.create('session', 'owner', 60);
    for (let count = 0; count < 10; count++) await store.set(`value-${count}`, 'value');
    expect(await own(store, 'session', 'value-7', 'value-8', 'value-9')).toEqual([
      'owner',
      undefined,
      'value',
      'value',
    ]);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('a value of the application'), 'MemoryStore']]);
  });

  it('keeps the keys of the application from sessions', async () => {
    const store = new MemoryStore({ max: 2 });
    await store.set('value', 'own');
    for (let count = 0; count < 10; count++) await store.create(`session-${count}`, 'record', 60);
    expect(await own(store, 'value', 'session-7', 'session-8')).toEqual(['own', undefined, 'record']);
  });

  it('counts a tombstone as the session whose place it takes, and a replaced value as a value', async () => {
    const store = new MemoryStore({ max: 1 });
    await store.create('session', 'record', 60);
    await store.set('session', 'tombstone', 60);
    await store.set('value', 'old');
    expect(await store.replace('value', 'new', 60, (await store.read('value'))?.version)).toBe('replaced');
    expect(await own(store, 'session', 'value')).toEqual(['tombstone', 'new']);
    expect(await store.create('value', 'record', 60)).toBe(false);
    expect(await store.delete('value')).toBe(true);
    expect(await store.delete('session')).toBe(true);
    expect(await own(store, 'session', 'value')).toEqual([undefined, undefined]);
    expect(warn).not.toHaveBeenCalled();
  });

  it('holds no more bytes than its bound, of keys and values together', async () => {
    const store = new MemoryStore({ maxBytes: 40 });
    await store.create('a', 'x'.repeat(9), 60);
    await store.create('b', 'x'.repeat(9), 60);
    expect(await own(store, 'a', 'b')).toEqual(['x'.repeat(9), 'x'.repeat(9)]);
    expect(warn).not.toHaveBeenCalled();
    await store.create('c', '', 60);
    expect(await own(store, 'a', 'b', 'c')).toEqual([undefined, 'x'.repeat(9), '']);
    const { version } = (await store.read('c')) ?? {};
    expect(await store.replace('c', '€'.repeat(19), 60, version)).toBe('replaced');
    expect(await own(store, 'a', 'b', 'c')).toEqual([undefined, undefined, '€'.repeat(19)]);
  });

  it('refuses what alone is larger than its bound, and loses nothing', async () => {
    const store = new MemoryStore({ maxBytes: 40 });
    await store.create('a', 'record', 60);
    await store.set('v', 'value');
    const { version } = (await store.read('a')) ?? {};
    const refused = { code: 'SESSION_TOO_LARGE', message: expect.stringContaining('maxBytes') };
    await expect(store.create('b', 'x'.repeat(20), 60)).rejects.toMatchObject(refused);
    await expect(store.replace('a', 'x'.repeat(20), 60, version)).rejects.toMatchObject(refused);
    await expect(store.set('v', 'x'.repeat(20))).rejects.toMatchObject(refused);
    expect(await own(store, 'a', 'b', 'v')).toEqual(['record', undefined, 'value']);
    expect(await store.replace('a', 'x'.repeat(19), 60, version)).toBe('replaced');
    expect(warn).not.toHaveBeenCalled();
  });

  it('lets go of expired records first, without a warning', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const store = new MemoryStore({ max: 3 });
    await store.create('live', 'record', 60);
    await store.create('short', 'record', 1);
    await store.create('shorter', 'record', 1);
    clock.mockReturnValue(2001);
    await store.create('new', 'record', 60);
    await store.create('newer', 'record', 60);
    expect(await own(store, 'live', 'new', 'newer')).toEqual(['record', 'record', 'record']);
    expect(warn).not.toHaveBeenCalled();
  });

  it('lets go of expired records first however soon it needs room again', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const store = new MemoryStore({ max: 2 });
    await store.create('short', 'record', 1);
    await store.create('longer', 'record', 2);
    clock.mockReturnValue(2001);
    await store.create('a', 'record', 60);
    await store.read('longer');
    clock.mockReturnValue(3000.5);
    await store.create('b', 'record', 60);
    expect(await own(store, 'a', 'b')).toEqual(['record', 'record']);
    expect(warn).not.toHaveBeenCalled();
  });

  it('makes room in steps: one request does not pay for all that has expired', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const store = new MemoryStore({ max: 1000 });
    for (let count = 0; count < 1000; count++) await store.create(`${count}`, 'record', 1 + (count % 2));
    for (const now of [1500, 2500, 3500]) {
      clock.mockReturnValue(now).mockClear();
      await store.create(`new-${now}`, 'record', 60);
      // It reads the clock for each record that it looks at.
      expect(clock.mock.calls.length).toBeLessThan(10);
    }
    expect(await own(store, 'new-1500', 'new-2500', 'new-3500')).toEqual(['record', 'record', 'record']);
  });

  it('looks for expired records when it needs room, and not when it writes over what it has', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const store = new MemoryStore({ max: 2 });
    await store.create('live', 'record', 60);
    await store.create('short', 'record', 1);
    clock.mockReturnValue(1999);
    const { version } = (await store.read('live')) ?? {};
    await store.replace('live', 'other', 60, version);
    await store.read('short');
    clock.mockReturnValue(2001);
    await store.create('new', 'record', 60);
    expect(await own(store, 'live', 'new')).toEqual(['other', 'record']);
    expect(warn).not.toHaveBeenCalled();
  });

  it('warns once of records that have not expired, and names the remedy', async () => {
    const store = new MemoryStore({ max: 1 });
    for (const key of ['a', 'b', 'c', 'secret']) await store.create(key, 'record', 60);
    for (const key of ['d', 'e', 'secret']) await store.set(key, 'record');
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/signed out.*'redis'.*max or maxBytes/), 'MemoryStore']]);
    expect(warn.mock.calls.flat().map(String).join()).not.toContain('secret');
    const another = new MemoryStore({ max: 1 });
    for (const key of ['a', 'b']) await another.create(key, 'record', 60);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  it('warns when one client without a session fills it with 10,050 of them', async () => {
    const engine = new TestEngine(new MemoryStore());
    const owner = await engine.stored({ user: 'owner' });
    for (let count = 0; count < 10_050; count++) await engine.stored({ visit: count });
    expect(await engine.seen(owner)).toBeUndefined();
    expect(warn.mock.calls).toEqual([[expect.stringContaining('signed out'), 'MemoryStore']]);
  });
});
