import { beforeEach, describe, expect, it } from 'vitest';

import type { SessionSerializer } from '../../../lib/index.js';
import { TrackedData } from '../../../lib/session/tracked-data.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

describe('the changes of a session', () => {
  const form = { stringify: String, copy: structuredClone };
  const tracked = (data: Record<string, unknown>): TrackedData => new TrackedData({ data, form, prototype: {} });

  it('are the keys that were assigned or deleted, each time once', () => {
    const data = tracked({ gone: 1 });
    data.assign('a', 1);
    data.assign('a', 2);
    data.delete('gone');
    expect([data.takeChanges(Infinity), data.values]).toEqual([new Set(['a', 'gone']), { a: 2 }]);
    expect(data.takeChanges(Infinity)).toEqual(new Set());
  });

  it('are no assignment of the same value, and no deletion of what is not there', () => {
    const data = tracked({ n: Number.NaN, user: 'ada' });
    data.assign('n', Number.NaN);
    data.assign('user', 'ada');
    data.delete('nothing');
    expect(data.takeChanges(Infinity)).toEqual(new Set());
  });

  it('are the objects that were handed out and then changed', () => {
    const values = { cart: ['tea'], deep: { er: { n: 1 } }, other: [1] };
    const data = tracked(values);
    data.handOut('cart', values.cart);
    data.handOut('deep', values.deep);
    expect(data.takeChanges(Infinity)).toEqual(new Set());
    values.deep.er.n = 2;
    values.other.push(2);
    expect(data.takeChanges(Infinity)).toEqual(new Set(['deep']));
    expect(data.takeChanges(Infinity)).toEqual(new Set());
  });

  it('are what changes inside an assigned object later on', () => {
    const cart = ['tea'];
    const data = tracked({});
    data.assign('cart', cart);
    data.takeChanges(Infinity);
    cart.push('ink');
    expect(data.takeChanges(Infinity)).toEqual(new Set(['cart']));
  });

  it('are not what was put back before anybody asked', () => {
    const cart = ['tea'];
    const data = tracked({ cart });
    data.handOut('cart', cart);
    cart.push('ink');
    cart.pop();
    expect(data.takeChanges(Infinity)).toEqual(new Set());
  });

  it('are those until a moment, and the later ones the next time', () => {
    const data = tracked({});
    data.assign('early', 1);
    const { moment } = data;
    data.assign('late', 1);
    expect(data.takeChanges(moment)).toEqual(new Set(['early']));
    expect(data.takeChanges(Infinity)).toEqual(new Set(['late']));
  });

  it('stay with their moment when other data stand in the place of these', () => {
    const data = tracked({ n: 1 });
    data.assign('early', 1);
    const { moment } = data;
    data.assign('late', 2);
    expect(data.valuesUntil(moment)).toEqual({ n: 1, early: 1 });
    data.takeChanges(moment);
    const next = new TrackedData({ data: { kept: true }, form, prototype: {}, former: data });
    expect([next.values, next.valuesUntil(moment)]).toEqual([{ kept: true, late: 2 }, { kept: true }]);
    expect([next.takeChanges(moment), next.takeChanges(Infinity)]).toEqual([new Set(), new Set(['late'])]);
  });

  it('are there again when they could not be saved', () => {
    const data = tracked({});
    data.assign('n', 1);
    data.markChanged(data.takeChanges(Infinity));
    expect(data.takeChanges(Infinity)).toEqual(new Set(['n']));
  });

  it('are forgotten with the data that are replaced, but for what was assigned', () => {
    const cart = ['tea'];
    const data = tracked({ cart });
    data.handOut('cart', cart);
    data.assign('n', 1);
    cart.push('ink');
    data.replaceBy({ cart: ['from the store'] });
    expect([data.takeChanges(Infinity), data.values]).toEqual([new Set(['n']), { cart: ['from the store'], n: 1 }]);
  });

  it('stay when other data are adopted, of which what is the same stays the same object', () => {
    const [cart, tags] = [['tea'], ['new']];
    const data = tracked({ cart, tags, n: 1 });
    data.handOut('cart', cart);
    data.handOut('tags', tags);
    data.assign('mine', true);
    tags.push('changed');
    data.merge({ cart: ['tea'], tags: ['theirs'], n: 2, theirs: true });
    expect(data.values).toEqual({ cart: ['tea'], tags: ['new', 'changed'], n: 2, mine: true, theirs: true });
    expect(data.values['cart']).toBe(cart);
    expect(data.takeChanges(Infinity)).toEqual(new Set(['mine', 'tags']));
  });

  it('are told by the text of the serializer where a value has no fingerprint', () => {
    class Counter {
      #n = 0;
      up(): void {
        this.#n++;
      }
      toString(): string {
        return `${this.#n}`;
      }
    }
    const values = { counter: new Counter(), idle: new Counter() };
    const data = tracked(values);
    data.handOut('counter', values.counter);
    data.handOut('idle', values.idle);
    values.counter.up();
    expect(data.takeChanges(Infinity)).toEqual(new Set(['counter']));
  });

  it('are what cannot be told, so that saving it says why', () => {
    const bad = { run: (): void => {} };
    const stringify = (): never => {
      throw new Error('It cannot be stored.');
    };
    const data = new TrackedData({ data: { bad }, form: { ...form, stringify }, prototype: {} });
    data.handOut('bad', bad);
    expect(data.takeChanges(Infinity)).toEqual(new Set(['bad']));
  });
});

