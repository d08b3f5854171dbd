import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EventType } from '../../../lib/engine/event-hub.js';
import { KeyedQueue } from '../../../lib/engine/keyed-queue.js';
import { handleOf } from '../../../lib/engine/session-handle.js';
import { UserSessions, type AnySession } from '../../../lib/engine/user-sessions.js';
import {
  expressSession,
  ExpressSessionSigner,
  SessionDestroyedError,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';
import { TextStore } from '../../fixtures/text-store.js';

const USER: SessionModuleOptions = { user: (data) => (data as { user?: string }).user };

let store: SpyStore;
let engine: TestEngine;
let events: SessionEvent[];

/** What an event says, without the time. */
type Said = Record<string, unknown>;

function start(options: SessionModuleOptions = {}, saveQueue?: KeyedQueue): void {
  engine = new TestEngine(store, options, saveQueue);
  listenTo(engine);
}

function listenTo({ hub }: TestEngine): void {
  hub.listen({ next: (event) => void events.push(event), complete: () => {} });
}

/** The events since the last time this was asked. */
function taken(): Said[] {
  return events.splice(0).map(({ at, ...said }) => {
    expect(at).toBeInstanceOf(Date);
    return said;
  });
}

function types(): string[] {
  return events
    .splice(0)
    .map((event) => (event.type !== 'outage' && 'reason' in event ? `${event.type}: ${event.reason}` : event.type));
}

beforeEach(() => {
  store = new SpyStore();
  events = [];
});

describe('A session that is stored', () => {
  it('is created once, however often it is saved', async () => {
    start();
    const open = await engine.open(undefined, { route: () => 'POST /cart' });
    open.live.cart = 1;
    expect(taken()).toEqual([]);
    await open.commit();
    open.live.cart = 2;
    await open.commit();
    expect(taken()).toEqual([
      { type: 'created', sessions: 'default', handle: expect.stringMatching(/^[\w-]{22}$/), route: 'POST /cart' },
    ]);
  });

  it('is created after the store has answered, and not when it fails', async () => {
    start();
    const open = await engine.open();
    open.live.cart = 1;
    store.failing.add('create');
    await expect(open.commit()).rejects.toThrow();
    expect(types()).toEqual(['outage']);
    store.failing.clear();
    const gate = store.pause('create', undefined, 'after');
    const saving = open.commit();
    await gate.reached;
    expect(types()).toEqual([]);
    gate.open();
    await saving;
    expect(types()).toEqual(['created']);
  });

  it('is created by an update too', async () => {
    start();
    const open = await engine.open();
    await open.live.update((draft: { count?: number }) => void (draft.count = 1));
    await open.commit();
    expect(types()).toEqual(['created']);
  });

  it('is created where another library has left it, once', async () => {
    start({ migrateFrom: expressSession({ secret: 'of the other library', prefix: 'sess:' }) });
    await store.set('sess:0123456789abcdef', JSON.stringify({ cookie: {}, cart: 1 }), 60);
    const migrationCookies = [new ExpressSessionSigner('of the other library').sign('0123456789abcdef')];
    await engine.open(undefined, { migrationCookies });
    await engine.open(undefined, { migrationCookies });
    expect(types()).toEqual(['created']);
  });
});

describe('A sign-in', () => {
  beforeEach(() => start(USER));

  it('is an event after the one of a new session', async () => {
    const open = await engine.open();
    open.live.user = 'ada';
    await open.commit();
    const [created, signedIn] = taken();
    expect(created).toMatchObject({ type: 'created', user: 'ada', handle: signedIn?.handle });
    expect(signedIn).toMatchObject({ type: 'signed-in', user: 'ada', route: 'GET /', isConfirmation: false });
    expect(events).toEqual([]);
  });

  it('is an event of a session that there was before, once', async () => {
    const id = await engine.stored({ cart: 1 });
    taken();
    const opens = await Promise.all([engine.open(id), engine.open(id), engine.open(id)]);
    for (const open of opens) open.live.user = 'ada';
    await Promise.all(opens.map((open) => open.live.save()));
    const later = await engine.open(id);
    later.live.cart = 2;
    await later.commit();
    expect(types()).toEqual(['signed-in']);
  });

  it('is none of a regenerate that keeps the user', async () => {
    const id = await engine.stored({ user: 'ada' });
    taken();
    const open = await engine.open(id);
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(types()).toEqual(['regenerated', 'created']);
  });

  it('once more is one after a regenerate that does not keep the user, and ends the first', async () => {
    const id = await engine.stored({ user: 'ada' });
    taken();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 });
    const open = await engine.open(id);
    await open.live.regenerate();
    open.live.user = 'ada';
    await open.commit();
    vi.useRealTimers();
    const [regenerated, signedOut, created, signedIn, ...none] = taken();
    const { handle } = regenerated ?? {};
    expect(signedOut).toEqual({ type: 'signed-out', sessions: 'default', handle, user: 'ada', route: 'GET /' });
    expect(created).toMatchObject({ type: 'created', former: handle });
    expect(signedIn).toMatchObject({ type: 'signed-in', isConfirmation: false, amr: undefined });
    expect(none).toEqual([]);
  });

  it('that session.signedIn() notes after a regenerate that keeps the user is a confirmation', async () => {
    const id = await engine.stored({ user: 'ada' });
    taken();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 });
    const open = await engine.open(id);
    await open.live.regenerate({ keep: ['user'] });
    open.live.signedIn({ amr: ['hwk'] });
    await open.commit();
    vi.useRealTimers();
    const [regenerated, created, signedIn, ...none] = taken();
    expect([regenerated?.type, created?.type]).toEqual(['regenerated', 'created']);
    expect(signedIn).toMatchObject({ type: 'signed-in', user: 'ada', isConfirmation: true, amr: ['hwk'] });
    expect(none).toEqual([]);
  });

  it('tells the methods, as a list that no listener can change', async () => {
    const open = await engine.open();
    open.live.user = 'ada';
    open.live.signedIn({ amr: ['pwd'] });
    await open.commit();
    const signedIn = events.find((event) => event.type === 'signed-in');
    expect(signedIn).toMatchObject({ isConfirmation: false, amr: ['pwd'] });
    const methods = signedIn?.amr as string[];
    expect(() => methods.push('otp')).toThrow(TypeError);
    open.live.cart = 1;
    await open.commit();
    expect(open.signIn?.amr).toEqual(['pwd']);
  });

  it('that session.signedIn() notes again is one, when it is saved', async () => {
    const id = await engine.stored({ user: 'ada' });
    taken();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 });
    const open = await engine.open(id);
    open.live.signedIn({ amr: ['pwd', 'otp'] });
    expect(types()).toEqual([]);
    await open.commit();
    await open.commit();
    vi.useRealTimers();
    expect(taken()).toMatchObject([{ type: 'signed-in', isConfirmation: true, amr: ['pwd', 'otp'] }]);
  });

  it('of another user in the same session is one, after the end of the first', async () => {
    const id = await engine.stored({ user: 'ada' });
    taken();
    const open = await engine.open(id);
    open.live.user = 'grace';
    await open.commit();
    expect(taken()).toMatchObject([
      { type: 'signed-out', user: 'ada', route: 'GET /' },
      { type: 'signed-in', user: 'grace', isConfirmation: false },
    ]);
  });

  it('tells nobody where the function of the application fails', async () => {
    start({ user: () => undefined });
    const { events: publisher } = engine.engine;
    expect(publisher.userOf({ user: 'ada' })).toBeUndefined();
    start({
      user: () => {
        throw new Error('no user');
      },
    });
    expect(engine.engine.events.userOf({ user: 'ada' })).toBeUndefined();
  });
});

