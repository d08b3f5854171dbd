import { beforeEach, describe, expect, it } from 'vitest';

import { KeyedQueue } from '../../../lib/engine/keyed-queue.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import { MemoryStore, SessionStoreError } from '../../../lib/index.js';
import { isEstablished } from '../../../lib/session/live-session.js';
import { TestEngine } from '../../fixtures/engine.js';
import type { Gate } from '../../fixtures/gate.js';
import { SpyStore } from '../../fixtures/spy-store.js';
import { TextStore } from '../../fixtures/text-store.js';

const NEVER = 1_000_000;

/*
 * The first save is under way, and the others wait behind it: of those, the next one writes for all.
 */
describe.each([
  ['a store that knows the version of a text', () => new TextStore()],
  ['any other store', () => new MemoryStore()],
])('saves that wait for one session in %s', (_name, makeStore) => {
  let store: SpyStore;
  let engine: TestEngine;
  let id: string;
  let first: OpenSession;
  let saving: Promise<void> | undefined;
  let gate: Gate;
  let waiting: [OpenSession, OpenSession, OpenSession];

  beforeEach(async () => {
    store = new SpyStore(makeStore());
    engine = new TestEngine(store, { maxRecordBytes: 1000 }, new KeyedQueue(NEVER));
    id = await engine.stored({ n: 0 });
    first = await engine.open(id);
    waiting = [await engine.open(id), await engine.open(id), await engine.open(id)];
    gate = store.pause('replace', engine.records.keyOf(id));
    first.live.first = true;
    saving = first.commit();
    await gate.reached;
    store.outcomes.splice(0);
  });

  const commit = async (open: OpenSession): Promise<void> => open.commit();
  const commitAll = (): Promise<PromiseSettledResult<void>[]> => Promise.allSettled(waiting.map(commit));
  /** All are about to be written together. */
  async function commitAllUpToTheStore(): Promise<{ all: ReturnType<typeof commitAll>; next: Gate }> {
    const all = commitAll();
    const next = store.pause('replace', engine.records.keyOf(id));
    gate.open();
    await next.reached;
    return { all, next };
  }

  const statuses = (results: readonly PromiseSettledResult<unknown>[]): string[] => results.map(({ status }) => status);

  it('are written together, in their order', async () => {
    const [one, two, three] = waiting;
    Object.assign(one.live, { one: 1, last: 'one' });
    Object.assign(two.live, { two: 2, last: 'two' });
    Object.assign(three.live, { three: 3, last: 'three' });
    const all = commitAll();
    gate.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    await saving;
    expect(store.outcomes).toEqual(['replaced', 'replaced']);
    expect(await engine.seen(id)).toEqual({ n: 0, first: true, one: 1, two: 2, three: 3, last: 'three' });
    expect(waiting.map(({ live }) => [live.isNew, isEstablished(live)])).toEqual(waiting.map(() => [false, true]));
  });

  it('end when they are written, and not before', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index;
    const ended: number[] = [];
    const all = waiting.map(async (open, index) => {
      await open.commit();
      ended.push(index);
    });
    const next = store.pause('replace', engine.records.keyOf(id), 'after');
    gate.open();
    await next.reached;
    await saving;
    expect(ended).toEqual([]);
    next.open();
    await Promise.all(all);
    expect(ended).toHaveLength(3);
  });

  it('are tried again together when another process has written in between', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index;
    const { all, next } = await commitAllUpToTheStore();
    const elsewhere = await new TestEngine(store.inner).open(id);
    elsewhere.live.elsewhere = true;
    await elsewhere.commit();
    next.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(store.outcomes).toEqual(['replaced', 'conflict', 'replaced']);
    expect(await engine.seen(id)).toEqual({ n: 0, first: true, elsewhere: true, key0: 0, key1: 1, key2: 2 });
  });

  it('store nothing when another request has ended the session', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index;
    const { all, next } = await commitAllUpToTheStore();
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    next.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(await engine.seen(id)).toBeUndefined();
    expect(waiting.map(({ live, cookieAction }) => [live.isNew, cookieAction])).toEqual(
      waiting.map(() => [true, 'none']),
    );
    expect(engine.warnings).toHaveLength(3);
  });

  it('store nothing when the record is deleted as they are written', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index;
    const { all, next } = await commitAllUpToTheStore();
    await store.inner.delete(engine.records.keyOf(id));
    next.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(store.outcomes).toEqual(['replaced', 'missing']);
    expect(waiting.map(({ live }) => live.isNew)).toEqual([true, true, true]);
    expect(await engine.seen(id)).toBeUndefined();
  });

  it.each([
    ['has no stored form', () => undefined, 'SESSION_SERIALIZATION'],
    ['is too large', 'x'.repeat(1000), 'SESSION_TOO_LARGE'],
  ])('fail alone where a value %s', async (_what, value, code) => {
    const [one, two, three] = waiting;
    one.live.one = 1;
    two.live.two = value;
    three.live.three = 3;
    const all = commitAll();
    gate.open();
    const results = await all;
    expect(statuses(results)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code } });
    expect(await engine.seen(id)).toEqual({ n: 0, first: true, one: 1, three: 3 });
  });

  it('are all written as far as they fit into one record', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = 'x'.repeat(400);
    const all = commitAll();
    gate.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(Object.keys((await engine.seen(id)) ?? {})).toEqual(['n', 'first', 'key0', 'key1']);
  });

  it('are written as far as the back-end takes them, each with a command of its own', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index === 1 ? 'x'.repeat(300) : index;
    const { replace } = store.inner;
    store.inner.replace = function (this: MemoryStore, key, value, ...rest) {
      if (value.length > 250) return Promise.reject(new SessionStoreError('too much', { isRefusal: true }));
      return replace.call(this, key, value, ...rest);
    };
    const all = commitAll();
    gate.open();
    expect(statuses(await all)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(Object.keys((await engine.seen(id)) ?? {})).toEqual(['n', 'first', 'key0', 'key2']);
  });

  it('fail together with the store, each with an error of its own, and can be saved again', async () => {
    for (const [index, open] of waiting.entries()) open.live[`key${index}`] = index;
    const { all, next } = await commitAllUpToTheStore();
    store.failing.add('replace');
    store.refuses = true;
    next.open();
    const results = await all;
    const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as Error) : undefined));
    expect(reasons).toMatchObject(waiting.map(() => ({ code: 'SESSION_STORE', isRefusal: true })));
    expect(new Set(reasons).size).toBe(3);
    store.failing.clear();
    await Promise.all(waiting.map(commit));
    expect(await engine.seen(id)).toEqual({ n: 0, first: true, key0: 0, key1: 1, key2: 2 });
  });

  it('keep their place beside an update and a request that removes all data', async () => {
    const [one, two, three] = waiting;
    one.live.one = 1;
    const seen: unknown[] = [];
    const all = [
      commit(one),
      two.live.update((data) => {
        seen.push({ ...data });
        data.two = 2;
      }),
    ];
    for (const key of Object.keys(three.live)) delete three.live[key];
    three.live.three = 3;
    all.push(commit(three));
    gate.open();
    await Promise.all(all);
    expect(seen).toEqual([{ n: 0, first: true, one: 1 }]);
    expect(await engine.seen(id)).toEqual({ first: true, one: 1, two: 2, three: 3 });
  });

  it('are not joined by a regenerate, after which they find the session ended', async () => {
    const [one, two, three] = waiting;
    one.live.one = 1;
    const all = [commit(one), two.live.regenerate({ keep: true })];
    // It first looks for other sessions that the request presents.
    await new Promise(setImmediate);
    three.live.three = 3;
    all.push(commit(three));
    gate.open();
    await Promise.all(all);
    await two.commit();
    expect(await engine.seen(id)).toBeUndefined();
    expect(await engine.seen(two.id)).toEqual({ n: 0, first: true, one: 1 });
    expect(three.live.isNew).toBe(true);
  });

  it('leave out one whose client has left', async () => {
    const client = { destroyed: false, writableFinished: false };
    const left = await engine.open(id, { client });
    const [one, two] = waiting;
    one.live.one = 1;
    left.live.left = true;
    two.live.two = 2;
    const all = Promise.allSettled([one, left, two].map(commit));
    client.destroyed = true;
    gate.open();
    const results = await all;
    expect(statuses(results)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'SESSION_CONFLICT' } });
    expect(await engine.seen(id)).toEqual({ n: 0, first: true, one: 1, two: 2 });
  });

  it('share no object with each other', async () => {
    const [one, two, three] = waiting;
    one.live.list = ['of one'];
    two.live.two = 2;
    three.live.three = 3;
    const all = commitAll();
    gate.open();
    await all;
    (one.live.list as string[]).push('later');
    for (const open of [two, three]) {
      await open.live.reload();
      expect(open.live.list).toEqual(['of one']);
    }
    await two.live.update((data) => void (data.list as string[]).push('of two'));
    await three.live.regenerate({ keep: true });
    await three.commit();
    (two.live.list as string[]).push('later');
    expect(await engine.seen(three.id)).toEqual({ n: 0, first: true, list: ['of one', 'of two'], two: 2, three: 3 });
  });
});
