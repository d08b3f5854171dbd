import { promisify } from 'node:util';

import { beforeEach, describe, expect, it } from 'vitest';

import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

describe('a live session', () => {
  let store: SpyStore;
  let engine: TestEngine;

  beforeEach(() => {
    store = new SpyStore();
    engine = new TestEngine(store);
  });

  it('shows data alone to keys, spread, for…in, JSON and entries', async () => {
    const { live } = await engine.open(await engine.stored({ user: 'ada', items: [1] }));
    const seen: string[] = [];
    for (const key in live) seen.push(key);
    expect(Object.keys(live)).toEqual(['user', 'items']);
    expect(seen).toEqual(['user', 'items']);
    expect({ ...live }).toEqual({ user: 'ada', items: [1] });
    expect(JSON.stringify(live)).toBe('{"user":"ada","items":[1]}');
    expect(Object.entries(live)).toEqual([
      ['user', 'ada'],
      ['items', [1]],
    ]);
  });

  it.each([
    'id',
    'isNew',
    'regenerate',
    'destroy',
    'save',
    'reload',
    'touch',
    'update',
    '_addr',
    '_created',
    '_seen',
    '_permanent',
  ])('refuses the reserved name %s with an error that names it', async (name) => {
    const { live } = await engine.open();
    expect(() => Object.assign(live, { [name]: 1 })).toThrow(TypeError);
    expect(() => Object.assign(live, { [name]: 1 })).toThrow(`'${name}'`);
    expect(() => Object.defineProperty(live, name, { value: 1 })).toThrow(TypeError);
  });

  it('keeps stored data under a reserved name, without letting it break the object', async () => {
    const id = await engine.stored({ user: 'ada' });
    const key = engine.records.keyOf(id);
    const record = JSON.parse((await store.inner.get(key)) as string) as object;
    await store.inner.set(key, JSON.stringify({ ...record, id: 'theirs', save: true }), 60);
    const open = await engine.open(id);
    expect(open.live.id).toBe(id);
    expect(typeof open.live.save).toBe('function');
    expect(Object.keys(open.live)).toEqual(['user']);
    open.live.user = 'grace';
    await open.commit();
    expect(JSON.parse((await store.inner.get(key)) as string)).toMatchObject({
      id: 'theirs',
      save: true,
      user: 'grace',
    });
    const other = await engine.open(id);
    await other.live.regenerate({ keep: true });
    await other.commit();
    expect(JSON.parse((await store.inner.get(engine.records.keyOf(other.id))) as string)).toMatchObject({
      id: 'theirs',
    });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then'])(
    'takes %s as an ordinary key',
    async (key) => {
      const open = await engine.open();
      (open.live as Record<string, unknown>)[key] = 'data';
      await open.commit();
      const { live } = await engine.open(open.id);
      expect(Object.keys(live)).toEqual([key]);
      expect((live as Record<string, unknown>)[key]).toBe('data');
      expect(typeof live.destroy).toBe('function');
    },
  );

  it('cannot be copied by structuredClone, which would detach it in silence', async () => {
    const { live } = await engine.open();
    expect(() => structuredClone(live)).toThrow();
  });

  it('cannot be frozen, or given another prototype', async () => {
    const { live } = await engine.open();
    expect(() => Object.freeze(live)).toThrow(TypeError);
    expect(() => Object.setPrototypeOf(live, {})).toThrow(TypeError);
  });

  describe('within one request', () => {
    it('stores nothing while it is empty', async () => {
      const open = await engine.open();
      await open.commit();
      expect(store.taken()).toBe('');
      expect(open.cookieAction).toBe('none');
    });

    it('saves once when an explicit save comes before the end', async () => {
      const open = await engine.open();
      open.live.user = 'ada';
      await open.live.save();
      expect(open.live.isNew).toBe(false);
      await open.commit();
      expect(store.taken()).toBe('create');
      expect(open.cookieAction).toBe('set');
    });

    it('saves again what changed after an explicit save', async () => {
      const open = await engine.open();
      open.live.user = 'ada';
      await open.live.save();
      open.live.user = 'grace';
      await open.commit();
      expect(await engine.seen(open.id)).toEqual({ user: 'grace' });
    });

    it('counts as destroyed when all data are removed', async () => {
      const id = await engine.stored({ user: 'ada', items: [1] });
      const open = await engine.open(id);
      delete open.live.user;
      delete open.live.items;
      await open.commit();
      expect(open.cookieAction).toBe('expire');
      expect(await engine.seen(id)).toBeUndefined();
    });

    it('leaves no cookie and no record when created and destroyed', async () => {
      const open = await engine.open();
      open.live.user = 'ada';
      await open.live.save();
      await open.live.destroy();
      await open.commit();
      expect(open.cookieAction).toBe('none');
      expect(await engine.seen(open.id)).toBeUndefined();
    });

    it('starts a new session when written to after destroy', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id);
      await open.live.destroy();
      expect({ ...open.live }).toEqual({});
      open.live.flash = 'bye';
      await open.commit();
      expect(open.id).not.toBe(id);
      expect(open.cookieAction).toBe('set');
      expect(await engine.seen(id)).toBeUndefined();
      expect(await engine.seen(open.id)).toEqual({ flash: 'bye' });
    });

    it('expires the cookie when destroyed, with one command', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada' }));
      store.taken();
      await open.live.destroy();
      await open.commit();
      expect(store.taken()).toBe('set');
      expect(open.cookieAction).toBe('expire');
    });

    it('ends with the last id when regenerated twice', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      const between = open.id;
      await open.live.regenerate({ keep: true });
      await open.commit();
      expect(new Set([id, between, open.id]).size).toBe(3);
      expect(await engine.seen(between)).toBeUndefined();
      expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
    });

    it('saves whatever the handler did not wait for', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada' }));
      void open.live.regenerate({ keep: true });
      await open.commit();
      expect(open.cookieAction).toBe('set');
      expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
    });
  });

  describe('regenerate', () => {
    it('gives a different id and removes the old record at once, with one write for the new one', async () => {
      const id = await engine.stored({ user: 'ada', cart: [1] });
      const open = await engine.open(id);
      store.taken();
      await open.live.regenerate();
      expect(open.live.id).not.toBe(id);
      expect(open.live.isNew).toBe(true);
      expect(await engine.seen(id)).toBeUndefined();
      open.live.user = 'grace';
      store.taken();
      await open.commit();
      expect(store.taken()).toBe('create');
      expect(await engine.seen(open.id)).toEqual({ user: 'grace' });
    });

    it.each([
      [{ keep: true }, { user: 'ada', cart: [1], theme: 'dark' }],
      [{ keep: ['cart', 'theme', 'missing'] }, { cart: [1], theme: 'dark' }],
      [{ keep: false }, {}],
      [undefined, {}],
    ])('with %j keeps %j', async (options, kept) => {
      const open = await engine.open(await engine.stored({ user: 'ada', cart: [1], theme: 'dark' }));
      await open.live.regenerate(options);
      expect({ ...open.live }).toEqual(kept);
    });

    it('goes on with the same object, which has forgotten what was not kept', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada', cart: [1], items: ['old'] }));
      const held = open.live as Record<string, any>;
      await held.regenerate({ keep: ['cart'] });
      expect(open.live).toBe(held);
      expect({ ...held }).toEqual({ cart: [1] });
      held.items ??= [];
      held.items.push('new');
      held.cart.push(2);
      await open.commit();
      expect(await engine.seen(open.id)).toEqual({ cart: [1, 2], items: ['new'] });
    });

    it('with a callback leaves the old object readable, and passes on what is written to it', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada', cart: [1] }));
      const old = open.live as Record<string, any>;
      await new Promise((resolve) => old.regenerate({ keep: ['cart'] }, resolve));
      expect(open.live).not.toBe(old);
      expect(old.user).toBe('ada');
      expect(open.live.user).toBeUndefined();
      old.cart.push(2);
      old.role = 'admin';
      delete old.user;
      await open.commit();
      old.cart.push(3);
      await open.commit();
      expect(await engine.seen(open.id)).toEqual({ cart: [1, 2, 3], role: 'admin' });
    });

    it('refuses to keep what is neither all, nothing nor a list of keys', async () => {
      const { live } = await engine.open(await engine.stored({ user: 'ada' }));
      await expect(live.regenerate({ keep: 'user' as never })).rejects.toThrow("['cart']");
    });

    it('expires the cookie when nothing is left', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada' }));
      await open.live.regenerate();
      await open.commit();
      expect(open.cookieAction).toBe('expire');
    });

    it('leaves the session as it was when the store fails', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id);
      store.failing.add('replace');
      await expect(open.live.regenerate()).rejects.toMatchObject({ code: 'SESSION_STORE' });
      expect(open.live.id).toBe(id);
      expect(open.live.user).toBe('ada');
    });

    it('serves a Node callback as Passport gives one', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada' }));
      const old = open.live;
      await promisify((done: (error?: unknown) => void) => old.regenerate(done))();
      expect(open.live).not.toBe(old);
      open.live.passport = { user: 1 };
      await promisify((done: (error?: unknown) => void) => open.live.save(done))();
      expect(await engine.seen(open.id)).toEqual({ passport: { user: 1 } });
    });

    it('gives the callback the error', async () => {
      const open = await engine.open(await engine.stored({ user: 'ada' }));
      store.failing.add('replace');
      const error = await new Promise((resolve) => open.live.regenerate({ keep: true }, resolve));
      expect(error).toMatchObject({ code: 'SESSION_STORE' });
    });
  });

  describe('does not let itself be talked into', () => {
    it.each(['_created', '_seen', '_addr', '_permanent', 'save', 'id'])(
      'taking the key %s from update',
      async (key) => {
        const id = await engine.stored({ n: 1 });
        const known = await engine.open(id);
        await expect(known.live.update((data) => void (data[key] = 9_999_999_999))).rejects.toThrow(TypeError);
        const fresh = await engine.open();
        await expect(fresh.live.update((data) => void (data[key] = 9_999_999_999))).rejects.toThrow(TypeError);
        expect(await engine.seen(id)).toEqual({ n: 1 });
      },
    );

    it('a session of nothing but undefined', async () => {
      const open = await engine.open();
      open.live.user = undefined;
      await open.commit();
      expect([store.taken(), open.cookieAction]).toEqual(['', 'none']);
    });

    it('an empty record after update', async () => {
      const id = await engine.stored({ n: 1 });
      const open = await engine.open(id);
      await open.live.update((data) => void delete data.n);
      await open.commit();
      expect(await engine.seen(id)).toBeUndefined();
      expect(open.cookieAction).toBe('expire');
    });

    it('a change of the prototype that all sessions share', async () => {
      const { live } = await engine.open();
      const prototype = Object.getPrototypeOf(live) as Record<string, unknown>;
      expect(() => (prototype.admin = true)).toThrow(TypeError);
    });

    it('saving under the old id after a regenerate that failed', async () => {
      const id = await engine.stored({ cart: 1 });
      const open = await engine.open(id);
      store.failing.add('replace');
      await open.live.regenerate({ keep: true }).catch(() => undefined);
      open.live.user = 'ada';
      await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_STORE' });
      expect(await engine.seen(id)).toEqual({ cart: 1 });
    });

    it('losing an id where no cookie can leave', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id, { cookieObstacle: 'insecure' });
      await expect(open.live.regenerate({ keep: true })).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      expect(await engine.seen(id)).toEqual({ user: 'ada' });
    });

    it('forgetting the cookie of a record that was saved, when a later save fails', async () => {
      const open = await engine.open();
      open.live.user = 'ada';
      await open.live.save();
      open.live.bad = () => 1;
      await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_SERIALIZATION' });
      expect(open.cookieAction).toBe('set');
    });

    it('losing what was written while update ran', async () => {
      const id = await engine.stored({ n: 1 });
      const open = await engine.open(id);
      const updating = open.live.update((data) => void (data.n = 2));
      open.live.late = true;
      await updating;
      await open.commit();
      expect(await engine.seen(id)).toEqual({ n: 2, late: true });
    });
  });

  describe('reload', () => {
    it('discards changes and sees what another request wrote', async () => {
      const id = await engine.stored({ user: 'ada', n: 1 });
      const open = await engine.open(id);
      open.live.user = 'mine';
      const other = await engine.open(id);
      other.live.n = 2;
      await other.commit();
      await open.live.reload();
      expect({ ...open.live }).toEqual({ user: 'ada', n: 2 });
      store.taken();
      await open.commit();
      expect(store.taken()).toBe('');
    });

    it('fails when the session is gone, or never was', async () => {
      const id = await engine.stored({ user: 'ada' });
      const open = await engine.open(id);
      await (await engine.open(id)).live.destroy();
      await expect(open.live.reload()).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
      await expect((await engine.open()).live.reload()).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
    });
  });

  describe('update', () => {
    it('runs on the newest data and leaves the result on the object', async () => {
      const id = await engine.stored({ n: 1 });
      const open = await engine.open(id);
      const other = await engine.open(id);
      other.live.n = 5;
      await other.commit();
      const result = await open.live.update((data) => {
        data.n = Number(data.n) + 1;
        return 'done';
      });
      expect(result).toBe('done');
      expect(open.live.n).toBe(6);
      expect(await engine.seen(id)).toEqual({ n: 6 });
    });

    it('loses no increment of many at once', async () => {
      const id = await engine.stored({ n: 0 });
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const open = await engine.open(id);
          await open.live.update((data) => void (data.n = Number(data.n) + 1));
        }),
      );
      expect(await engine.seen(id)).toEqual({ n: 20 });
    });

    it('changes nothing when the function throws', async () => {
      const id = await engine.stored({ list: [1] });
      const open = await engine.open(id);
      (open.live.list as number[]).push(2);
      const failing = open.live.update((data) => {
        (data.list as number[]).push(3);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(open.live.list).toEqual([1, 2]);
      await open.commit();
      expect(await engine.seen(id)).toEqual({ list: [1, 2] });
    });

    it('starts a new session', async () => {
      const open = await engine.open();
      await open.live.update((data) => void (data.n = 1));
      expect(open.cookieAction).toBe('set');
      expect(await engine.seen(open.id)).toEqual({ n: 1 });
    });

    it('fails when the session was ended meanwhile', async () => {
      const id = await engine.stored({ n: 0 });
      const open = await engine.open(id);
      await (await engine.open(id)).live.destroy();
      await expect(open.live.update(() => undefined)).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
    });
  });

  describe('beside another request', () => {
    it('merges changes of different keys', async () => {
      const id = await engine.stored({ a: 0, b: 0, c: 0 });
      const [one, two] = [await engine.open(id), await engine.open(id)];
      one.live.a = 1;
      two.live.b = 2;
      delete two.live.c;
      await one.commit();
      await two.commit();
      expect(await engine.seen(id)).toEqual({ a: 1, b: 2 });
    });

    it('keeps what another request added while this one removed the last key', async () => {
      const id = await engine.stored({ flash: 'hello' });
      const [one, two] = [await engine.open(id), await engine.open(id)];
      delete one.live.flash;
      two.live.user = 'ada';
      await two.commit();
      await one.commit();
      expect(await engine.seen(id)).toEqual({ user: 'ada' });
      expect(one.cookieAction).toBe('none');
    });

    it.each(['destroy', 'regenerate'] as const)('does not undo a %s', async (ending) => {
      const id = await engine.stored({ user: 'ada' });
      const slow = await engine.open(id);
      await (await engine.open(id)).live[ending]();
      slow.live.late = true;
      await slow.commit();
      expect(slow.cookieAction).toBe('none');
      expect(await engine.seen(id)).toBeUndefined();
      expect(engine.warnings.join()).toContain('ended');
    });
  });
});
