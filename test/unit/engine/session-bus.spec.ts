import { hash } from 'node:crypto';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SessionEndedError, type SessionBus, type SessionBusListener, type SessionEnding } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const RECHECK = 30_000;

/** A bus within one process, which a test can break. */
class TestBus implements SessionBus {
  readonly sent: SessionEnding[] = [];
  readonly listeners = new Set<SessionBusListener>();
  isDown = false;
  subscriptions = 0;

  async publish(ending: SessionEnding): Promise<void> {
    if (this.isDown) throw new Error('The bus is down.');
    this.sent.push(ending);
    this.deliver(ending);
  }

  subscribe(listener: SessionBusListener): () => void {
    this.subscriptions++;
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  deliver(ending: unknown): void {
    for (const listener of this.listeners) listener.ended(ending as SessionEnding);
  }
}

let bus: TestBus;
let store: SpyStore;
/** Two processes on one store. */
let here: TestEngine;
let there: TestEngine;
let id: string;
let signal: AbortSignal;

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const reason = (): unknown => (signal.reason as SessionEndedError | undefined)?.reason;
const nameOf = (of: string): string => hash('sha256', here.records.keyOf(of), 'base64url');

beforeEach(async () => {
  vi.useFakeTimers();
  bus = new TestBus();
  store = new SpyStore();
  here = new TestEngine(store, { bus });
  there = new TestEngine(store, { bus });
  id = await here.stored({ user: 'ada' });
  ({ signal } = (await here.open(id)).live);
  await settled();
  store.taken();
});

afterEach(() => void vi.useRealTimers());

describe('a session bus', () => {
  it.each([
    ['destroy', 'destroyed'],
    ['regenerate', 'regenerated'],
  ] as const)('tells the other process of a %s', async (method, told) => {
    const { live } = await there.open(id);
    await live[method]();
    await settled();
    expect(reason()).toBe(told);
  });

  it('tells it of a session that a request emptied', async () => {
    const open = await there.open(id);
    delete open.live.user;
    await open.commit();
    await settled();
    expect(reason()).toBe('destroyed');
  });

  it('carries the hash of the key and a reason, and nothing else', async () => {
    await (await there.open(id)).live.destroy();
    expect(bus.sent).toEqual([{ session: nameOf(id), reason: 'destroyed' }]);
    expect(JSON.stringify(bus.sent)).not.toContain(id);
    expect(JSON.stringify(bus.sent)).not.toContain(here.records.keyOf(id).slice(8));
  });

  it('is told nothing when an ending fails, and nothing by what only finds a session gone', async () => {
    store.failing = new Set(['set', 'delete']);
    await expect((await there.open(id)).live.destroy()).rejects.toThrow('fail');
    store.failing.clear();
    await store.inner.delete(here.records.keyOf(id));
    await there.open(id);
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect([reason(), bus.sent]).toEqual(['revoked', []]);
  });

  it('is subscribed to with the first watched session, once, and no longer when the engine closes', async () => {
    expect([bus.subscriptions, bus.listeners.size]).toEqual([1, 1]);
    const two = await here.stored({ user: 'grace' });
    void (await here.open(two)).live.signal;
    expect(bus.subscriptions).toBe(1);
    here.endings.close();
    expect(bus.listeners.size).toBe(0);
  });
});

describe('a message of the bus', () => {
  it('ends no session that has a record, whoever sent it', async () => {
    bus.deliver({ session: nameOf(id), reason: 'destroyed' });
    await settled();
    expect([signal.aborted, store.taken()]).toEqual([false, 'read']);
  });

  it('that was a lie gives no reason to a later end', async () => {
    bus.deliver({ session: nameOf(id), reason: 'regenerated' });
    await settled();
    await store.inner.delete(here.records.keyOf(id));
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(reason()).toBe('revoked');
  });

  it('for a session that is not watched here costs no read', async () => {
    bus.deliver({ session: nameOf(await here.stored({ user: 'grace' })), reason: 'destroyed' });
    store.taken();
    await settled();
    expect(store.taken()).toBe('');
  });

  it('that comes while the record is read has it read once more', async () => {
    const gate = store.pause('read', undefined, 'after');
    bus.deliver({ session: nameOf(id), reason: 'destroyed' });
    await gate.reached;
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    for (let n = 0; n < 100; n++) bus.deliver({ session: nameOf(id), reason: 'destroyed' });
    store.taken();
    gate.open();
    await settled();
    expect([reason(), store.taken()]).toEqual(['destroyed', 'read']);
  });

  it('that comes during an outage is not forgotten', async () => {
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    store.failing = new Set(['read']);
    bus.deliver({ session: nameOf(id), reason: 'destroyed' });
    await settled();
    expect(signal.aborted).toBe(false);
    store.failing.clear();
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(reason()).toBe('destroyed');
  });

  it('keeps no other session from being read, however many come', async () => {
    const names: string[] = [];
    for (let n = 0; n < 20; n++) {
      const other = await here.stored({ n });
      void (await here.open(other)).live.signal;
      names.push(nameOf(other));
    }
    await settled();
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    let messages = 2000;
    const read = store.read.bind(store);
    vi.spyOn(store, 'read').mockImplementation((key) => {
      if (messages-- > 0) for (const session of names) bus.deliver({ session, reason: 'destroyed' });
      return read(key);
    });
    for (const session of [...names, nameOf(id)]) bus.deliver({ session, reason: 'destroyed' });
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    expect([signal.aborted, messages > 0]).toEqual([true, true]);
    await settled();
  });

  it('may be anything', async () => {
    const name = nameOf(id);
    const anySession = fc.oneof(fc.constant(name), fc.anything());
    const anyReason = fc.oneof(fc.constantFrom('destroyed', '__proto__', 'constructor'), fc.anything());
    const anyMessage = fc.oneof(fc.record({ session: anySession, reason: anyReason }), fc.anything());
    await fc.assert(
      fc.asyncProperty(anyMessage, async (message) => {
        bus.deliver(message);
        await settled();
        expect(signal.aborted).toBe(false);
      }),
      { numRuns: 500 },
    );
    await (await there.open(id)).live.destroy();
    await settled();
    expect(reason()).toBe('destroyed');
  });
});

describe('a bus that is down', () => {
  it('fails no logout and holds none up, and gives one warning', async () => {
    bus.isDown = true;
    for (let n = 0; n < 3; n++) await (await there.open(await there.stored({ n }))).live.destroy();
    await settled();
    expect(there.warnings.filter((line) => line.includes('session bus'))).toHaveLength(1);
    expect(there.warnings.join()).toContain('recheck');
  });

  it('holds no logout up when it never answers', async () => {
    vi.spyOn(bus, 'publish').mockReturnValue(new Promise(() => {}));
    await (await there.open(id)).live.destroy();
    expect(bus.publish).toHaveBeenCalledOnce();
  });

  it('fails nothing when its methods throw at once', async () => {
    vi.spyOn(bus, 'publish').mockImplementation(() => {
      throw new TypeError('publish');
    });
    vi.spyOn(bus, 'subscribe').mockImplementation(() => {
      throw new TypeError('subscribe');
    });
    const open = await there.open(id);
    expect(open.live.signal.aborted).toBe(false);
    await open.live.destroy();
    expect(there.warnings).toHaveLength(1);
  });

  it.each([
    ['a promise that rejects', () => Promise.reject(new Error('no'))],
    ['nothing', () => undefined],
  ])('fails nothing when subscribe returns %s, and is asked once', async (_what, subscribe) => {
    const spy = vi.spyOn(bus, 'subscribe').mockImplementation(subscribe as never);
    for (const each of [id, await there.stored({ n: 1 })]) void (await there.open(each)).live.signal;
    await settled();
    there.endings.close();
    expect(spy).toHaveBeenCalledOnce();
    expect(there.warnings).toEqual([expect.stringContaining('must return a function')]);
  });

  it('leaves the recheck', async () => {
    bus.isDown = true;
    await (await there.open(id)).live.destroy();
    await vi.advanceTimersByTimeAsync(RECHECK);
    expect(reason()).toBe('revoked');
  });

  it('has all watched sessions read soon after it is back, but not all at once', async () => {
    for (let n = 0; n < 200; n++) void (await here.open(await here.stored({ n }))).live.signal;
    await settled();
    bus.isDown = true;
    await (await there.open(id)).live.destroy();
    store.taken();
    for (const listener of bus.listeners) listener.missed();
    await vi.advanceTimersByTimeAsync(100);
    const early = store.calls.length;
    await vi.advanceTimersByTimeAsync(410);
    expect(early).toBeGreaterThan(10);
    expect(early).toBeLessThan(100);
    expect([reason(), store.taken().split(' ').length]).toEqual(['revoked', 201]);
  });

  it('has a session read again that was being read when it came back', async () => {
    const gate = store.pause('read', undefined, 'after');
    bus.deliver({ session: nameOf(id), reason: 'destroyed' });
    await gate.reached;
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    for (const listener of bus.listeners) listener.missed();
    gate.open();
    await settled();
    expect(signal.aborted).toBe(true);
  });
});