describe.each([{}, { tombstones: false }, { hashIds: false }, { wire: 'quart' }] satisfies SessionModuleOptions[])(
  'The end of a sign-in, with %j,',
  (options) => {
    let id: string;
    let handle: unknown;

    beforeEach(async () => {
      start({ ...USER, ...options });
      id = await engine.stored({ user: 'ada', cart: 1 });
      handle = taken()[0]?.handle;
    });

    function signedOut(): Said {
      return { type: 'signed-out', sessions: 'default', handle, user: 'ada', route: 'GET /' };
    }

    it('is told once where the user goes and other data stay, however many requests remove it', async () => {
      const opens = await Promise.all([engine.open(id), engine.open(id), engine.open(id)]);
      for (const open of opens) delete open.live.user;
      await Promise.all(opens.map((open) => open.live.save()));
      const later = await engine.open(id);
      later.live.cart = 2;
      await later.commit();
      expect(taken()).toEqual([signedOut()]);
    });

    it('is told where an update removes the user', async () => {
      const open = await engine.open(id);
      await open.live.update((draft: { user?: string }) => void delete draft.user);
      await open.commit();
      expect(taken()).toEqual([signedOut()]);
    });

    it('is told after the store has answered, and not when it fails', async () => {
      const open = await engine.open(id);
      delete open.live.user;
      store.failing.add('replace');
      await expect(open.commit()).rejects.toThrow();
      expect(types()).toEqual(['outage']);
      store.failing.clear();
      await open.commit();
      expect(taken()).toEqual([signedOut()]);
    });

    it('is told as the end of the session where no data stay', async () => {
      const open = await engine.open(id);
      delete open.live.user;
      delete open.live.cart;
      await open.commit();
      expect(types()).toEqual(['ended: emptied']);
    });

    it('is told at the regenerate of a login as another user', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: ['cart'] });
      expect(taken()).toEqual([{ ...signedOut(), type: 'regenerated' }, signedOut()]);
      open.live.user = 'grace';
      await open.commit();
      expect(taken()).toMatchObject([
        { type: 'created', user: 'grace', former: handle },
        { type: 'signed-in', user: 'grace', isConfirmation: false },
      ]);
    });

    it('is told at the regenerate after which nothing follows', async () => {
      const open = await engine.open(id);
      await open.live.regenerate();
      await open.commit();
      expect(types()).toEqual(['regenerated', 'signed-out']);
    });

    it('is told where a regenerate keeps the user, and the request then does not', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      expect(types()).toEqual(['regenerated']);
      open.live.user = 'grace';
      await open.commit();
      expect(taken()).toMatchObject([signedOut(), { type: 'created', user: 'grace' }, { type: 'signed-in' }]);
    });

    it('is told where a regenerate keeps the user, and a logout follows', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      await open.live.destroy();
      await open.commit();
      expect(types()).toEqual(['regenerated', 'signed-out']);
    });

    it('is told where a regenerate keeps the user, and the request then removes all data', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      delete open.live.user;
      delete open.live.cart;
      await open.commit();
      expect(types()).toEqual(['regenerated', 'signed-out']);
    });

    it('is not told by a regenerate that keeps the user, nor by one after it', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      await open.live.regenerate({ keep: true });
      await open.commit();
      expect(types()).toEqual(['regenerated', 'created']);
    });

    it('is told once where two requests regenerate the session', async () => {
      const opens = await Promise.all([engine.open(id), engine.open(id)]);
      const outcomes = await Promise.allSettled(opens.map((open) => open.live.regenerate()));
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(types()).toEqual(['regenerated', 'signed-out']);
    });

    it('is told once where a regenerate and a logout meet', async () => {
      const [one, other] = await Promise.all([engine.open(id), engine.open(id)]);
      await Promise.all([one.live.regenerate(), other.live.destroy()]);
      // Without tombstones either may be the first to be answered.
      expect([['regenerated', 'signed-out'], ['ended: logout']]).toContainEqual(types());
    });

    it('is told where all sessions of the user end between the regenerate and the save', async () => {
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      await new UserSessions(engine.engine).endAll('ada');
      await expect(open.commit()).rejects.toThrow(SessionDestroyedError);
      expect(types()).toEqual(['regenerated', 'signed-out']);
    });
  },
);

