import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import type { SessionModuleOptions } from '../../../lib/index.js';
import { signInOf } from '../../../lib/session/live-session.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const NOW = 1_800_000_000;

let store: SpyStore;
let engine: TestEngine;

const user = (data: { user?: unknown }): string | undefined => data.user as string | undefined;

function start(options: SessionModuleOptions = {}): void {
  store = new SpyStore();
  engine = new TestEngine(store, options);
}

async function signInStored(id: string): Promise<unknown> {
  const record = JSON.parse((await store.inner.get(engine.records.keyOf(id))) ?? '{}') as Record<string, unknown>;
  return record['_signed_in'];
}

const pass = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000);

/** A stored session with a sign-in by password. */
async function signedIn(data: object = { user: 'ada' }): Promise<string> {
  const open = await engine.open();
  Object.assign(open.live, data);
  open.live.signedIn({ amr: ['pwd'] });
  await open.commit();
  return open.id;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
  start();
});
afterEach(() => void vi.useRealTimers());

describe('signedIn()', () => {
  it('notes when, and how, with the data of a new session', async () => {
    const id = await signedIn();
    expect(await signInStored(id)).toEqual({ at: NOW, amr: ['pwd'] });
    expect(signInOf((await engine.open(id)).live)).toEqual({ at: NOW, amr: ['pwd'] });
  });

  it('notes when it was called, and not when it was saved', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    open.live.signedIn();
    pass(30);
    await open.commit();
    expect(await signInStored(id)).toEqual({ at: NOW });
  });

  it('writes a stored session that nothing else changes, without another cookie', async () => {
    const id = await engine.stored({ user: 'ada' });
    pass(60);
    const open = await engine.open(id);
    store.taken();
    open.live.signedIn();
    expect(signInOf(open.live)).toEqual({ at: NOW + 60 });
    await open.commit();
    expect([store.taken(), open.cookieAction, await signInStored(id)]).toEqual(['replace', 'none', { at: NOW + 60 }]);
  });

  it('stores nothing by itself, and counts once there are data', async () => {
    const open = await engine.open();
    open.live.signedIn();
    await open.commit();
    expect(store.taken()).toBe('');
    open.live.user = 'ada';
    await open.commit();
    expect(await signInStored(open.id)).toEqual({ at: NOW });
  });

  it('refuses methods that are none, and notes nothing', async () => {
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    store.taken();
    expect(() => open.live.signedIn({ amr: 'pwd' as unknown as string[] })).toThrow(TypeError);
    expect(() => open.live.signedIn('pwd' as never)).toThrow('write { amr }');
    await open.commit();
    expect([store.taken(), signInOf(open.live)]).toEqual(['', undefined]);
  });

  it('is saved in a message, and fails there once the session has ended', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id, { cookieObstacle: 'no-response' });
    open.live.signedIn();
    await open.commit();
    expect(await signInStored(id)).toEqual({ at: NOW });
    await (await engine.open(id)).live.destroy();
    open.live.signedIn();
    await expect(open.commit()).rejects.toThrow('The session has ended');
  });

  it('warns after the response, where nothing saves it', async () => {
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    await open.commit();
    open.data.isOver = true;
    open.live.signedIn();
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.warnings.join()).toContain('was changed after its response was sent, which saves nothing');
  });

  it('is nothing to a session that has ended', async () => {
    const id = await signedIn();
    const open = await engine.open(id);
    await (await engine.open(id)).live.destroy();
    open.live.n = 1;
    await open.commit();
    expect(signInOf(open.live)).toBeUndefined();
  });

  it('is not there in a stand-in for a session', () => {
    expect(signInOf({ user: 'ada' } as never)).toBeUndefined();
  });
});

