import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ExpressSessionSigner } from '../../../lib/cookies/express-session.signer.js';
import { UserIndex } from '../../../lib/engine/user-index.js';
import { UserSessions } from '../../../lib/engine/user-sessions.js';
import { expressSession } from '../../../lib/migration/express-session.js';
import type { SessionModuleOptions } from '../../../lib/options/session-options.js';
import { V8Serializer } from '../../../lib/serializers/v8.serializer.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import { isTombstone } from '../../../lib/session/tombstone.js';
import {
  SessionLimitError,
  SessionStoreError,
  SessionTooLargeError,
  type SessionEndedError,
} from '../../../lib/session.errors.js';
import type { SessionBus, SessionBusListener } from '../../../lib/buses/session-bus.js';
import { TestEngine } from '../../fixtures/engine.js';

interface Data {
  readonly user?: { readonly id: number };
}

const OPTIONS: SessionModuleOptions = { user: (data) => (data as Data).user?.id };

const FORMS: readonly (readonly [form: string, options: SessionModuleOptions])[] = [
  ['native', OPTIONS],
  ['without tombstones', { ...OPTIONS, tombstones: false }],
  ['without hashed ids', { ...OPTIONS, hashIds: false }],
  ['shared with Python', { ...OPTIONS, wire: 'quart' }],
  ['verified at each read', { user: { of: OPTIONS.user as never, verify: 'read' } }],
  ['in generations', { user: { of: OPTIONS.user as never, verify: 'read', generation: true } }],
];

/** What is in the store, without tombstones. */
class WatchedStore extends MemoryStore {
  readonly keys = new Set<string>();

  override create(...args: Parameters<MemoryStore['create']>): Promise<boolean> {
    this.keys.add(args[0]);
    return super.create(...args);
  }

  async records(): Promise<string[]> {
    const found = await Promise.all([...this.keys].map(async (key) => ({ key, value: await this.get(key) })));
    return found.filter(({ value }) => value !== undefined && !isTombstone(value)).map(({ key }) => key);
  }
}