describe('A regenerate', () => {
  it('is an event, and the session that continues tells its former handle', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    const [first] = taken();
    const open = await engine.open(id);
    await open.live.regenerate({ keep: true });
    await open.live.regenerate({ keep: true });
    await open.commit();
    const [regenerated, created] = taken();
    expect(regenerated).toMatchObject({ type: 'regenerated', handle: first?.handle });
    expect(created).toMatchObject({ type: 'created', former: first?.handle });
    expect(created?.handle).not.toBe(first?.handle);
    expect(events).toEqual([]);
  });

  it('is an event once, where the first attempt fails', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    taken();
    const open = await engine.open(id);
    store.failing.add('replace');
    await expect(open.live.regenerate({ keep: true })).rejects.toThrow();
    store.failing.clear();
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(types()).toEqual(['outage', 'regenerated', 'created']);
  });

  it('continues nothing after a logout in between', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    const open = await engine.open(id);
    await open.live.regenerate();
    await open.live.destroy();
    open.live.cart = 2;
    await open.commit();
    expect(taken().at(-1)).toMatchObject({ type: 'created', former: undefined });
  });

  it('and a logout at the same moment are one end of the session', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    taken();
    const [one, other] = await Promise.all([engine.open(id), engine.open(id)]);
    await one.live.regenerate({ keep: true });
    await other.live.destroy();
    await one.commit();
    await other.commit();
    expect(types()).toEqual(['regenerated', 'created']);
  });
});