describe('the time of the last sign-in', () => {
  it.each<[string, (open: OpenSession) => Promise<unknown> | void]>([
    ['a change', ({ live }) => void (live.n = 1)],
    ['touch', ({ live }) => live.touch()],
    ['a renewal', () => pass(3 * 86_400)],
    ['remember', ({ live }) => live.remember('30d')],
    ['an update', ({ live }) => live.update((data) => void (data.n = 1))],
    ['a regenerate that keeps the user', ({ live }) => live.regenerate({ keep: true })],
  ])('is not moved by %s', async (_what, act) => {
    const id = await signedIn();
    pass(60);
    const open = await engine.open(id);
    await act(open);
    await open.commit();
    expect([await signInStored(open.id), signInOf(open.live)]).toEqual([
      { at: NOW, amr: ['pwd'] },
      { at: NOW, amr: ['pwd'] },
    ]);
  });

  it('counts as now where the clock of another process is ahead, and not at all where it is far ahead', async () => {
    const id = await signedIn();
    const key = engine.records.keyOf(id);
    const write = (at: unknown): Promise<void> =>
      store.inner.set(key, JSON.stringify({ user: 'ada', _signed_in: { at } }), 60);
    await write(NOW + 30);
    expect(signInOf((await engine.open(id)).live)).toEqual({ at: NOW });
    for (const at of [NOW + 61, 1e300, 'now', null, -1]) {
      await write(at);
      const open = await engine.open(id);
      expect([at, signInOf(open.live)]).toEqual([at, undefined]);
      open.live.signedIn();
      await open.commit();
      expect([at, await signInStored(id)]).toEqual([at, { at: NOW }]);
    }
  });
});

describe('of parallel requests,', () => {
  it.each<[string, (open: OpenSession) => Promise<unknown> | void]>([
    ['a change', ({ live }) => void (live.n = 1)],
    ['a renewal', ({ live }) => live.touch()],
    ['an update', ({ live }) => live.update((data) => void (data.n = 1))],
    ['remember', ({ live }) => live.remember('30d')],
    ['a regenerate that keeps the user', ({ live }) => live.regenerate({ keep: true })],
  ])('%s does not undo the sign-in of another one', async (_what, act) => {
    const id = await engine.stored({ user: 'ada' });
    const slow = await engine.open(id);
    const other = await engine.open(id);
    other.live.signedIn({ amr: ['otp'] });
    await other.commit();
    await act(slow);
    await slow.commit();
    expect(await signInStored(slow.id)).toEqual({ at: NOW, amr: ['otp'] });
  });

  it('the later sign-in counts, whichever is saved last', async () => {
    const id = await engine.stored({ user: 'ada' });
    const slow = await engine.open(id);
    slow.live.signedIn({ amr: ['pwd'] });
    pass(10);
    const other = await engine.open(id);
    other.live.signedIn({ amr: ['otp'] });
    await other.commit();
    await slow.commit();
    expect(await signInStored(id)).toEqual({ at: NOW + 10, amr: ['otp'] });
    expect(signInOf(slow.live)).toEqual({ at: NOW + 10, amr: ['otp'] });
  });
});

