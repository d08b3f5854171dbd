import { beforeEach, describe, expect, it } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import { TestEngine } from '../../fixtures/engine.js';
import { Gate } from '../../fixtures/gate.js';
import { SpyStore } from '../../fixtures/spy-store.js';

type Cart = { cart: number[]; n: number };

let store: SpyStore;
let engine: TestEngine;

beforeEach(() => {
  store = new SpyStore();
  engine = new TestEngine(store);
});

const keyOf = (id: string): string => engine.records.keyOf(id);
const push =
  (number: number) =>
  (data: Record<string, unknown>): void =>
    void (data as Cart).cart.push(number);

/** What another request writes meanwhile. */
async function elsewhere(id: string, data: Record<string, unknown>): Promise<void> {
  const other = await new TestEngine(store.inner).open(id);
  Object.assign(other.live, data);
  await other.commit();
}

describe('what an update has saved', () => {
  it('is not saved again by the commit, over what others did since', async () => {
    const id = await engine.stored({ cart: [1], n: 0 });
    const open = await engine.open(id);
    expect(open.live.cart).toEqual([1]);
    await (await engine.open(id)).live.update(push(2));
    await open.live.update((data) => void (data.n = 1));
    await (await engine.open(id)).live.update(push(3));
    store.calls.splice(0);
    await open.commit();
    expect([...store.calls]).toEqual([]);
    expect(await engine.seen(id)).toEqual({ cart: [1, 2, 3], n: 1 });
  });

  it('is watched for changes through the objects that the function kept', async () => {
    const id = await engine.stored({ cart: [1] });
    const open = await engine.open(id);
    let cart: number[] = [];
    await open.live.update((data) => {
      cart = (data as Cart).cart;
      cart.push(2);
    });
    cart.push(3);
    await open.commit();
    expect(await engine.seen(id)).toEqual({ cart: [1, 2, 3] });
  });
});

describe('an update that fails', () => {
  const failing = (data: Record<string, unknown>): never => {
    push(2)(data);
    throw new Error('The function has thrown.');
  };

  it('leaves nothing for a later save', async () => {
    const id = await engine.stored({ cart: [1], n: 0 });
    const open = await engine.open(id);
    await expect(open.live.update(failing)).rejects.toThrow('thrown');
    open.live.n = 1;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ cart: [1], n: 1 });
  });

  it('takes nothing from a later regenerate', async () => {
    const id = await engine.stored({ cart: [1] });
    const open = await engine.open(id);
    await elsewhere(id, { theme: 'dark' });
    await expect(open.live.update(failing)).rejects.toThrow('thrown');
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ cart: [1], theme: 'dark' });
  });

  it('is told by the commit when nobody waited for it, and does not end the process', async () => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const open = await engine.open(await engine.stored({ n: 1 }));
    down.failing.add('read');
    void open.live.update((data) => void (data.n = 2));
    await new Promise(setImmediate);
    down.failing.clear();
    await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    await open.commit();
  });

  it('is nobody else’s matter when somebody waited for it', async () => {
    const open = await engine.open(await engine.stored({ cart: [1] }));
    await open.live.update(failing).catch(() => undefined);
    await open.commit();
  });

  it('does not take along what was written while a new session was being stored', async () => {
    const down = new SpyStore();
    const open = await new TestEngine(down).open();
    const create = down.create.bind(down);
    down.create = async () => {
      open.live.late = true;
      throw new Error('The back-end is down.');
    };
    await expect(open.live.update((data) => void (data.n = 1))).rejects.toMatchObject({ code: 'SESSION_STORE' });
    down.create = create;
    expect({ ...open.live }).toEqual({ late: true });
  });
});

describe('an update after a regenerate or destroy that failed', () => {
  it.each(['regenerate', 'destroy'] as const)('saves nothing in the session from before (%s)', async (method) => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const id = await engine.stored({ cart: [1] });
    const open = await engine.open(id);
    down.failing = new Set(['set', 'replace', 'delete']);
    await open.live[method]().catch(() => undefined);
    down.failing.clear();
    const signIn = (data: Record<string, unknown>): void => void (data.user = 'ada');
    await expect(open.live.update(signIn)).rejects.toMatchObject({ code: 'SESSION_STORE' });
    expect(await engine.seen(id)).toEqual({ cart: [1] });
    await open.live.regenerate();
    await open.live.update(signIn);
    expect([await engine.seen(id), await engine.seen(open.id)]).toEqual([undefined, { user: 'ada' }]);
  });
});

describe('a call that the application does not wait for', () => {
  it.each<[call: string, failing: string, run: (open: OpenSession) => unknown]>([
    ['save', 'replace', ({ live }) => live.save()],
    ['reload', 'read', ({ live }) => live.reload()],
    ['regenerate', 'replace', ({ live }) => live.regenerate()],
  ])('ends no process when it fails, and the commit reports it (%s)', async (_call, failing, run) => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const open = await engine.open(await engine.stored({ n: 1 }));
    open.live.n = 2;
    down.failing.add(failing as never);
    void run(open);
    await new Promise(setImmediate);
    down.failing.clear();
    await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_STORE' });
  });

  it('counts as a failed regenerate when its `keep` is wrong', async () => {
    const id = await engine.stored({ cart: [1] });
    const open = await engine.open(id);
    void open.live.regenerate({ keep: 'cart' as never });
    open.live.user = 'ada';
    await expect(open.commit()).rejects.toThrow(TypeError);
    expect(await engine.seen(id)).toEqual({ cart: [1] });
  });

  it('is followed by a save of what it has left unsaved', async () => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    open.live.n = 2;
    down.failing.add('replace');
    await open.live.save().catch(() => undefined);
    down.failing.clear();
    await open.commit();
    expect(await engine.seen(id)).toEqual({ n: 2 });
  });
});