describe('The end of a session', () => {
  it.each([{}, { tombstones: false }, { hashIds: false }, { wire: 'quart' }] satisfies SessionModuleOptions[])(
    'by two logouts at once is one event, with %j',
    async (options) => {
      start({ ...USER, ...options });
      const id = await engine.stored({ user: 'ada' });
      const { handle } = taken()[0] ?? {};
      const opens = await Promise.all([engine.open(id), engine.open(id)]);
      await Promise.all(opens.map((open) => open.live.destroy()));
      for (const open of opens) await open.commit();
      expect(taken()).toEqual([
        { type: 'ended', reason: 'logout', sessions: 'default', handle, user: 'ada', route: 'GET /' },
      ]);
    },
  );

  it('by removing all data is one event', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    taken();
    const opens = await Promise.all([engine.open(id), engine.open(id)]);
    for (const open of opens) delete open.live.cart;
    await Promise.all(opens.map((open) => open.live.save()));
    expect(types()).toEqual(['ended: emptied']);
  });

  it('of a new session that was never stored is none', async () => {
    start();
    const open = await engine.open();
    open.live.cart = 1;
    await open.live.destroy();
    await open.commit();
    expect(types()).toEqual([]);
  });

  it('that fails is none', async () => {
    start();
    const id = await engine.stored({ cart: 1 });
    taken();
    const open = await engine.open(id);
    store.failing.add('set');
    await expect(open.live.destroy()).rejects.toThrow();
    expect(types()).toEqual(['outage']);
    store.failing.clear();
    await open.live.destroy();
    expect(types()).toEqual(['ended: logout']);
  });

  it('of a further cookie tells whether a login or a logout has ended it', async () => {
    start();
    const [first, second, third] = [
      await engine.stored({ n: 1 }),
      await engine.stored({ n: 2 }),
      await engine.stored({ n: 3 }),
    ];
    taken();
    const login = await engine.open(undefined, { cookies: [first, second] });
    await login.live.regenerate();
    expect(types()).toEqual(['ended: replaced', 'regenerated']);
    const logout = await engine.open(undefined, { cookies: [await engine.stored({ n: 4 }), third] });
    taken();
    await logout.live.destroy();
    expect(types()).toEqual(['ended: logout', 'ended: logout']);
  });

  it('by a pin that does not match is one event', async () => {
    start({ pinning: true });
    const id = await engine.stored({ cart: 1 });
    taken();
    const strangers = [1, 2].map(() => engine.open(id, { address: () => '10.0.0.1' }));
    await Promise.all(strangers);
    expect(types().filter((type) => type.startsWith('ended'))).toEqual(['ended: pin']);
  });

  it('by its timeout is met when a request opens it, once', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const id = await new TestEngine(store).stored({ cart: 1 });
    // The store keeps the record for longer than this version of the application accepts it.
    start({ absoluteTimeout: '1m' });
    vi.advanceTimersByTime(61_000);
    await engine.open(id);
    await engine.open(id);
    const login = await engine.open(id);
    await login.live.regenerate();
    expect(types()).toEqual(['ended: expired']);
    vi.useRealTimers();
  });
});