describe.each(FORMS)('the sessions of a user, %s', (_form, options) => {
  const set = (): { engine: TestEngine; users: UserSessions; store: WatchedStore } => {
    const store = new WatchedStore();
    const engine = new TestEngine(store, options);
    return { engine, users: new UserSessions(engine.engine), store };
  };
  const user = { id: 7 };

  it('are listed, the last used one first', async () => {
    const { engine, users } = set();
    const ids = [await engine.stored({ user }), await engine.stored({ user })];
    await engine.stored({ user: { id: 8 } });
    await engine.stored({ cart: [1] });
    const listed = await users.list(7);
    expect(listed).toHaveLength(2);
    expect(listed.every(({ handle }) => /^[\w-]{22}$/.test(handle) && !ids.includes(handle))).toBe(true);
    expect(await users.list('7')).toHaveLength(2);
    expect(await users.list(9)).toEqual([]);
  });

  it('end one at a time, and only those of their user', async () => {
    const { engine, users } = set();
    const [one, two, other] = [
      await engine.stored({ user }),
      await engine.stored({ user }),
      await engine.stored({ user: { id: 8 } }),
    ];
    const [handle = ''] = (await users.list(8)).map((session) => session.handle);
    expect(await users.end(7, handle)).toBe(false);
    const { live } = await engine.open(one);
    const mine = (await users.list(7, { current: live })).find(({ isCurrent }) => isCurrent);
    expect(await users.end(7, mine?.handle ?? '')).toBe(true);
    expect(await users.end(7, mine?.handle ?? '')).toBe(false);
    expect(await engine.seen(one)).toBeUndefined();
    expect(await engine.seen(two)).toEqual({ user });
    expect(await engine.seen(other)).toEqual({ user: { id: 8 } });
    expect(await users.list(7)).toHaveLength(1);
  });

  it('end all but one', async () => {
    const { engine, users, store } = set();
    const ids = await Promise.all([1, 2, 3, 4].map(() => engine.stored({ user })));
    const open = await engine.open(ids[2]);
    expect(await users.endAll(7, { except: open.live })).toBe(3);
    expect(await Promise.all(ids.map((id) => engine.seen(id)))).toEqual([undefined, undefined, { user }, undefined]);
    expect(await users.endAll(7)).toBe(1);
    expect(await users.endAll(7)).toBe(0);
    expect((await store.records()).filter((key) => !key.includes('='))).toEqual([]);
  });

  it('keep the session that has regenerated its id a moment ago', async () => {
    const { engine, users } = set();
    const open = await engine.open(await engine.stored({ user }));
    const other = await engine.stored({ user });
    await open.live.regenerate({ keep: true });
    expect(await users.endAll(7, { except: open.live })).toBe(1);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user });
    expect(await engine.seen(other)).toBeUndefined();
    expect(await users.list(7)).toHaveLength(1);
  });

  it('go on under a new id, beside a request that writes the entry of the old one anew', async () => {
    for (const isLate of [false, true]) {
      const { engine, users } = set();
      const id = await engine.stored({ user });
      const [one, other] = [await engine.open(id), await engine.open(id)];
      await one.live.regenerate({ keep: true });
      if (isLate) await one.commit();
      other.live.remember('30d');
      await other.commit();
      await one.commit();
      expect(await engine.seen(one.id)).toEqual({ user });
      expect(await users.list(7)).toHaveLength(1);
      expect(await engine.engine.directory?.index.read(userKey)).toHaveLength(1);
    }
  });

  it('are in no list after a logout, or when they are emptied', async () => {
    const { engine, users } = set();
    const [one, two] = [
      await engine.open(await engine.stored({ user })),
      await engine.open(await engine.stored({ user })),
    ];
    await one.live.destroy();
    await one.commit();
    delete two.live.user;
    await two.commit();
    expect(await users.list(7)).toEqual([]);
    expect(await engine.engine.directory?.index.read(userKey)).toEqual([]);
  });

  it('move to the list of another user, and have another handle after a regenerate', async () => {
    const { engine, users } = set();
    const open = await engine.open(await engine.stored({ user, cart: [1] }));
    const [before] = await users.list(7);
    open.live.user = { id: 8 };
    await open.commit();
    expect(await users.list(7)).toEqual([]);
    const [after] = await users.list(8);
    expect(after?.handle).toBe(before?.handle);
    await open.live.regenerate({ keep: true });
    await open.commit();
    const [regenerated] = await users.list(8);
    expect(regenerated?.handle).not.toBe(before?.handle);
    expect(await users.list(8)).toHaveLength(1);
    expect(regenerated?.signedInAt).toEqual(after?.signedInAt);
  });

  const userKey = UserIndex.userOf('7');
});