describe('a reload', () => {
  it('discards what was changed before it, and keeps what is assigned after the call', async () => {
    const id = await engine.stored({ cart: [1], n: 0 });
    const open = await engine.open(id);
    (open.live.cart as number[]).push(2);
    open.live.n = 1;
    open.live.fn = () => 'no data';
    const gate = store.pause('read', keyOf(id));
    const reloading = open.live.reload();
    await gate.reached;
    open.live.theme = 'dark';
    gate.open();
    await reloading;
    expect({ ...open.live }).toEqual({ cart: [1], n: 0, theme: 'dark' });
    await open.commit();
    expect(await engine.seen(id)).toEqual({ cart: [1], n: 0, theme: 'dark' });
  });
});

describe('an update whose read is slow', () => {
  it.each(['before', 'after'] as const)('is done before a destroy that is called meanwhile (%s)', async (at) => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    const gate = store.pause('read', keyOf(id), at);
    const updating = open.live.update((data) => void (data.n = 1));
    await gate.reached;
    const destroying = open.live.destroy();
    expect(open.cookieAction).toBe('expire');
    gate.open();
    await Promise.all([updating, destroying]);
    await open.commit();
    expect(open.cookieAction).toBe('expire');
    open.live.flash = 'bye';
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ flash: 'bye' });
  });

  it.each(['before', 'after'] as const)('is done before a regenerate that is called meanwhile (%s)', async (at) => {
    const id = await engine.stored({ user: 'somebody', secret: 1 });
    const open = await engine.open(id);
    const gate = store.pause('read', keyOf(id), at);
    const updating = open.live.update((data) => void (data.n = 1));
    await gate.reached;
    const regenerating = open.live.regenerate();
    open.live.user = 'grace';
    gate.open();
    await Promise.all([updating, regenerating]);
    await open.commit();
    expect([open.cookieAction, await engine.seen(open.id)]).toEqual(['set', { user: 'grace' }]);
  });

  it.each(['before', 'after'] as const)('finds the session that another request has ended gone (%s)', async (at) => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    const gate = store.pause('read', keyOf(id), at);
    const updating = open.live.update((data) => void (data.n = 1));
    await gate.reached;
    await (await new TestEngine(store.inner).open(id)).live.destroy();
    gate.open();
    await expect(updating).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
    await open.commit();
    expect([open.cookieAction, await engine.seen(id)]).toEqual(['none', undefined]);
  });
});

describe('after an update that takes its time', () => {
  const slow = (gate: Gate) => async (data: Record<string, unknown>) => {
    await gate.stop();
    data.n = Number(data.n ?? 0) + 1;
  };

  it('save saves what the request has changed meanwhile', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    open.live.mine = true;
    const gate = new Gate();
    const updating = open.live.update(slow(gate));
    await gate.reached;
    open.live.late = true;
    const saving = open.live.save();
    expect(await engine.seen(id)).toEqual({ n: 1 });
    gate.open();
    await updating;
    expect(await engine.seen(id)).toEqual({ n: 2, mine: true });
    await saving;
    expect(await engine.seen(id)).toEqual({ n: 2, mine: true, late: true });
  });

  it('reload reads what it has saved', async () => {
    const open = await engine.open(await engine.stored({ n: 1 }));
    const gate = new Gate();
    const updating = open.live.update(slow(gate));
    await gate.reached;
    const reloading = open.live.reload();
    gate.open();
    await Promise.all([updating, reloading]);
    expect({ ...open.live }).toEqual({ n: 2 });
  });

  it('destroy ends what it has made of a session without data', async () => {
    const open = await engine.open();
    const gate = new Gate();
    const updating = open.live.update(slow(gate));
    await gate.reached;
    const destroying = open.live.destroy();
    gate.open();
    await updating;
    const { id } = open;
    await destroying;
    await open.commit();
    expect([await engine.seen(id), { ...open.live }]).toEqual([undefined, {}]);
  });

  it('a destroy that fails leaves what it has saved', async () => {
    const down = new SpyStore();
    engine = new TestEngine(down);
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    const gate = new Gate();
    const updating = open.live.update(slow(gate));
    await gate.reached;
    const destroying = open.live.destroy();
    gate.open();
    await updating;
    down.failing = new Set(['set', 'delete']);
    await expect(destroying).rejects.toMatchObject({ code: 'SESSION_STORE' });
    down.failing.clear();
    expect(await engine.seen(id)).toEqual({ n: 2 });
  });

  it('a value whose text differs each time does not keep a new session from being stored', async () => {
    const open = await engine.open();
    open.live.random = { toJSON: () => Math.random() };
    await open.live.update((data) => void (data.n = 1));
    expect(await engine.seen(open.id)).toMatchObject({ n: 1 });
  });
});
