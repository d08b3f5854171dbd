import { beforeEach, describe, expect, it } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import { isTombstone } from '../../../lib/session/tombstone.js';
import { HmacSigner } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { Gate } from '../../fixtures/gate.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const DESTROYED = { code: 'SESSION_DESTROYED', statusCode: 409 };
const increment = (data: Record<string, unknown>): number => (data.n = Number(data.n ?? 0) + 1);

let store: SpyStore;
let engine: TestEngine;

beforeEach(() => {
  store = new SpyStore();
  engine = new TestEngine(store);
});

/** What lies in the store under an id. */
const storedUnder = (id: string): Promise<string | undefined> => store.inner.get(engine.records.keyOf(id));

describe('an id that was retired', () => {
  let id: string;
  let late: OpenSession;

  beforeEach(async () => {
    id = await engine.stored({ user: 'ada' });
    await (await engine.open(id)).live.destroy();
    late = await engine.open(id);
    store.calls.splice(0);
  });

  it('opens an empty session, which is new', () => {
    expect([{ ...late.live }, late.isNew]).toEqual([{}, true]);
    expect(late.id).not.toBe(id);
  });

  it('stores no change and sends no cookie, and says so', async () => {
    late.live.cart = [1];
    await late.commit();
    late.live.cart = [2];
    await late.live.save();
    expect([store.calls, late.cookieAction]).toEqual([[], 'none']);
    expect(engine.warnings.join()).toContain('dropped');
    expect(engine.warnings.join()).not.toContain(id);
  });

  it('says nothing when nothing was changed', async () => {
    late.live.touch();
    await late.commit();
    expect([store.calls, late.cookieAction, engine.warnings]).toEqual([[], 'none', []]);
  });

  it('can be neither updated nor reloaded', async () => {
    await expect(late.live.update(increment)).rejects.toMatchObject(DESTROYED);
    await expect(late.live.reload()).rejects.toMatchObject(DESTROYED);
  });

  it('can log in: a regenerate that begins after the end begins anew, with nothing of before', async () => {
    await late.live.regenerate({ keep: true });
    late.live.user = 'grace';
    await late.commit();
    expect(late.cookieAction).toBe('set');
    expect(await engine.seen(late.id)).toEqual({ user: 'grace' });
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('loses its cookie when it is given a new id and nothing to keep', async () => {
    await late.live.regenerate();
    await late.commit();
    expect([store.calls, late.cookieAction]).toEqual([[], 'expire']);
  });

  it('can log out again', async () => {
    await late.live.destroy();
    await late.commit();
    expect([store.calls, late.cookieAction]).toEqual([[], 'expire']);
  });

  it('is taken for no session by whoever reads the store, and names nobody', async () => {
    const text = (await storedUnder(id)) ?? '';
    expect(text).toMatch(/^nest-session tombstone [\w-]{12}$/);
    expect(() => JSON.parse(text)).toThrow();
  });

  it('is remembered for 30 seconds', async () => {
    const ttls: unknown[] = [];
    const { inner } = store;
    const [set, replace] = [inner.set.bind(inner), inner.replace.bind(inner)];
    inner.set = (key, value, ttl) => (ttls.push(ttl), set(key, value, ttl));
    inner.replace = (key, value, ttl, version) => (ttls.push(ttl), replace(key, value, ttl, version));
    await (await engine.open(await engine.stored({ n: 1 }))).live.destroy();
    await (await engine.open(await engine.stored({ n: 1 }))).live.regenerate();
    expect(ttls).toEqual([30, 30]);
  });
});

describe('regenerate', () => {
  it('keeps what another request wrote since the session was opened', async () => {
    const id = await engine.stored({ user: 'ada', cart: [1], theme: 'dark', old: true });
    const [login, other] = [await engine.open(id), await engine.open(id)];
    const cart = login.live.cart as number[];
    login.live.seen = true;
    other.live.items = ['new'];
    other.live.theme = 'light';
    delete other.live.old;
    await other.commit();
    await login.live.regenerate({ keep: true });
    cart.push(2);
    await login.commit();
    const expected = { user: 'ada', cart: [1, 2], theme: 'light', seen: true, items: ['new'] };
    expect(await engine.seen(login.id)).toEqual(expected);
    expect({ ...login.live }).toEqual(expected);
  });

  it('of many at once is done once; the others are told', async () => {
    const id = await engine.stored({ user: 'ada' });
    const opened = await Promise.all(Array.from({ length: 10 }, () => engine.open(id)));
    const outcomes = await Promise.allSettled(opened.map(({ live }) => live.regenerate({ keep: true })));
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(lost.map(({ reason }) => (reason as { code: string }).code)).toEqual(Array(9).fill('SESSION_DESTROYED'));
    await Promise.allSettled(opened.map(async (open) => open.commit()));
    const alive = opened.filter(({ isNew }) => !isNew);
    expect(alive.length).toBe(1);
    expect(opened.filter(({ cookieAction }) => cookieAction === 'set')).toEqual(alive);
  });

  it.each(['alone', 'beside another request'])(
    'keeps what is written before it is done, though nobody waits (%s)',
    async (how) => {
      const id = await engine.stored({ user: 'ada', cart: [1] });
      const open = await engine.open(id);
      if (how !== 'alone') await (await engine.open(id)).live.update((data) => void (data.theme = 'dark'));
      void open.live.regenerate({ keep: ['cart'] });
      open.live.user = 'grace';
      await open.commit();
      expect(await engine.seen(open.id)).toEqual({ cart: [1], user: 'grace' });
    },
  );

  it('sees a change, after the next save, in an object from before', async () => {
    const open = await engine.open(await engine.stored({ cart: [1] }));
    const cart = open.live.cart as number[];
    await open.live.regenerate({ keep: true });
    await open.live.save();
    cart.push(2);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ cart: [1, 2] });
  });

  it('leaves the changes of a request to be saved when the store fails', async () => {
    const failing = new SpyStore();
    engine = new TestEngine(failing);
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    open.live.n = 1;
    failing.failing.add('replace');
    await expect(open.live.regenerate()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    failing.failing.clear();
    const other = await engine.open(id);
    Object.assign(other.live, { n: 2, m: 2 });
    await other.commit();
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada', n: 1, m: 2 });
  });
});

describe('destroy', () => {
  it('keeps what is written before it is done for the session that follows', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    void open.live.destroy();
    open.live.flash = 'bye';
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ flash: 'bye' });
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('is done where the back-end stores nothing any more but still deletes, as a full Redis', async () => {
    const full = new SpyStore();
    engine = new TestEngine(full);
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    full.failing.add('set');
    full.refuses = true;
    await open.live.destroy();
    expect(await full.inner.get(engine.records.keyOf(id))).toBeUndefined();
  });

  it('tells the first error when the back-end does neither', async () => {
    const full = new SpyStore();
    engine = new TestEngine(full);
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    full.failing = new Set(['set', 'delete']);
    full.refuses = true;
    await expect(open.live.destroy()).rejects.toThrow('fail to set');
  });

  it('asks a back-end that is down or hangs once, as it would only fail to delete as well', async () => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    down.taken();
    down.failing.add('set');
    await expect(open.live.destroy()).rejects.toThrow('fail to set');
    expect(down.taken()).toBe('set');
  });

  it('that failed is forgotten after a reload', async () => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    down.failing = new Set(['set', 'delete']);
    await open.live.destroy().catch(() => undefined);
    down.failing.clear();
    await open.live.reload();
    await open.commit();
  });

  it('twice is done once', async () => {
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    store.calls.splice(0);
    await open.live.destroy();
    await open.live.destroy();
    await open.commit();
    expect([store.calls, open.cookieAction]).toEqual([['set'], 'expire']);
  });
});

