import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import { KeyedQueue } from '../../../lib/engine/keyed-queue.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import type { SessionStore } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import type { Gate } from '../../fixtures/gate.js';
import { SpyStore, type Verb } from '../../fixtures/spy-store.js';
import { TextStore } from '../../fixtures/text-store.js';

const PARALLEL = 50;
const NEVER = 1_000_000;

type Commit = ReturnType<OpenSession['commit']>;

let store: SpyStore;
let engine: TestEngine;

beforeEach(() => {
  store = new SpyStore(new TextStore());
  engine = new TestEngine(store, {}, new KeyedQueue(NEVER));
});

const indexes = Array.from({ length: PARALLEL }, (_, index) => index);
const openMany = (id: string): Promise<OpenSession[]> => Promise.all(indexes.map(() => engine.open(id)));
const increment = (data: Record<string, unknown>): number => (data.n = Number(data.n ?? 0) + 1);
const countOf = (verb: Verb, spy: SpyStore = store): number => spy.calls.filter((call) => call === verb).length;

/** Each of many parallel requests writes a key of its own. */
async function writeInParallel(id: string): Promise<void> {
  const requests = await openMany(id);
  await Promise.all(
    requests.map(async (open, index) => {
      open.live[`key${index}`] = index;
      await open.commit();
    }),
  );
}

/** Two saves of one session: the first is about to be written, the second waits. */
async function oneBehindAnother(id: string): Promise<{ gate: Gate; saving: Commit; waiting: Commit }> {
  const [first, second] = [await engine.open(id), await engine.open(id)];
  const gate = store.pause('replace', engine.records.keyOf(id));
  first.live.first = 1;
  second.live.second = 2;
  const saving = first.commit();
  await gate.reached;
  return { gate, saving, waiting: second.commit() };
}

const allKeys = Object.fromEntries(indexes.map((index) => [`key${index}`, index]));