describe('The end of the sessions of a user', () => {
  async function signedIn(user: string): Promise<string> {
    const id = await engine.stored({ user });
    return id;
  }

  it('tells whether another session has asked for it', async () => {
    start(USER);
    const sessions = new UserSessions(engine.engine);
    const [own] = [await signedIn('ada'), await signedIn('ada'), await signedIn('ada')];
    const current = (await engine.open(own, { route: () => 'POST /devices/end' })).live;
    const sessionHandleOf = ({ id }: { id: string }): string => handleOf(engine.records.nameOf(id));
    const [one] = (await sessions.list('ada', { current })).filter(({ isCurrent }) => !isCurrent);
    taken();
    expect(await sessions.end('ada', one?.handle ?? '', { current })).toBe(true);
    expect(taken()).toEqual([
      {
        type: 'ended',
        sessions: 'default',
        handle: one?.handle,
        user: 'ada',
        route: 'POST /devices/end',
        reason: 'another-session',
        by: sessionHandleOf(current),
      },
    ]);
    expect(await sessions.endAll('ada', { except: current })).toBe(1);
    expect(taken()).toMatchObject([
      { reason: 'another-session', route: 'POST /devices/end', by: sessionHandleOf(current) },
    ]);
    expect(await sessions.endAll('ada')).toBe(1);
    expect(taken()).toMatchObject([{ reason: 'administrator', route: undefined, by: undefined }]);
    expect(await sessions.endAll('ada')).toBe(0);
    expect(types()).toEqual([]);
  });

  it('does not begin on behalf of what is no session', async () => {
    start(USER);
    const sessions = new UserSessions(engine.engine);
    await signedIn('ada');
    const [one] = await sessions.list('ada');
    taken();
    const current = {} as AnySession;
    await expect(sessions.end('ada', one?.handle ?? '', { current })).rejects.toThrow('is none');
    expect(types()).toEqual([]);
    expect(await sessions.list('ada')).toHaveLength(1);
  });

  it('all at once is told of each session when a request meets it', async () => {
    start({ user: { of: (data) => (data as { user?: string }).user, verify: 'read', generation: true } });
    const id = await signedIn('ada');
    const { handle } = taken()[0] ?? {};
    await new UserSessions(engine.engine).endEverybody();
    expect(types()).toEqual([]);
    await Promise.all([engine.open(id), engine.open(id)]);
    expect(taken().filter(({ type }) => type === 'ended')).toEqual([
      { type: 'ended', reason: 'unlisted', sessions: 'default', handle, user: 'ada', route: 'GET /' },
    ]);
  });

  it('by the limit is an event of the one that had to go', async () => {
    start({ ...USER, sessionsPerUser: { max: 1 } });
    await signedIn('ada');
    const { handle } = taken()[0] ?? {};
    await signedIn('ada');
    expect(taken()).toMatchObject([
      { type: 'ended', reason: 'limit', handle, user: 'ada', route: 'GET /' },
      { type: 'created', user: 'ada' },
      { type: 'signed-in', user: 'ada' },
    ]);
  });
});