describe('a live session', () => {
  let store: SpyStore;
  let engine: TestEngine;

  beforeEach(() => {
    store = new SpyStore();
    engine = new TestEngine(store);
  });

  describe('sees changes', () => {
    const changes: [string, (live: Record<string, any>) => void][] = [
      ['a new key', (live) => (live.more = 1)],
      ['another value', (live) => (live.user = 'grace')],
      ['a deleted key', (live) => delete live.user],
      ['a nested push', (live) => live.items.push(2)],
      ['a deep change', (live) => (live.deep.er.est = 2)],
      ['a change through a reference taken before a commit', (live) => live.deep.er],
      ['a changed Date', (live) => live.since.setFullYear(2000)],
      ['a changed Buffer', (live) => (live.bytes[0] = 255)],
      ['Object.assign', (live) => Object.assign(live, { user: 'x' })],
      [
        'Object.defineProperty',
        (live) =>
          Object.defineProperty(live, 'user', { value: 'y', enumerable: true, configurable: true, writable: true }),
      ],
      [
        'a change through a property descriptor',
        (live) => Object.getOwnPropertyDescriptor(live, 'items')?.value.push(3),
      ],
      ['a change through Object.values', (live) => (Object.values(live)[1] as number[]).push(4)],
      ['an object assigned and then changed', (live) => ((live.user = { name: 'ada' }), (live.user.name = 'b'))],
    ];
    const data = (): Record<string, unknown> => ({
      user: 'ada',
      items: [1],
      deep: { er: { est: 1 } },
      since: new Date(0),
      bytes: Buffer.from('ab'),
    });

    it.each(changes)('%s', async (name, change) => {
      const id = await engine.stored(data());
      const open = await engine.open(id);
      if (name.startsWith('a change through a reference')) {
        const { er } = open.live.deep as { er: { est: number } };
        await open.commit();
        er.est = 7;
      } else change(open.live);
      store.taken();
      await open.commit();
      expect(store.taken()).toBe('replace');
      expect(await engine.seen(id)).toEqual({ ...open.live });
    });

    it('also after a commit, in an object that was assigned before it', async () => {
      const open = await engine.open();
      const items = ['a'];
      open.live.items = items;
      await open.commit();
      items.push('b');
      await open.commit();
      expect(await engine.seen(open.id)).toEqual({ items: ['a', 'b'] });
    });
  });

  describe('sees no change', () => {
    const reads: [string, (live: Record<string, any>) => unknown][] = [
      ['in nothing', () => undefined],
      ['in reading scalars', (live) => live.user],
      ['in reading nested objects', (live) => live.deep.er.est],
      ['in the same scalar assigned', (live) => (live.user = 'ada')],
      ['in the same object assigned', (live) => Object.assign(live, { items: live.items })],
      ['in a change that was taken back', (live) => (live.items.push(9), live.items.pop())],
      ['in deleting what is not there', (live) => delete live.nothing],
      ['in JSON and spread', (live) => [JSON.stringify(live), { ...live }]],
    ];

    it.each(reads)('%s', async (_name, read) => {
      const id = await engine.stored({ user: 'ada', items: [1], deep: { er: { est: 1 } } });
      const open = await engine.open(id);
      store.taken();
      read(open.live);
      await open.commit();
      expect(store.taken()).toBe('');
    });
  });

  it('serialises nothing for a request that reads scalars', async () => {
    let texts = 0;
    const serializer = {
      stringify: (value: unknown): string => (texts++, JSON.stringify(value)),
      parse: (text: string): unknown => JSON.parse(text),
    };
    engine = new TestEngine(store, { serializer });
    const id = await engine.stored({ user: 'ada', items: Array.from({ length: 100 }, String) });
    const open = await engine.open(id);
    texts = 0;
    expect(open.live.user).toBe('ada');
    await open.commit();
    expect(texts).toBe(0);
  });
});

describe('an instance of a class that keeps its data in private', () => {
  class Money {
    readonly currency = 'EUR';
    #amount: number;

    constructor(amount: number) {
      this.#amount = amount;
    }

    get amount(): number {
      return this.#amount;
    }

    add(amount: number): void {
      this.#amount += amount;
    }
  }

  const serializer: SessionSerializer = {
    stringify: (value) =>
      JSON.stringify(value, (_key, item: unknown) => (item instanceof Money ? { money: item.amount } : item)),
    parse: (text) =>
      JSON.parse(text, (_key, item: { money?: number } | null) =>
        typeof item?.money === 'number' ? new Money(item.money) : item,
      ),
  };

  it('is saved when it has changed, and not when it was only read', async () => {
    const store = new SpyStore();
    const engine = new TestEngine(store, { serializer });
    const id = await engine.stored({ money: new Money(1) });
    const open = await engine.open(id);
    (open.live.money as Money).add(5);
    await open.commit();
    store.taken();
    expect(await engine.seen(id)).toMatchObject({ money: { amount: 6 } });
    const reading = await engine.open(id);
    expect((reading.live.money as Money).amount).toBe(6);
    await reading.commit();
    expect(store.taken()).toBe('read read');
  });
});