describe('saves that wait for each other', () => {
  it('read nothing again where the store can tell the version of a text', async () => {
    const id = await engine.stored({ n: 0 });
    store.taken();
    await writeInParallel(id);
    // The first one, and all that came while it was under way.
    expect([countOf('read'), countOf('replace')]).toEqual([PARALLEL, 2]);
    expect(new Set(store.outcomes)).toEqual(new Set(['replaced']));
    expect(await engine.seen(id)).toEqual({ n: 0, ...allKeys });
  });

  it('read again in any other store', async () => {
    const plain = new SpyStore();
    engine = new TestEngine(plain, {}, new KeyedQueue(NEVER));
    const id = await engine.stored({ n: 0 });
    plain.taken();
    await writeInParallel(id);
    expect([countOf('read', plain), countOf('replace', plain)]).toEqual([PARALLEL + 1, 2]);
    expect(await engine.seen(id)).toEqual({ n: 0, ...allKeys });
  });

  it('read again where the store cannot tell the version of this text', async () => {
    store.versionOf = () => undefined;
    const id = await engine.stored({ n: 0 });
    store.taken();
    await writeInParallel(id);
    expect(countOf('read')).toBe(PARALLEL + 1);
    expect(await engine.seen(id)).toEqual({ n: 0, ...allKeys });
  });

  it('end in a conflict and read again where the version is wrong', async () => {
    store.versionOf = (value) => `${value} `;
    const id = await engine.stored({ n: 0 });
    await writeInParallel(id);
    expect(store.outcomes).toEqual(['replaced', 'conflict', 'replaced']);
    expect(await engine.seen(id)).toEqual({ n: 0, ...allKeys });
  });

  it('count every update, of which the first alone reads again', async () => {
    const id = await engine.stored({ n: 0 });
    const requests = await openMany(id);
    store.taken();
    const results = await Promise.all(requests.map(({ live }) => live.update(increment)));
    expect(results).toEqual(indexes.map((index) => index + 1));
    expect([countOf('read'), countOf('replace')]).toEqual([1, PARALLEL]);
  });

  it('keep what another process writes between two of them', async () => {
    const id = await engine.stored({ n: 0 });
    const { gate, saving, waiting } = await oneBehindAnother(id);
    const next = store.pause('replace', engine.records.keyOf(id));
    gate.open();
    await Promise.all([saving, next.reached]);
    const elsewhere = await new TestEngine(store.inner).open(id);
    elsewhere.live.elsewhere = 3;
    await elsewhere.commit();
    store.taken();
    next.open();
    await waiting;
    expect(store.taken()).toBe('read replace');
    expect(store.outcomes.slice(-2)).toEqual(['conflict', 'replaced']);
    expect(await engine.seen(id)).toEqual({ n: 0, first: 1, second: 2, elsewhere: 3 });
  });

  it('share no object: what one request does to its session afterwards is not in the next save', async () => {
    const id = await engine.stored({ cart: { items: [1] } });
    const [first, second, third] = [await engine.open(id), await engine.open(id), await engine.open(id)];
    const push = (data: Record<string, unknown>): void =>
      void (data as { cart: { items: number[] } }).cart.items.push(2);
    const saves = [first.live.update(push), second.live.update((data) => void (data.second = data.cart))];
    await saves[0];
    (first.live.cart as { items: number[] }).items.push(99);
    await saves[1];
    (second.live.second as { items: number[] }).items.push(98);
    third.live.third = true;
    await third.commit();
    const cart = { items: [1, 2] };
    expect(await engine.seen(id)).toEqual({ cart, second: cart, third: true });
  });

  it.each(['destroy', 'regenerate'] as const)('find the session ended by a %s before them', async (end) => {
    const id = await engine.stored({ n: 0 });
    const [first, second, third] = [await engine.open(id), await engine.open(id), await engine.open(id)];
    const gate = store.pause('replace', engine.records.keyOf(id));
    first.live.first = 1;
    const saving = first.commit();
    await gate.reached;
    const ending = second.live[end]();
    third.live.third = 3;
    const waiting = third.commit();
    gate.open();
    await Promise.all([saving, ending, waiting]);
    expect(await engine.seen(id)).toBeUndefined();
    expect(third.cookieAction).toBe('none');
    await expect(third.live.update(increment)).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
  });

  it('read again after one that failed', async () => {
    const id = await engine.stored({ n: 0 });
    const { gate, saving, waiting } = await oneBehindAnother(id);
    const reading = store.pause('read', engine.records.keyOf(id));
    store.failing.add('replace');
    store.taken();
    gate.open();
    await expect(saving).rejects.toMatchObject({ code: 'SESSION_STORE' });
    await reading.reached;
    store.failing.clear();
    reading.open();
    await waiting;
    expect(store.taken()).toBe('read replace');
    expect(await engine.seen(id)).toEqual({ n: 0, second: 2 });
  });

  it('keep the bound of a record', async () => {
    engine = new TestEngine(store, { maxRecordBytes: 1000 }, new KeyedQueue(NEVER));
    const id = await engine.stored({ n: 0 });
    const [first, second, third] = [await engine.open(id), await engine.open(id), await engine.open(id)];
    first.live.first = 'x'.repeat(400);
    second.live.second = 'x'.repeat(800);
    third.live.third = 3;
    const saves = await Promise.allSettled([first.commit(), second.commit(), third.commit()]);
    expect(saves.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await engine.seen(id)).toEqual({ n: 0, first: 'x'.repeat(400), third: 3 });
  });

  it('keep the text of what another program wrote, as after a read', async () => {
    engine = new TestEngine(store, { wire: 'quart' }, new KeyedQueue(NEVER));
    const id = await engine.stored({ n: 0 });
    const key = engine.records.keyOf(id);
    await store.set(key, '{"_permanent": true, "price": 1.0, "n": 0}', 60);
    await writeInParallel(id);
    expect(await store.get(key)).toContain('"price": 1.0,"n": 0,');
    expect(await engine.seen(id)).toEqual({ price: 1, n: 0, ...allKeys });
  });
});