describe('A cookie that opens nothing', () => {
  const UNKNOWN = '0123456789abcdefghijklmnopqrstuv';

  it('is refused with the reason', async () => {
    start();
    await engine.open(UNKNOWN);
    const [unknown] = taken();
    expect(unknown).toMatchObject({ type: 'refused', reason: 'unknown', handle: expect.any(String), route: 'GET /' });
    await engine.open('no id');
    expect(taken()).toMatchObject([{ type: 'refused', reason: 'malformed', handle: undefined }]);
    const id = await engine.stored({ cart: 1 });
    const { handle } = taken()[0] ?? {};
    const open = await engine.open(id);
    await open.live.destroy();
    taken();
    await engine.open(id);
    expect(taken()).toMatchObject([{ type: 'refused', reason: 'ended', handle }]);
    await store.inner.set(engine.records.keyOf(UNKNOWN), 'no record', 60);
    await engine.open(UNKNOWN);
    expect(taken()).toMatchObject([{ type: 'refused', reason: 'unreadable', handle: unknown?.handle }]);
  });

  it('is refused for its signature', async () => {
    start({ secret: 'x'.repeat(32) });
    await engine.open(`${UNKNOWN}.signature`);
    expect(types()).toEqual(['refused: signature']);
  });

  it('is refused for a pin where the session goes on', async () => {
    start({ ...USER, pinning: { onMismatch: 'reject' } });
    const id = await engine.stored({ user: 'ada' });
    taken();
    await engine.open(id, { address: () => '10.0.0.1' });
    expect(taken()).toMatchObject([{ type: 'refused', reason: 'pin', user: 'ada', handle: expect.any(String) }]);
  });

  it('makes no more events than ids are looked up, however many there are', async () => {
    start();
    await engine.open(undefined, { cookies: Array.from({ length: 500 }, () => 'no id') });
    expect(events).toHaveLength(4);
  });

  it('of another library is none of ours', async () => {
    start({ migrateFrom: expressSession({ secret: 'other', prefix: 'sess:' }) });
    await engine.open(undefined, { cookies: ['s:x.y'], migrationCookies: ['s:x.y'] });
    expect(types()).toEqual([]);
  });
});

describe('A conflict', () => {
  it('is an event where a save gives up, and not where it is tried again', async () => {
    store = new SpyStore(new TextStore());
    start();
    const id = await engine.stored({ cart: 1 });
    taken();
    const open = await engine.open(id);
    open.live.cart = 2;
    let writes = 0;
    vi.spyOn(store.inner, 'replace').mockImplementation(() => {
      writes++;
      return Promise.resolve('conflict');
    });
    await expect(open.commit()).rejects.toThrow('100 times');
    expect(writes).toBe(100);
    expect(taken()).toMatchObject([{ type: 'conflict', handle: expect.any(String), route: 'GET /' }]);
    vi.restoreAllMocks();
    await open.commit();
    expect(types()).toEqual([]);
  });
});

describe('An outage', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    start();
  });

  afterEach(() => vi.useRealTimers());

  async function ask(): Promise<void> {
    await engine.open('0123456789abcdefghijklmnopqrstuv').catch(() => undefined);
  }

  it('is one event, however many requests it meets', async () => {
    store.failing.add('read');
    await Promise.all([ask(), ask(), ask()]);
    await ask();
    expect(types()).toEqual(['outage']);
  });

  it('is over with the first success after a second without a failure', async () => {
    store.failing.add('read');
    await ask();
    const [{ at }] = events as [SessionEvent];
    taken();
    for (let second = 0; second < 10; second++) {
      // A back-end that half works.
      store.failing.clear();
      await ask();
      vi.advanceTimersByTime(900);
      store.failing.add('read');
      await ask();
    }
    expect(types().filter((type) => !type.startsWith('refused'))).toEqual([]);
    store.failing.clear();
    vi.advanceTimersByTime(1000);
    await ask();
    expect(taken()).toMatchObject([{ type: 'recovered', sessions: 'default', since: at }, { type: 'refused' }]);
    await ask();
    expect(types()).toEqual(['refused: unknown']);
  });

  it('is none where the back-end itself refuses a command', async () => {
    store.failing.add('read');
    store.refuses = true;
    await ask();
    expect(types()).toEqual([]);
  });
});

