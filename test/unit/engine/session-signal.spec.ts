import { EventEmitter } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import type { SignalScope } from '../../../lib/engine/signal-scope.js';
import { SessionEndedError, type SessionEndReason, type SessionModuleOptions } from '../../../lib/index.js';
import { fakeSession } from '../../../lib/testing/index.js';
import { runProgram } from '../../fixtures/child-program.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const RECHECK = 30_000;

let store: SpyStore;
let engine: TestEngine;
let id: string;

/** A connection that a test closes. */
class Connection extends EventEmitter implements SignalScope {
  readonly owner = this;
  isClosed = false;

  onClose(listener: () => void): void {
    this.once('close', listener);
  }

  close(): void {
    this.isClosed = true;
    this.emit('close');
  }
}

/** What a signal has told. */
function told(signal: AbortSignal): SessionEndReason | 'nothing' {
  if (!signal.aborted) return 'nothing';
  expect(signal.reason).toBeInstanceOf(SessionEndedError);
  return (signal.reason as SessionEndedError).reason;
}

function engineWith(options: SessionModuleOptions): TestEngine {
  return new TestEngine(store, options);
}

/** Lets the reads that are due end; the memory store needs no time. */
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function watched(by = engine): Promise<AbortSignal> {
  const { signal } = (await by.open(id)).live;
  await settled();
  expect(told(signal)).toBe('nothing');
  return signal;
}

beforeEach(async () => {
  vi.useFakeTimers();
  store = new SpyStore();
  engine = new TestEngine(store);
  id = await engine.stored({ user: 'ada' });
  store.taken();
});

afterEach(() => void vi.useRealTimers());