describe('a session that ended while a request held it', () => {
  it.each(['deleted', 'retired'])('is not asked for again once that is known (%s)', async (how) => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    if (how === 'deleted') await store.inner.delete(engine.records.keyOf(id));
    else await (await engine.open(id)).live.destroy();
    open.live.n = 1;
    await open.commit();
    store.calls.splice(0);
    open.live.n = 2;
    await open.commit();
    await open.live.destroy();
    expect([store.calls, open.isNew]).toEqual([[], true]);
  });
});

describe('where the answer cannot expire the cookie', () => {
  it.each(['emptied', 'destroyed'])(
    'a session that is %s leaves no tombstone, as the browser keeps its id',
    async (how) => {
      const id = await engine.stored({ flash: 'hello' });
      const open = await engine.open(id);
      open.withholdCookie('head-sent');
      if (how === 'emptied') delete open.live.flash;
      else await open.live.destroy();
      await open.commit();
      expect(await storedUnder(id)).toBeUndefined();
      const next = await engine.open(id);
      next.live.cart = [1];
      await next.commit();
      expect(next.cookieAction).toBe('set');
    },
  );
});

describe('a pin that does not match', () => {
  it('does not remove the tombstone of a login that was quicker', async () => {
    engine = new TestEngine(store, { pinning: true });
    const id = await engine.stored({ cart: [1] });
    const gate = store.pause('replace', engine.records.keyOf(id));
    const elsewhere = engine.open(id, { address: () => '203.0.113.9' });
    await gate.reached;
    // In another process, which does not wait for ours.
    const owner = await new TestEngine(store.inner, { pinning: true }).open(id);
    await owner.live.regenerate({ keep: true });
    await owner.commit();
    gate.open();
    expect({ ...(await elsewhere).live }).toEqual({});
    expect(isTombstone((await storedUnder(id)) ?? '')).toBe(true);
  });

  it('leaves no tombstone, so that the owner starts anew at once', async () => {
    engine = new TestEngine(store, { pinning: true });
    const id = await engine.stored({ cart: [1] });
    await engine.open(id, { address: () => '203.0.113.9' });
    expect(await storedUnder(id)).toBeUndefined();
  });
});