describe('the text that a task leaves in the queue', () => {
  it('is for the task that is let in as it ends, and for no other', async () => {
    const queue = new KeyedQueue(NEVER);
    expect(queue.enter('key')).toBeUndefined();
    const [second, third] = [queue.enter('key'), queue.enter('key')];
    queue.leave('key', 'of the first');
    expect(await second).toEqual({ outcome: 'inside', text: 'of the first' });
    queue.leave('key');
    expect(await third).toEqual({ outcome: 'inside' });
    queue.leave('key', 'of the third');
    expect(queue.enter('key')).toBeUndefined();
    const next = queue.enter('key');
    queue.leave('key');
    expect(await next).toEqual({ outcome: 'inside' });
  });

  it('goes past a task whose client has left', async () => {
    const queue = new KeyedQueue(NEVER);
    void queue.enter('key');
    const gone = queue.enter('key', { destroyed: true, writableFinished: false });
    const next = queue.enter('key');
    queue.leave('key', 'text');
    await expect(gone).rejects.toMatchObject({ statusCode: 409 });
    expect(await next).toEqual({ outcome: 'inside', text: 'text' });
  });

  it('is dropped where tasks went ahead of a slow one, as theirs may be newer', async () => {
    const queue = new KeyedQueue(1);
    void queue.enter('key');
    const ahead = queue.enter('key');
    expect(await ahead).toEqual({ outcome: 'inside' });
    const next = queue.enter('key', undefined);
    queue.leave('key', 'of the one ahead');
    queue.leave('key', 'of the slow one');
    expect(await next).toEqual({ outcome: 'inside' });
  });
});

/*
 * Two processes, many requests on one session, and a store that takes its time. What every request was told has to be true in the
 * end. MODEL_RUNS sets the number of runs.
 */
describe('random saves of one session in two processes', () => {
  const RUNS = Number(process.env.MODEL_RUNS ?? 100);
  const ticks = async (count: number): Promise<void> => {
    for (let tick = 0; tick < count; tick++) await new Promise(setImmediate);
  };

  /** The store as one process sees it. */
  class SlowStore extends SpyStore {
    #paused = 0;

    constructor(
      inner: SessionStore,
      readonly pauses: readonly number[],
    ) {
      super(inner);
    }

    override async read(key: string): ReturnType<SessionStore['read']> {
      await this.#pause();
      return super.read(key);
    }

    override async replace(...args: Parameters<SessionStore['replace']>): ReturnType<SessionStore['replace']> {
      await this.#pause();
      const outcome = await super.replace(...args);
      await this.#pause();
      return outcome;
    }

    #pause(): Promise<void> {
      return ticks(this.pauses[this.#paused++ % this.pauses.length] ?? 0);
    }
  }

  const act = fc.record({
    process: fc.nat(1),
    how: fc.constantFrom('write', 'write', 'update', 'write in place', 'fails'),
    start: fc.nat(6),
    think: fc.nat(3),
  });

  it(
    'lose nothing',
    async () => {
      const property = fc.asyncProperty(
        fc.array(act, { minLength: 2, maxLength: 12 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
        async (acts, pauses) => {
          const shared = new TextStore();
          const engines = [0, 1].map(() => new TestEngine(new SlowStore(shared, pauses), {}, new KeyedQueue(NEVER)));
          const [engineA, engineB] = engines as [TestEngine, TestEngine];
          const id = await engineA.stored({ n: 0, list: { of: [] } });
          const expected: Record<string, unknown> = {};
          let counted = 0;
          const request = async (
            { process, how, start, think }: (typeof acts)[number],
            index: number,
          ): Promise<void> => {
            await ticks(start);
            const open = await (process === 0 ? engineA : engineB).open(id);
            await ticks(think);
            const key = `key${index}`;
            if (how === 'update') {
              await open.live.update(increment);
              counted++;
            } else if (how === 'fails') {
              const failing = open.live.update((data) => {
                (data.list as { of: unknown[] }).of.push('never');
                data.n = -1;
                throw new Error('of the application');
              });
              await expect(failing).rejects.toThrow('of the application');
            } else {
              const value = how === 'write' ? index : { inside: [index] };
              open.live[key] = value;
              await open.commit();
              expected[key] = how === 'write' ? index : { inside: [index] };
              // What happens to the object after its save is not saved by any other request.
              if (typeof value === 'object') value.inside.push(-1);
            }
          };
          await Promise.all(acts.map(request));
          expect(await engineA.seen(id)).toEqual({ n: counted, list: { of: [] }, ...expected });
        },
      );
      await fc.assert(property, { numRuns: RUNS, seed: 1 });
    },
    60_000 * Math.max(1, RUNS / 1000),
  );
});