describe('the signal of a stored session', () => {
  it('is one object, which says nothing while the session lives', async () => {
    const { live } = await engine.open(id);
    expect(live.signal).toBe(live.signal);
    await vi.advanceTimersByTimeAsync(10 * RECHECK);
    expect(told(live.signal)).toBe('nothing');
  });

  it('is no data: it is in no key, and no key of that name can be set', async () => {
    const { live } = await engine.open(id);
    expect(Object.keys(live)).toEqual(['user']);
    expect(() => Object.assign(live, { signal: 1 })).toThrow("'signal' is a reserved name");
  });

  it('hides the data that an older version has stored under its name, and loses none', async () => {
    const key = engine.records.keyOf(id);
    await store.inner.set(key, '{"user":"ada","signal":"old","_created":1,"_seen":9999999999}', 60);
    const open = await engine.open(id);
    open.live.user = 'grace';
    await open.commit();
    expect(open.live.signal).toBeInstanceOf(AbortSignal);
    expect(await store.inner.get(key)).toContain('"signal":"old"');
  });

  it('aborts with "destroyed" when another request destroys the session', async () => {
    const signal = await watched();
    await (await engine.open(id)).live.destroy();
    expect(told(signal)).toBe('destroyed');
    expect(signal.reason).toMatchObject({ code: 'SESSION_ENDED', statusCode: 401, expose: true });
    expect(String(signal.reason)).not.toContain(id);
  });

  it('aborts before the call of destroy returns, also in the request that calls it', async () => {
    const { live } = await engine.open(id);
    const { signal } = live;
    await live.destroy();
    expect(told(signal)).toBe('destroyed');
    expect(told(live.signal)).toBe('nothing');
    expect(live.signal).not.toBe(signal);
  });

  it('aborts with "destroyed" when a request removes all data', async () => {
    const signal = await watched();
    const other = await engine.open(id);
    delete other.live.user;
    await other.commit();
    expect(told(signal)).toBe('destroyed');
  });

  it('aborts with "destroyed" when an update removes all data', async () => {
    const signal = await watched();
    await (await engine.open(id)).live.update((data) => void delete data.user);
    expect(told(signal)).toBe('destroyed');
  });

  it('aborts with "regenerated" when a request gives the session a new id, whose signal is another one', async () => {
    const signal = await watched();
    const other = await engine.open(id);
    const before = other.live.signal;
    await other.live.regenerate({ keep: true });
    const after = other.live.signal;
    await other.commit();
    expect([told(signal), told(before), told(after)]).toEqual(['regenerated', 'regenerated', 'nothing']);
    await (await engine.open(other.id)).live.destroy();
    expect(told(after)).toBe('destroyed');
  });

  it('is that of the new id on both objects after a regenerate with a callback', async () => {
    const open = await engine.open(id);
    const first = open.live;
    await new Promise<void>((done) => {
      first.regenerate(() => done());
    });
    expect(first.signal).toBe(open.live.signal);
    expect(told(first.signal)).toBe('nothing');
  });

  it('aborts with "destroyed" when another address destroys a pinned session', async () => {
    engine = engineWith({ pinning: true });
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    await engine.open(id, { address: () => '192.0.2.1' });
    expect(told(signal)).toBe('destroyed');
  });

  it('outlives the refusal of another address under onMismatch: reject', async () => {
    engine = engineWith({ pinning: { onMismatch: 'reject' } });
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    await engine.open(id, { address: () => '192.0.2.1' });
    expect(told(signal)).toBe('nothing');
  });

  it('aborts with "destroyed" when a login ends the sessions behind further cookies', async () => {
    const signal = await watched();
    const mine = await engine.stored({ user: 'eve' });
    await (await engine.open(undefined, { cookies: [mine, id] })).live.regenerate();
    expect(told(signal)).toBe('destroyed');
  });

  it.each(['destroy', 'regenerate'] as const)('says nothing when a %s fails', async (method) => {
    const signal = await watched();
    const { live } = await engine.open(id);
    store.failing = new Set(['set', 'replace', 'delete']);
    await expect(live[method]()).rejects.toThrow('fail');
    await vi.advanceTimersByTimeAsync(2 * RECHECK);
    expect(told(signal)).toBe('nothing');
  });

  it('aborts at the recheck when only the reply to a destroy was lost, and knows why', async () => {
    const signal = await watched();
    const { live } = await engine.open(id);
    vi.spyOn(store.inner, 'set').mockImplementationOnce(async (key) => {
      await store.inner.delete(key);
      throw new Error('The reply was lost.');
    });
    await expect(live.destroy()).rejects.toThrow('store failed');
    expect(told(signal)).toBe('nothing');
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(told(signal)).toBe('destroyed');
  });

  it('forgets the ending that failed: what ends the session later is not taken for it', async () => {
    const signal = await watched();
    store.failing = new Set(['set']);
    await expect((await engine.open(id)).live.destroy()).rejects.toThrow('fail');
    store.failing.clear();
    await vi.advanceTimersByTimeAsync(RECHECK);
    await store.inner.delete(engine.records.keyOf(id));
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(told(signal)).toBe('revoked');
  });

  it('aborts with "revoked" at the recheck when the record was deleted in the back-end', async () => {
    const signal = await watched();
    await store.inner.delete(engine.records.keyOf(id));
    await vi.advanceTimersByTimeAsync(RECHECK * 0.7);
    expect(told(signal)).toBe('nothing');
    await vi.advanceTimersByTimeAsync(RECHECK * 0.3);
    expect(told(signal)).toBe('revoked');
  });

  it('aborts as soon as any request finds the record gone', async () => {
    const signal = await watched();
    await store.inner.delete(engine.records.keyOf(id));
    await engine.open(id);
    expect(told(signal)).toBe('revoked');
  });

  it('aborts as soon as a save finds the record gone', async () => {
    const open = await engine.open(id);
    const { signal } = open.live;
    await settled();
    await store.inner.delete(engine.records.keyOf(id));
    open.live.user = 'grace';
    await open.commit();
    expect(told(signal)).toBe('revoked');
  });

  it.each([
    [
      'a tombstone of another process',
      async (): Promise<void> => (await new TestEngine(store).open(id)).live.destroy(),
    ],
    ['no record that can be read', (): Promise<void> => store.inner.set(engine.records.keyOf(id), 'broken', 60)],
  ])('aborts with "revoked" at the recheck that finds %s', async (_what, end) => {
    const signal = await watched();
    await end();
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(told(signal)).toBe('revoked');
  });

  it('ends when it was ended between the opening of the request and the first look at the signal', async () => {
    const { live } = await engine.open(id);
    await (await engine.open(id)).live.destroy();
    const { signal } = live;
    await settled();
    expect(told(signal)).toBe('revoked');
  });

  it('rechecks within the option', async () => {
    engine = engineWith({ recheck: '5s' });
    const signal = await watched();
    await store.inner.delete(engine.records.keyOf(id));
    await vi.advanceTimersByTimeAsync(5000);
    expect(told(signal)).toBe('revoked');
  });
});