describe('a session that was emptied', () => {
  it('goes on when another request adds something in the moment of its removal', async () => {
    const id = await engine.stored({ flash: 'hello' });
    const [one, two] = [await engine.open(id), await engine.open(id)];
    const gate = store.pause('replace', engine.records.keyOf(id));
    delete one.live.flash;
    const emptying = one.commit();
    await gate.reached;
    // From another process, whose saves do not queue up with ours.
    const elsewhere = new TestEngine(store.inner);
    const three = await elsewhere.open(id);
    three.live.user = 'ada';
    await three.commit();
    gate.open();
    await emptying;
    expect([await engine.seen(id), one.cookieAction]).toEqual([{ user: 'ada' }, 'none']);
    two.live.n = 1;
    await two.commit();
    expect(await engine.seen(id)).toEqual({ user: 'ada', n: 1 });
  });
});

describe('a cookie that was signed with an old secret', () => {
  it('is not signed anew once its id was retired', async () => {
    const oldSigner = new HmacSigner(['an old secret']);
    const rotating = new TestEngine(store, { secret: ['a new secret', 'an old secret'] });
    const id = await engine.stored({ user: 'ada' });
    const reading = await rotating.open(oldSigner.sign(id));
    await (await rotating.open(oldSigner.sign(id))).live.regenerate({ keep: true });
    await reading.commit();
    expect(reading.cookieAction).toBe('none');
  });
});