describe('the number of sessions of a user', () => {
  const user = { id: 7 };
  const limited = (beyond: 'end-oldest' | 'refuse', more: SessionModuleOptions = {}) => {
    const engine = new TestEngine(new WatchedStore(), { ...OPTIONS, sessionsPerUser: { max: 3, beyond }, ...more });
    return { engine, users: new UserSessions(engine.engine) };
  };
  const survivors = async (engine: TestEngine, ids: readonly string[]): Promise<number> =>
    (await Promise.all(ids.map((id) => engine.seen(id)))).filter((data) => data !== undefined).length;

  it('is never more than the limit: the oldest session ends', async () => {
    const { engine, users } = limited('end-oldest');
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push(await engine.stored({ user }));
    expect(await Promise.all(ids.map((id) => engine.seen(id)))).toEqual([
      undefined,
      undefined,
      { user },
      { user },
      { user },
    ]);
    expect(await users.list(7)).toHaveLength(3);
  });

  it('is never more than the limit: one more sign-in is refused, and stores nothing', async () => {
    const { engine, users } = limited('refuse');
    for (let count = 0; count < 3; count++) await engine.stored({ user });
    await expect(engine.stored({ user })).rejects.toThrow(SessionLimitError);
    expect(await users.list(7)).toHaveLength(3);
    const anonymous = await engine.open(await engine.stored({ cart: [1] }));
    anonymous.live.user = user;
    await expect(anonymous.commit()).rejects.toThrow(SessionLimitError);
    expect(await engine.seen(anonymous.id)).toEqual({ cart: [1] });
    const [first] = await users.list(7);
    await users.end(7, first?.handle ?? '');
    await engine.stored({ user });
    expect(await users.list(7)).toHaveLength(3);
  });

  it.each([
    ['end-oldest', {}],
    ['refuse', {}],
    ['end-oldest', { tombstones: false }],
    ['refuse', { tombstones: false }],
  ] as const)('is exactly the limit after ten sign-ins at once (%s, %j)', async (beyond, more) => {
    const { engine, users } = limited(beyond, more);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => engine.stored({ user })));
    const ids = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(await survivors(engine, ids)).toBe(3);
    expect(await users.list(7)).toHaveLength(3);
    if (beyond === 'refuse') expect(ids).toHaveLength(3);
  });

  it.each(['end-oldest', 'refuse'] as const)('has few records read at a time, %s', async (beyond) => {
    const now = vi.spyOn(Date, 'now');
    const store = new MemoryStore();
    const engine = new TestEngine(store, { ...OPTIONS, sessionsPerUser: { max: 200, beyond } });
    for (let count = 0; count < 200; count++) await engine.stored({ user });
    const later = Date.now() + 31_000;
    now.mockImplementation(() => later);
    let [atOnce, most] = [0, 0];
    const inner = store.read.bind(store);
    const read = vi.spyOn(store, 'read').mockImplementation(async (key) => {
      most = Math.max(most, ++atOnce);
      await setImmediate();
      atOnce--;
      return inner(key);
    });
    const signIn = engine.stored({ user });
    if (beyond === 'refuse') await expect(signIn).rejects.toThrow(SessionLimitError);
    else await signIn;
    expect(most).toBe(64);
    expect(read.mock.calls.length).toBeLessThan(beyond === 'refuse' ? 210 : 70);
    now.mockRestore();
  });

  it('leaves a session in the list that is about to get a new id', async () => {
    const now = vi.spyOn(Date, 'now');
    const engine = new TestEngine(new WatchedStore(), { ...OPTIONS, sessionsPerUser: { max: 2 } });
    const [oldest, id] = [await engine.stored({ user }), await engine.stored({ user })];
    const later = Date.now() + 31_000;
    now.mockImplementation(() => later);
    const open = await engine.open(id);
    await open.live.regenerate({ keep: true });
    await engine.stored({ user });
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user });
    expect(await engine.seen(oldest)).toBeUndefined();
    now.mockRestore();
  });

  it('counts a sign-in that failed half-way for a short while only', async () => {
    const now = vi.spyOn(Date, 'now');
    const { engine, users } = limited('refuse');
    const create = vi.spyOn(engine.records, 'create').mockRejectedValue(new SessionStoreError('down'));
    for (let count = 0; count < 3; count++) await expect(engine.stored({ user })).rejects.toThrow('down');
    create.mockRestore();
    await expect(engine.stored({ user })).rejects.toThrow(SessionLimitError);
    const later = Date.now() + 31_000;
    now.mockImplementation(() => later);
    await engine.stored({ user });
    expect(await users.list(7)).toHaveLength(1);
    now.mockRestore();
  });
});