describe('the signal at a timeout', () => {
  it.each([{ idleTimeout: 10 }, { absoluteTimeout: 10 }])(
    'aborts with "expired" when it has passed: %o',
    async (options) => {
      engine = engineWith({ recheck: '1h', ...options });
      id = await engine.stored({ user: 'ada' });
      const signal = await watched();
      await vi.advanceTimersByTimeAsync(9_999);
      expect(told(signal)).toBe('nothing');
      await vi.advanceTimersByTimeAsync(10);
      expect(told(signal)).toBe('expired');
    },
  );

  it('does not abort when another process has renewed the session just before', async () => {
    const options = { idleTimeout: 10, recheck: '1h' };
    engine = engineWith(options);
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    await vi.advanceTimersByTimeAsync(9_900);
    await (await engineWith(options).open(id)).commit();
    await vi.advanceTimersByTimeAsync(9_900);
    expect(told(signal)).toBe('nothing');
    await vi.advanceTimersByTimeAsync(200);
    expect(told(signal)).toBe('expired');
  });

  it('renews nothing by itself', async () => {
    engine = engineWith({ idleTimeout: 100, recheck: 1 });
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    await vi.advanceTimersByTimeAsync(100_010);
    expect(told(signal)).toBe('expired');
  });

  it('is told at the recheck where the store alone keeps the time', async () => {
    engine = engineWith({ wire: 'quart', idleTimeout: 10, recheck: 3 });
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    await vi.advanceTimersByTimeAsync(13_001);
    expect(signal.aborted).toBe(true);
  });
});

describe('the signal during an outage', () => {
  it('aborts nothing, not even past the timeout, and tells the end once the store is back', async () => {
    engine = engineWith({ idleTimeout: 40 });
    id = await engine.stored({ user: 'ada' });
    const signal = await watched();
    store.failing = new Set(['read']);
    await vi.advanceTimersByTimeAsync(10 * RECHECK);
    expect(told(signal)).toBe('nothing');
    store.failing.clear();
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(told(signal)).toBe('expired');
  });

  it('asks the store no more often than without one', async () => {
    engine = engineWith({ idleTimeout: 40 });
    id = await engine.stored({ user: 'ada' });
    await watched();
    store.failing = new Set(['read']);
    store.taken();
    await vi.advanceTimersByTimeAsync(100 * RECHECK);
    expect(store.calls.length).toBeLessThan(140);
  });
});

describe('the signal of a session without a record', () => {
  it('follows a new session once it is stored', async () => {
    const open = await engine.open();
    const { signal } = open.live;
    open.live.user = 'grace';
    await open.commit();
    expect(open.live.signal).toBe(signal);
    await (await engine.open(open.id)).live.destroy();
    expect(told(signal)).toBe('destroyed');
  });

  it('says nothing for a new session that is never stored, and has nothing read', async () => {
    const { signal } = (await engine.open()).live;
    await vi.advanceTimersByTimeAsync(2 * RECHECK);
    expect([told(signal), store.taken()]).toEqual(['nothing', '']);
  });

  it.each([
    ['destroy', 'destroyed'],
    ['regenerate', 'regenerated'],
  ] as const)('aborts when the request that has it calls %s', async (method, reason) => {
    const { live } = await engine.open();
    const { signal } = live;
    await live[method]();
    expect(told(signal)).toBe(reason);
  });

  it('is aborted already for an id that was retired', async () => {
    await (await engine.open(id)).live.destroy();
    expect(told((await engine.open(id)).live.signal)).toBe('revoked');
  });

  it('is aborted already when the request has found its record gone', async () => {
    const open = await engine.open(id);
    await store.inner.delete(engine.records.keyOf(id));
    open.live.user = 'grace';
    await open.commit();
    expect(told(open.live.signal)).toBe('revoked');
  });
});

describe('races', () => {
  it('a regenerate whose reply is under way while the session is rechecked tells its own reason, once', async () => {
    const signal = await watched();
    const reasons: unknown[] = [];
    signal.addEventListener('abort', () => reasons.push(told(signal)));
    const other = await engine.open(id);
    const gate = store.pause('replace', undefined, 'after');
    const regenerated = other.live.regenerate();
    await gate.reached;
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(reasons).toEqual(['regenerated']);
    gate.open();
    await regenerated;
    expect(reasons).toEqual(['regenerated']);
  });

  it('a recheck that has read the record before its end does not bring it back', async () => {
    const signal = await watched();
    const gate = store.pause('read', engine.records.keyOf(id), 'after');
    await vi.advanceTimersByTimeAsync(RECHECK);
    await gate.reached;
    await (await engine.open(id)).live.destroy();
    gate.open();
    await settled();
    expect([told(signal), engine.endings.size]).toEqual(['destroyed', 0]);
    store.taken();
    await vi.advanceTimersByTimeAsync(3 * RECHECK);
    expect(store.taken()).toBe('');
  });
});