describe('regenerate()', () => {
  it.each<[string, SessionModuleOptions, boolean | readonly string[], boolean]>([
    ['keeps it with all data', {}, true, true],
    ['keeps it with a list, where nothing tells the user', {}, ['cart'], true],
    ['keeps it with a list that keeps the user', { user }, ['user'], true],
    ['drops it with a list that does not', { user }, ['cart'], false],
    ['drops it with the data', { user }, false, false],
    ['drops it with the data where nothing tells the user', {}, false, false],
    ['drops it with an empty list', {}, [], false],
  ])('%s', async (_what, options, keep, isKept) => {
    start(options);
    const open = await engine.open(await signedIn({ user: 'ada', cart: [1] }));
    pass(60);
    await open.live.regenerate({ keep });
    open.live.n = 1;
    await open.commit();
    expect(await signInStored(open.id)).toEqual(isKept ? { at: NOW, amr: ['pwd'] } : undefined);
  });

  it('takes a sign-in that is noted after it, waited for or not', async () => {
    for (const wait of [true, false]) {
      const open = await engine.open(await engine.stored({ cart: [1] }));
      const regenerating = open.live.regenerate({ keep: ['cart'] });
      if (wait) await regenerating;
      open.live.user = 'ada';
      open.live.signedIn({ amr: ['otp'] });
      await open.commit();
      expect([wait, await signInStored(open.id)]).toEqual([wait, { at: NOW, amr: ['otp'] }]);
    }
  });

  it('keeps the sign-in of a login that gives the session its new id afterwards', async () => {
    start({ user });
    const open = await engine.open(await engine.stored({ cart: [1] }));
    open.live.user = 'ada';
    open.live.signedIn({ amr: ['otp'] });
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await signInStored(open.id)).toEqual({ at: NOW, amr: ['otp'] });
  });

  it("drops one user's sign-in when another user takes over the data", async () => {
    start({ user });
    const open = await engine.open(await signedIn());
    pass(60);
    open.live.user = 'grace';
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await signInStored(open.id)).toEqual({ at: NOW + 60 });
  });

  it.each<[string, SessionModuleOptions]>([
    ['native', { user }],
    ['shared with Python', { user, wire: 'quart' }],
  ])('is no sign-in of a user of whom none is known, %s', async (_form, options) => {
    for (const isListed of [false, true]) {
      start(options);
      const { wire } = options;
      const id = await new TestEngine(store, wire && { wire }).stored({ user: 'ada' });
      if (isListed) await (await engine.open(id)).commit();
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      await open.live.regenerate({ keep: true });
      await open.commit();
      const { live } = await engine.open(open.id);
      expect([live.user, signInOf(live)]).toEqual(['ada', undefined]);
    }
  });

  it('keeps a sign-in that comes before it or after it, wherever the session was', async () => {
    start({ user });
    for (const stored of [{ cart: [1] }, undefined]) {
      const before = await engine.open(stored && (await engine.stored(stored)));
      before.live.user = 'ada';
      await before.live.regenerate({ keep: true });
      await before.commit();
      expect(await signInStored(before.id)).toEqual({ at: NOW });
    }
    const after = await engine.open(await new TestEngine(store).stored({ user: 'ada' }));
    await after.live.regenerate();
    after.live.user = 'ada';
    await after.commit();
    expect(await signInStored(after.id)).toEqual({ at: NOW });
  });
});

describe('with the option user', () => {
  beforeEach(() => start({ user }));

  it('a session that becomes that of a user has a sign-in', async () => {
    const id = await engine.stored({ user: 'ada' });
    expect(await signInStored(id)).toEqual({ at: NOW });
    const open = await engine.open(await engine.stored({ cart: [1] }));
    pass(5);
    open.live.user = 'ada';
    await open.commit();
    expect([await signInStored(open.id), signInOf(open.live)]).toEqual([{ at: NOW + 5 }, { at: NOW + 5 }]);
  });

  it('what the request itself has noted wins', async () => {
    expect(await signInStored(await signedIn())).toEqual({ at: NOW, amr: ['pwd'] });
    const open = await engine.open(await engine.stored({ cart: [1] }));
    open.live.signedIn({ amr: ['otp'] });
    pass(5);
    open.live.user = 'ada';
    await open.commit();
    expect(await signInStored(open.id)).toEqual({ at: NOW, amr: ['otp'] });
  });

  it('what one user has confirmed is none of another, whom a parallel request puts into the session meanwhile', async () => {
    for (const isLast of [true, false]) {
      const id = await engine.stored({ user: 'ada' });
      const [confirming, switching] = [await engine.open(id), await engine.open(id)];
      pass(5);
      confirming.live.signedIn({ amr: ['otp'] });
      if (!isLast) await confirming.commit();
      switching.live.user = 'grace';
      await switching.commit();
      if (isLast) await confirming.commit();
      expect([isLast, (await engine.seen(id))?.['user'], await signInStored(id)]).toEqual([
        isLast,
        'grace',
        { at: Date.now() / 1000 },
      ]);
    }
  });

  it('what a request confirms for the user that it puts into the session itself counts, also where another was first', async () => {
    const id = await engine.stored({ user: 'ada' });
    const [one, other] = [await engine.open(id), await engine.open(id)];
    pass(5);
    other.live.user = 'grace';
    await other.commit();
    pass(5);
    one.live.user = 'grace';
    one.live.signedIn({ amr: ['otp'] });
    await one.commit();
    expect(await signInStored(id)).toEqual({ at: Date.now() / 1000, amr: ['otp'] });
  });
});