describe('a list', () => {
  const user = { id: 7 };
  const device = (): object => ({ agent: 'x'.repeat(200), language: 'y'.repeat(200), place: 'z'.repeat(200) });

  it('that is too large shows the devices of the last sessions, and keeps nobody out', async () => {
    const engine = new TestEngine(new MemoryStore(), { ...OPTIONS, device, maxRecordBytes: 100_000 });
    const users = new UserSessions(engine.engine);
    for (let count = 0; count < 150; count++) await engine.stored({ user });
    const devices = (await users.list(7)).filter((session) => session.device !== undefined);
    expect(devices.length).toBeGreaterThanOrEqual(100);
    expect(devices.length).toBeLessThan(150);
    expect(await users.endAll(7)).toBe(150);
    expect(await users.list(7)).toEqual([]);
  });

  it.each([
    ['that is nested too deep', JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`)],
    ['with a tag of the serializer', { ' b': 'AA==' }],
    ['with half a character', '\ud800'],
    ['with a key of every object', JSON.parse('{"__proto__":{"a":1}}')],
  ])('takes a device %s, and keeps nobody out', async (_what, given: unknown) => {
    for (const more of [{}, { wire: 'quart' }, { serializer: new V8Serializer() }] as const) {
      const engine = new TestEngine(new MemoryStore(), { ...OPTIONS, ...more, device: () => given });
      await engine.stored({ user });
      const [session] = await new UserSessions(engine.engine).list(7);
      expect([undefined, JSON.stringify(given)]).toContain(JSON.stringify(session?.device));
      expect(await new UserSessions(engine.engine).endAll(7)).toBe(1);
    }
  });

  it('that is full can be ended', async () => {
    const engine = new TestEngine(new MemoryStore(), { ...OPTIONS, maxRecordBytes: 5000 });
    const users = new UserSessions(engine.engine);
    const ids: string[] = [];
    const fill = async (): Promise<void> => {
      for (;;) ids.push(await engine.stored({ user }));
    };
    await expect(fill()).rejects.toThrow(SessionTooLargeError);
    expect(await users.endAll(7)).toBe(ids.length);
    expect(await Promise.all(ids.map((id) => engine.seen(id)))).toEqual(ids.map(() => undefined));
    await engine.stored({ user });
    expect(await users.list(7)).toHaveLength(1);
  });

  it('that this version cannot read opens no session, and ends none', async () => {
    const store = new MemoryStore();
    const engine = new TestEngine(store, { user: { of: OPTIONS.user as never, verify: 'read' } });
    const id = await engine.stored({ user });
    const key = `session:user=${UserIndex.userOf('7')}`;
    const list = (await store.get(key)) ?? '';
    await store.set(key, 'of another version');
    expect(await engine.seen(id)).toBeUndefined();
    await store.set(key, list);
    expect(await engine.seen(id)).toEqual({ user });
  });
});

describe('an id that is none', () => {
  it.each<[unknown, string]>([
    ['', 'an empty text'],
    [true, 'a boolean'],
    [Promise.resolve(7), 'an object of the class Promise'],
    [Object.create(null), 'an object of the class null'],
    [{ constructor: { name: 'a secret' } }, 'an object of the class Object'],
    [{ constructor: null }, 'an object of the class Object'],
  ])('%o stores nothing, and the error says what it is without its content', async (id, kind) => {
    const store = new WatchedStore();
    const engine = new TestEngine(store, { user: () => id as never });
    await expect(engine.stored({ cart: [1] })).rejects.toThrow(`neither an id nor undefined, but ${kind}: return`);
    expect(store.keys.size).toBe(0);
  });
});

describe('the entry of a session', () => {
  const user = { id: 7 };
  const HOUR = 3600;
  const pass = (seconds: number): void => void vi.advanceTimersByTime(seconds * 1000);

  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('stays as long as a program in Python renews the session, and NestJS only reads it', async () => {
    const store = new MemoryStore();
    const engine = new TestEngine(store, { ...OPTIONS, wire: 'quart', idleTimeout: HOUR });
    const users = new UserSessions(engine.engine);
    const id = await engine.stored({ user });
    for (let count = 0; count < 10; count++) {
      pass(HOUR / 2);
      const text = (await store.get(`session:${id}`)) ?? '';
      await store.set(`session:${id}`, text, HOUR);
      await (await engine.open(id)).commit();
    }
    expect(await users.endAll(7)).toBe(1);
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('is written anew with the first record that a longer idle timeout lets live longer', async () => {
    const store = new MemoryStore();
    const id = await new TestEngine(store, { ...OPTIONS, idleTimeout: HOUR }).stored({ user });
    const engine = new TestEngine(store, { ...OPTIONS, idleTimeout: 100 * HOUR });
    pass(HOUR / 2);
    const open = await engine.open(id);
    open.live.cart = [1];
    await open.commit();
    pass(2 * HOUR);
    expect(await engine.seen(id)).toEqual({ user, cart: [1] });
    expect(await new UserSessions(engine.engine).endAll(7)).toBe(1);
  });

  it.each([
    ['native', {}],
    ['shared with Python', { wire: 'quart' }],
    ['without a renewal', { rolling: false }],
  ] as const)(
    'is written once more in the time that a session is renewed in, and no oftener, %s',
    async (_form, more) => {
      const store = new MemoryStore();
      const engine = new TestEngine(store, { ...OPTIONS, ...more, idleTimeout: HOUR });
      const open = await engine.open(await engine.stored({ user }));
      const replace = vi.spyOn(store, 'replace');
      for (let count = 0; count < 18; count++) {
        pass(HOUR / 60);
        open.live.count = count;
        await open.commit();
      }
      const lists = replace.mock.calls.filter(([key]) => key.includes('user='));
      expect(lists.length).toBeLessThanOrEqual(2);
    },
  );
});

describe('a session from before the option user', () => {
  const user = { id: 7 };

  it('enters the list of its user at its next request, and keeps its id', async () => {
    const store = new WatchedStore();
    const id = await new TestEngine(store).stored({ user });
    const engine = new TestEngine(store, OPTIONS);
    const users = new UserSessions(engine.engine);
    expect(await users.list(7)).toEqual([]);
    const open = await engine.open(id);
    await open.commit();
    expect(await users.list(7)).toMatchObject([{ signedInAt: undefined }]);
    expect(open.id).toBe(id);
    expect(await users.endAll(7)).toBe(1);
    expect(await engine.seen(id)).toBeUndefined();
  });
});

describe('a session that is read', () => {
  it('costs one command of the store, and a second one if it is verified', async () => {
    for (const [options, reads] of [
      [OPTIONS, 1],
      [{ user: { of: OPTIONS.user as never, verify: 'read' } }, 2],
      [{ user: { of: OPTIONS.user as never, verify: 'read', generation: true } }, 3],
    ] as const) {
      const store = new WatchedStore();
      const engine = new TestEngine(store, options);
      const id = await engine.stored({ user: { id: 7 } });
      const read = vi.spyOn(store, 'read');
      const replace = vi.spyOn(store, 'replace');
      const open = await engine.open(id);
      await open.commit();
      expect(read).toHaveBeenCalledTimes(reads);
      expect(replace).not.toHaveBeenCalled();
    }
  });
});

describe('endEverybody', () => {
  it('ends the sessions of all users with one command, and those of nobody go on', async () => {
    const store = new WatchedStore();
    const engine = new TestEngine(store, { user: { of: OPTIONS.user as never, verify: 'read', generation: true } });
    const users = new UserSessions(engine.engine);
    const ids = [await engine.stored({ user: { id: 7 } }), await engine.stored({ user: { id: 8 } })];
    const cart = await engine.stored({ cart: [1] });
    const set = vi.spyOn(store, 'set');
    const under = await engine.open(ids[0]);
    await users.endEverybody();
    expect(set).toHaveBeenCalledTimes(1);
    under.live.touch();
    await under.commit();
    expect(await Promise.all(ids.map((id) => engine.seen(id)))).toEqual([undefined, undefined]);
    expect(await engine.seen(cart)).toEqual({ cart: [1] });
    const again = await engine.stored({ user: { id: 7 } });
    expect(await engine.seen(again)).toEqual({ user: { id: 7 } });
    expect(await users.list(7)).toHaveLength(1);
  });

  it('aborts the signals of the sessions, and not that of one that is nobody’s', async () => {
    const engine = new TestEngine(new WatchedStore(), {
      user: { of: OPTIONS.user as never, verify: 'read', generation: true },
    });
    const users = new UserSessions(engine.engine);
    const { signal } = (await engine.open(await engine.stored({ user: { id: 7 } }))).live;
    const cart = (await engine.open(await engine.stored({ cart: [1] }))).live.signal;
    await users.endEverybody();
    if (!signal.aborted) await once(signal, 'abort');
    expect((signal.reason as SessionEndedError).reason).toBe('revoked');
    expect(cart.aborted).toBe(false);
    engine.endings.close();
  });

  it('ends a session that was another library’s, and which only its old cookie names', async () => {
    const store = new WatchedStore();
    const engine = new TestEngine(store, {
      user: { of: OPTIONS.user as never, verify: 'read', generation: true },
      migrateFrom: expressSession({ secret: 'a secret' }),
    });
    const old = 'abcdefghijklmnopqrstuvwxyz012345';
    await store.set(`sess:${old}`, JSON.stringify({ cookie: {}, user: { id: 7 } }));
    const request = { migrationCookies: [new ExpressSessionSigner('a secret').sign(old)] };
    const first = await engine.open(undefined, request);
    await first.commit();
    expect({ ...(await engine.open(undefined, request)).live }).toEqual({ user: { id: 7 } });
    await new UserSessions(engine.engine).endEverybody();
    expect({ ...(await engine.open(undefined, request)).live }).toEqual({});
    expect(await engine.seen(first.id)).toBeUndefined();
  });

  it('aborts the signals in the other processes by the bus', async () => {
    const listeners = new Set<SessionBusListener>();
    const bus: SessionBus = {
      publish: async (ending) => listeners.forEach((listener) => listener.ended(ending)),
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const store = new WatchedStore();
    const options: SessionModuleOptions = {
      user: { of: OPTIONS.user as never, verify: 'read', generation: true },
      recheck: '1h',
    };
    const here = new TestEngine(store, { ...options, bus });
    const there = new TestEngine(store, { ...options, bus });
    const { signal } = (await there.open(await here.stored({ user: { id: 7 } }))).live;
    // The first watcher has the session read at once.
    await setImmediate();
    await new UserSessions(here.engine).endEverybody();
    if (!signal.aborted) await once(signal, 'abort');
    for (const engine of [here, there]) engine.endings.close();
  });

  it('says what it needs', async () => {
    const users = new UserSessions(new TestEngine(new MemoryStore(), OPTIONS).engine);
    await expect(users.endEverybody()).rejects.toThrow("user: { of, verify: 'read', generation: true }");
    const none = new UserSessions(new TestEngine(new MemoryStore()).engine);
    await expect(none.list(7)).rejects.toThrow('UserSessions needs the option user');
    await expect(users.endAll(undefined)).rejects.toThrow('The id of the user is undefined');
  });
});

describe('the options of UserSessions', () => {
  it.each([
    ['a session itself', (session: object) => session, 'they are none'],
    ['a misspelt name', (session: object) => ({ expect: session }), 'there is no expect'],
    ['no session', () => ({ except: undefined }), 'except is undefined'],
    ['a text', () => 'all', 'they are none'],
  ])('end nothing where they are wrong: %s', async (_what, optionsOf, fault) => {
    const engine = new TestEngine(new WatchedStore(), OPTIONS);
    const users = new UserSessions(engine.engine);
    const id = await engine.stored({ user: { id: 7 } });
    const { live } = await engine.open(id);
    await expect(users.endAll(7, optionsOf(live) as never)).rejects.toThrow(fault);
    expect(await engine.seen(id)).toEqual({ user: { id: 7 } });
  });
});

describe('the device of a session', () => {
  it.each<[what: string, device: unknown, shown: unknown]>([
    ['is what the function returns', { agent: 'Firefox', none: undefined }, { agent: 'Firefox' }],
    ['has its long texts cut, between characters', `${'x'.repeat(255)}😀y`, `${'x'.repeat(255)}…`],
    ['is left out where it is too large', Array.from({ length: 9 }, () => 'x'.repeat(200)), undefined],
    ['is left out where it cannot be stored', 7n, undefined],
  ])('%s', async (_what, device, shown) => {
    const engine = new TestEngine(new WatchedStore(), { ...OPTIONS, device: () => device });
    await engine.stored({ user: { id: 7 } });
    const [listed] = await new UserSessions(engine.engine).list(7);
    expect(listed?.device).toEqual(shown);
    expect(engine.warnings.filter((warning) => warning.includes('`device`'))).toHaveLength(shown === undefined ? 1 : 0);
  });

  it('is left out, with a warning, where the function throws or is asynchronous', async () => {
    for (const device of [
      () => Promise.reject(new Error('no network')),
      () => Promise.resolve('x'),
      () => JSON.parse('{'),
    ]) {
      const engine = new TestEngine(new WatchedStore(), { ...OPTIONS, device });
      await engine.stored({ user: { id: 7 } });
      expect(await new UserSessions(engine.engine).list(7)).toMatchObject([{ device: undefined }]);
      expect(engine.warnings).toHaveLength(1);
    }
  });
});