describe('many watchers', () => {
  it('of one session share one read', async () => {
    const signals = await Promise.all(Array.from({ length: 1000 }, async () => (await engine.open(id)).live.signal));
    await settled();
    store.taken();
    expect([engine.endings.size, vi.getTimerCount()]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(store.taken()).toBe('read');
    await (await engine.open(id)).live.destroy();
    expect(new Set(signals).size).toBe(1000);
    expect(signals.every((signal) => told(signal) === 'destroyed')).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of many sessions are read a few at a time, and not all at the same moment', async () => {
    const ids = await Promise.all(Array.from({ length: 1000 }, (_, n) => engine.stored({ n })));
    for (const one of ids) void (await engine.open(one)).live.signal;
    await settled();
    let running = 0;
    let most = 0;
    const read = store.inner.read.bind(store.inner);
    vi.spyOn(store.inner, 'read').mockImplementation(async (key) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 50));
      running--;
      return read(key);
    });
    store.taken();
    await vi.advanceTimersByTimeAsync(RECHECK * 0.8);
    const early = store.calls.length;
    await vi.advanceTimersByTimeAsync(RECHECK * 0.2 + 1000);
    expect(early).toBeGreaterThan(50);
    expect(early).toBeLessThan(400);
    expect(store.calls.length).toBeGreaterThanOrEqual(1000);
    expect(most).toBeLessThanOrEqual(16);
  });
});

describe('what watches no longer', () => {
  const openOn = (connection: Connection): Promise<OpenSession> => engine.open(id, { signalScope: () => connection });

  it('is forgotten once its connection has closed, with its timer', async () => {
    const [one, two] = [new Connection(), new Connection()];
    const { signal } = (await openOn(one)).live;
    void (await openOn(two)).live.signal;
    await settled();
    one.close();
    expect(vi.getTimerCount()).toBe(1);
    two.close();
    expect([engine.endings.size, vi.getTimerCount()]).toEqual([0, 0]);
    await (await engine.open(id)).live.destroy();
    expect(told(signal)).toBe('nothing');
  });

  it('is forgotten also while it is being read', async () => {
    const connection = new Connection();
    const open = await openOn(connection);
    const gate = store.pause('read');
    void open.live.signal;
    await gate.reached;
    connection.close();
    gate.open();
    await settled();
    expect([engine.endings.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('does not watch at all on a connection that has closed before, but tells what its own request does', async () => {
    const connection = new Connection();
    connection.close();
    const { live } = await openOn(connection);
    const { signal } = live;
    expect([engine.endings.size, vi.getTimerCount()]).toEqual([0, 0]);
    await live.destroy();
    expect(told(signal)).toBe('destroyed');
  });

  it('has one signal and one listener for all messages of one connection', async () => {
    const connection = new Connection();
    const signals = new Set<AbortSignal>();
    for (let n = 0; n < 100; n++) signals.add((await openOn(connection)).live.signal);
    expect([signals.size, connection.listenerCount('close')]).toEqual([1, 1]);
  });

  it('leaves nothing behind, however many streams of however many sessions come and go', async () => {
    for (let n = 0; n < 2000; n++) {
      const connection = new Connection();
      const one = await engine.open(n % 3 === 0 ? id : await engine.stored({ n }), { signalScope: () => connection });
      void one.live.signal;
      if (n % 5 === 0) await vi.advanceTimersByTimeAsync(100);
      connection.close();
    }
    await settled();
    expect([engine.endings.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('keeps no process alive', async () => {
    vi.useRealTimers();
    const program = `
      import { runProgram } from '../../fixtures/child-program.js';
import { TestEngine } from '~/test/fixtures/engine.js';
      import { MemoryStore } from '~/lib/index.js';
      const engine = new TestEngine(new MemoryStore());
      const { live } = await engine.open(await engine.stored({ user: 'ada' }));
      live.signal.addEventListener('abort', () => {});
      await new Promise((resolve) => setImmediate(resolve));
      console.log(engine.endings.size);
    `;
    expect(await runProgram(program, { drivers: 'installed' })).toMatchObject({ code: 0, stdout: '1\n' });
  });

  it('ends nothing when the engine closes', async () => {
    const signal = await watched();
    engine.endings.close();
    await (await engine.open(id)).live.destroy();
    await vi.advanceTimersByTimeAsync(2 * RECHECK);
    expect([told(signal), vi.getTimerCount()]).toEqual(['nothing', 0]);
  });
});

it('what does not read the signal has neither a timer nor a read', async () => {
  const open = await engine.open(id);
  open.live.user = 'grace';
  await open.commit();
  await open.live.regenerate();
  expect(store.taken()).toBe('read replace read replace');
  expect([engine.endings.size, vi.getTimerCount()]).toEqual([0, 0]);
});

it('a fakeSession has one too, so that a unit test can end a stream', async () => {
  const session = fakeSession({ user: 'ada' });
  const { signal } = session;
  await session.destroy();
  expect(told(signal)).toBe('destroyed');
});