describe('update', () => {
  it('sees fresh data at each try', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    const seen: unknown[] = [];
    await open.live.update(async (data) => {
      seen.push(data.n);
      if (seen.length < 3) await new TestEngine(store.inner).open(id).then((other) => other.live.update(increment));
      increment(data);
    });
    expect(seen).toEqual([1, 2, 3]);
    expect([await engine.seen(id), open.live.n]).toEqual([{ n: 4 }, 4]);
  });

  it('gives up with an error that says so when others win every time', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    store.inner.replace = async () => 'conflict';
    open.live.mine = true;
    await expect(open.live.update(increment)).rejects.toMatchObject({ code: 'SESSION_CONFLICT', statusCode: 409 });
    await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_CONFLICT' });
    expect({ ...open.live }).toEqual({ n: 1, mine: true });
  });

  it.each([
    ['a new session', undefined, { n: 2, before: true }],
    ['a stored one', { n: 5 }, { n: 7, before: true }],
  ])('twice at once on %s counts twice, and saves what was written before', async (_name, data, expected) => {
    const open = await engine.open(data && (await engine.stored(data)));
    open.live.before = true;
    await Promise.all([open.live.update(increment), open.live.update(increment)]);
    expect({ ...open.live }).toEqual(expected);
    expect(await engine.seen(open.id)).toEqual(expected);
  });

  it.each([
    ['a new session', undefined, [{ before: true }, { n: 2, before: true }]],
    [
      'a stored one',
      { n: 5 },
      [
        { n: 5, before: true },
        { n: 7, before: true },
      ],
    ],
  ])('that is slow keeps a quick one on %s waiting', async (_name, data, [meanwhile, afterwards]) => {
    const open = await engine.open(data && (await engine.stored(data)));
    open.live.before = true;
    const gate = new Gate();
    const order: string[] = [];
    const slow = open.live.update(async (draft) => {
      await gate.stop();
      order.push('slow');
      increment(draft);
    });
    await gate.reached;
    const quick = open.live.update((draft) => void (order.push('quick'), increment(draft)));
    expect({ ...open.live }).toEqual(meanwhile);
    gate.open();
    await Promise.all([slow, quick]);
    expect(order).toEqual(['slow', 'quick']);
    expect({ ...open.live }).toEqual(afterwards);
    expect(await engine.seen(open.id)).toEqual(afterwards);
  });

  it('leaves a new session as it was when the store fails', async () => {
    const failing = new SpyStore();
    const open = await new TestEngine(failing).open();
    open.live.before = true;
    failing.failing.add('create');
    await expect(open.live.update(increment)).rejects.toMatchObject({ code: 'SESSION_STORE' });
    expect({ ...open.live }).toEqual({ before: true });
    failing.failing.clear();
    await open.commit();
    expect(await new TestEngine(failing).seen(open.id)).toEqual({ before: true });
  });

  it.each(['new', 'stored'])('is waited for by the commit when nobody else does (%s)', async (which) => {
    const open = await engine.open(which === 'stored' ? await engine.stored({ n: 0 }) : undefined);
    void open.live.update(async (data) => {
      await new Promise(setImmediate);
      increment(data);
    });
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ n: 1 });
  });

  it('fails the commit that waits for it when it fails', async () => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    void open.live.update(async () => {
      await new Promise(setImmediate);
      throw new Error('The function has thrown.');
    });
    await expect(open.commit()).rejects.toThrow('The function has thrown.');
    await open.commit();
  });

  it.each<[method: string, call: (open: OpenSession) => unknown]>([
    ['save', ({ live }) => live.save()],
    ['reload', ({ live }) => live.reload()],
    ['regenerate', ({ live }) => live.regenerate()],
    ['destroy', ({ live }) => live.destroy()],
    ['update', ({ live }) => live.update(increment)],
  ])('refuses %s in its function at once, and says what to do instead', async (method, call) => {
    const id = await engine.stored({ n: 0 });
    const open = await engine.open(id);
    const updating = open.live.update(async (data) => {
      increment(data);
      await new Promise(setImmediate);
      await call(open);
    });
    await expect(updating).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    await expect(updating).rejects.toThrow(`session.${method}() was called in the function of session.update()`);
    expect([await engine.seen(id), { ...open.live }]).toEqual([{ n: 0 }, { n: 0 }]);
  });

  it('reports a refused destroy at the commit when the function does not wait for it', async () => {
    const id = await engine.stored({ n: 0 });
    const open = await engine.open(id);
    await open.live.update((data) => {
      void open.live.destroy();
      increment(data);
    });
    expect(open.cookieAction).toBe('none');
    await expect(open.commit()).rejects.toThrow('session.destroy() was called');
    expect(await engine.seen(id)).toEqual({ n: 1 });
  });

  it('of another session in its function sees the first one as updating too', async () => {
    const [open, other] = [
      await engine.open(await engine.stored({ n: 0 })),
      await engine.open(await engine.stored({ n: 0 })),
    ];
    await open.live.update(async (data) => {
      await other.live.update(increment);
      await other.live.save();
      await expect(other.live.update(() => open.live.save())).rejects.toThrow('session.save() was called');
      increment(data);
    });
    expect([await engine.seen(open.id), await engine.seen(other.id)]).toEqual([{ n: 1 }, { n: 1 }]);
  });

  it('lets code that its function has started call the session once it is done', async () => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    const gate = new Gate();
    let later: Promise<void> | undefined;
    await open.live.update((data) => {
      later = gate.stop().then(() => open.live.save());
      increment(data);
    });
    open.live.later = true;
    gate.open();
    await later;
    expect(await engine.seen(open.id)).toEqual({ n: 1, later: true });
  });

  it('is done before a destroy that is called after it', async () => {
    const id = await engine.stored({ n: 0 });
    const open = await engine.open(id);
    const gate = new Gate();
    const updating = open.live.update(async (data) => {
      await gate.stop();
      return increment(data);
    });
    await gate.reached;
    const destroying = open.live.destroy();
    gate.open();
    expect(await updating).toBe(1);
    await destroying;
    await open.commit();
    expect([{ ...open.live }, open.cookieAction, await engine.seen(id)]).toEqual([{}, 'expire', undefined]);
  });

  it('is done before a regenerate that is called after it, and counts in the new session', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    const gate = new Gate();
    const updating = open.live.update(async (data) => {
      await gate.stop();
      increment(data);
    });
    await gate.reached;
    const regenerating = open.live.regenerate({ keep: true });
    gate.open();
    await Promise.all([updating, regenerating]);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ n: 2 });
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('does not wait for ever behind a save that hangs', async () => {
    const id = await engine.stored({ n: 0 });
    const [hanging, open] = [await engine.open(id), await engine.open(id)];
    const gate = store.pause('replace', engine.records.keyOf(id));
    hanging.live.late = true;
    const saving = hanging.commit();
    await gate.reached;
    await open.live.update(increment);
    gate.open();
    await saving;
    expect(await engine.seen(id)).toEqual({ n: 1, late: true });
  });
});