describe('Without a listener', () => {
  it('nothing is made', async () => {
    engine = new TestEngine(store, USER);
    const publish = vi.spyOn(engine.hub, 'publish');
    const userOf = vi.spyOn(engine.engine.events, 'userOf');
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    await open.live.regenerate({ keep: true });
    open.live.user = 'grace';
    await open.commit();
    delete open.live.user;
    open.live.cart = 1;
    await open.commit();
    await open.live.destroy();
    await engine.open(id);
    await engine.open('no id');
    store.failing.add('read');
    await expect(engine.open(id)).rejects.toThrow();
    expect(publish).not.toHaveBeenCalled();
    expect(userOf).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('a channel of Node gets the event all the same', async () => {
    engine = new TestEngine(store);
    const heard: unknown[] = [];
    const hear = (event: unknown, name: string | symbol): void => void heard.push([name, event]);
    subscribe('nest-session:created', hear);
    const id = await engine.stored({ cart: 1 });
    unsubscribe('nest-session:created', hear);
    await (await engine.open(id)).live.destroy();
    expect(heard).toEqual([['nest-session:created', expect.objectContaining({ type: 'created' })]]);
  });

  it('the function of the application is asked no more often than where only other events are heard', async () => {
    const of = vi.fn<(data: object) => string | undefined>((data) => (data as { user?: string }).user);
    const signIn = async (): Promise<number> => {
      engine = new TestEngine(new SpyStore(), { user: of });
      of.mockClear();
      const id = await engine.stored({ user: 'ada', cart: 1 });
      const open = await engine.open(id);
      await open.live.regenerate({ keep: true });
      await open.commit();
      delete open.live.user;
      await open.commit();
      return of.mock.calls.length;
    };
    const unheard = await signIn();
    const hear = (): void => {};
    subscribe('nest-session:outage', hear);
    expect(await signIn()).toBe(unheard);
    unsubscribe('nest-session:outage', hear);
    subscribe('nest-session:signed-out', hear);
    expect(await signIn()).toBeGreaterThan(unheard);
    unsubscribe('nest-session:signed-out', hear);
  });

  it.each([
    'created',
    'signed-in',
    'signed-out',
    'regenerated',
    'ended',
    'refused',
    'conflict',
    'outage',
    'recovered',
  ] satisfies EventType[])('a channel of Node tells whether %s is wanted', (type) => {
    engine = new TestEngine(store);
    expect(engine.hub.wants(type)).toBe(false);
    const hear = (): void => {};
    subscribe(`nest-session:${type}`, hear);
    expect(engine.hub.wants(type)).toBe(true);
    unsubscribe(`nest-session:${type}`, hear);
    expect(engine.hub.wants(type)).toBe(false);
  });
});

describe('An event', () => {
  it('cannot be changed by a listener', async () => {
    start();
    await engine.stored({ cart: 1 });
    expect(Object.isFrozen(events[0])).toBe(true);
  });

  it('does not come to a listener that an earlier one has removed or added', async () => {
    engine = new TestEngine(store);
    const heard: string[] = [];
    const later = { next: (): void => void heard.push('added'), complete: (): void => {} };
    const removed = { next: (): void => void heard.push('removed'), complete: (): void => {} };
    engine.hub.listen({
      next: () => {
        remove();
        engine.hub.listen(later);
      },
      complete: () => {},
    });
    const remove = engine.hub.listen(removed);
    await engine.stored({ cart: 1 });
    expect(heard).toEqual([]);
  });

  it('does not come after the end', async () => {
    start();
    const ends: string[] = [];
    const listener = { next: (): void => {}, complete: (): void => void ends.push('end') };
    engine.hub.listen(listener);
    engine.hub.close();
    engine.hub.close();
    engine.hub.listen(listener);
    await engine.stored({ cart: 1 });
    expect([events, ends]).toEqual([[], ['end', 'end']]);
  });
});
