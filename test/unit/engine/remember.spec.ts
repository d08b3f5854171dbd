import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import type { SessionModuleOptions } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const DAY = 86_400;

let store: SpyStore;
let engine: TestEngine;

function start(options: SessionModuleOptions = {}): void {
  store = new SpyStore();
  engine = new TestEngine(store, { idleTimeout: '14d', ...options });
}

/** What the record of a session says. */
async function recordOf(id: string): Promise<Record<string, unknown>> {
  return JSON.parse((await store.inner.get(engine.records.keyOf(id))) ?? '{}') as Record<string, unknown>;
}

/** How long the session and its cookie live, in seconds; `undefined`: the cookie ends with the browser. */
const cookieSeconds = (open: OpenSession): number | undefined =>
  open.expiresAt === undefined ? undefined : Math.round(open.expiresAt - Date.now() / 1000);

const pass = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  start();
});
afterEach(() => void vi.useRealTimers());

/** A stored session that a request has remembered. */
async function remembered(lifetime: string | number | false, data: object = { user: 'ada' }): Promise<string> {
  const open = await engine.open();
  Object.assign(open.live, data);
  open.live.remember(lifetime);
  await open.commit();
  return open.id;
}

describe('remember()', () => {
  it('gives a new session its lifetime in the record, the store and the cookie', async () => {
    const open = await engine.open();
    open.live.user = 'ada';
    open.live.remember('30d');
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ _lifetime: 30 * DAY, user: 'ada' });
    expect([store.ttls.at(-1), cookieSeconds(open), open.isRemembered]).toEqual([30 * DAY, 30 * DAY, true]);
  });

  it('of false ends the cookie with the browser, and leaves the idle timeout as it is', async () => {
    const open = await engine.open();
    open.live.user = 'ada';
    open.live.remember(false);
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ _lifetime: false });
    expect([store.ttls.at(-1), cookieSeconds(open), open.isRemembered]).toEqual([14 * DAY, undefined, false]);
  });

  it.each<[string, string | false, number | undefined]>([
    ['longer', '30d', 30 * DAY],
    ['shorter', '1h', 3600],
    ['for as long as the browser is open', false, undefined],
  ])(
    'writes a stored session that nothing else changes, and sends its cookie anew: %s',
    async (_what, given, cookie) => {
      const id = await engine.stored({ user: 'ada' });
      pass(100);
      const open = await engine.open(id);
      store.taken();
      open.live.remember(given);
      await open.commit();
      expect([store.taken(), open.cookieAction, cookieSeconds(open)]).toEqual(['replace', 'set', cookie]);
      expect(store.ttls.at(-1)).toBe(cookie ?? 14 * DAY);
    },
  );

  it('stores nothing by itself, and counts once there are data', async () => {
    const open = await engine.open();
    open.live.remember('30d');
    await open.commit();
    expect([store.taken(), open.cookieAction]).toEqual(['', 'none']);
    open.live.user = 'ada';
    await open.commit();
    expect([store.ttls.at(-1), open.cookieAction]).toEqual([30 * DAY, 'set']);
  });

  it('of several calls lets the last one count', async () => {
    const open = await engine.open();
    open.live.user = 'ada';
    open.live.remember('30d');
    open.live.remember(false);
    open.live.remember('2d');
    await open.commit();
    expect(store.ttls.at(-1)).toBe(2 * DAY);
  });

  it('refuses what is no lifetime, and changes nothing', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    store.taken();
    expect(() => open.live.remember('30')).toThrow("the lifetime is '30': write");
    expect(() => open.live.remember(true as false)).toThrow(TypeError);
    await open.commit();
    expect(store.taken()).toBe('');
  });

  it('is no data: it is in no key, and no key of that name can be set', async () => {
    const { live } = await engine.open(await engine.stored({ user: 'ada' }));
    expect(Object.keys(live)).toEqual(['user']);
    for (const name of ['remember', 'signedIn', '_lifetime', '_signed_in']) {
      expect(() => Object.assign(live, { [name]: 1 })).toThrow(`'${name}' is a reserved name`);
    }
    await expect(live.update((data) => void (data.remember = true))).rejects.toThrow("'remember' is a reserved name");
  });

  it.each(['remember', 'signedIn'])('hides data that were stored under the name %s, and loses none', async (name) => {
    const id = await engine.stored({ user: 'ada' });
    const key = engine.records.keyOf(id);
    await store.inner.set(key, `{"user":"ada","${name}":"old","_created":1,"_seen":9999999999}`, 60);
    const open = await engine.open(id);
    expect([typeof open.live[name], Object.keys(open.live)]).toEqual(['function', ['user']]);
    open.live.remember('30d');
    open.live.signedIn();
    await open.commit();
    expect(await recordOf(id)).toMatchObject({ [name]: 'old', _lifetime: 30 * DAY });
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ [name]: 'old', _lifetime: 30 * DAY });
  });

  it('leaves no change behind when the save fails, and saves it with the next one', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    open.live.remember('30d');
    store.failing.add('replace');
    await expect(open.live.save()).rejects.toThrow('fail to replace');
    expect(cookieSeconds(open)).toBe(14 * DAY);
    store.failing.clear();
    await open.live.save();
    expect([store.ttls.at(-1), cookieSeconds(open)]).toEqual([30 * DAY, 30 * DAY]);
  });

  it('is dropped by reload(), like other changes', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    open.live.remember('30d');
    await open.live.reload();
    store.taken();
    await open.commit();
    expect(store.taken()).toBe('');
  });

  it('is saved behind an update', async () => {
    const id = await engine.stored({ n: 1 });
    const open = await engine.open(id);
    open.live.remember('30d');
    await open.live.update((data) => void (data.n = 2));
    await open.commit();
    expect(await recordOf(id)).toMatchObject({ n: 2, _lifetime: 30 * DAY });
    expect(open.cookieAction).toBe('set');
  });

  it('does nothing to a session that another request has ended, and says so', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    await (await engine.open(id)).live.destroy();
    open.live.remember('30d');
    await open.commit();
    expect([open.cookieAction, await engine.seen(id)]).toEqual(['none', undefined]);
    expect(engine.warnings.join()).toContain('what it changed in the session was dropped');
  });

  it('leaves a lifetime to the session that comes after a destroy', async () => {
    const id = await remembered('30d');
    const open = await engine.open(id);
    open.live.remember('60d');
    await open.live.destroy();
    open.live.user = 'eve';
    await open.commit();
    expect(store.ttls.at(-1)).toBe(14 * DAY);
    expect(await recordOf(open.id)).not.toHaveProperty('_lifetime');
  });

  it('is dropped with all data', async () => {
    const open = await engine.open(await remembered('30d'));
    open.live.remember('60d');
    delete open.live.user;
    await open.commit();
    open.live.user = 'eve';
    await open.commit();
    expect(await recordOf(open.id)).not.toHaveProperty('_lifetime');
  });
});

describe('a session that is remembered', () => {
  it('lives for its own idle timeout', async () => {
    const id = await remembered('30d');
    pass(30 * DAY - 1);
    expect(await (await engine.open(id)).live.user).toBe('ada');
    pass(2);
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('ends earlier with a shorter one, whatever the store keeps', async () => {
    const id = await remembered('1h');
    const text = (await store.inner.get(engine.records.keyOf(id))) ?? '';
    await store.inner.set(engine.records.keyOf(id), text, 14 * DAY);
    pass(3601);
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('is renewed after a tenth of its own idle timeout', async () => {
    const id = await remembered('30d');
    pass(3 * DAY - 1);
    const early = await engine.open(id);
    store.taken();
    await early.commit();
    expect([store.taken(), early.cookieAction]).toEqual(['', 'none']);
    pass(2);
    const late = await engine.open(id);
    store.taken();
    await late.commit();
    expect([store.taken(), late.cookieAction, cookieSeconds(late)]).toEqual(['replace', 'set', 30 * DAY]);
  });

  it('ends at the absolute timeout all the same (OWASP ASVS 5.0, 7.3.2)', async () => {
    start({ absoluteTimeout: '7d' });
    const open = await engine.open();
    open.live.user = 'ada';
    open.live.remember('30d');
    await open.commit();
    expect([store.ttls.at(-1), cookieSeconds(open)]).toEqual([7 * DAY, 7 * DAY]);
    pass(7 * DAY + 1);
    expect(await engine.seen(open.id)).toBeUndefined();
  });

  it('has a cookie that outlives the browser although cookie.persistent is false', async () => {
    start({ cookie: { persistent: false } });
    const open = await engine.open(await remembered('30d'));
    expect([open.isRemembered, cookieSeconds(open)]).toEqual([true, 30 * DAY]);
  });

  it.each<[string, unknown]>([
    ['a text', '30d'],
    ['true', true],
    ['zero', 0],
    ['a negative number', -5],
    ['more than ten years', 1e300],
  ])('has the idle timeout of the module where its record says %s', async (_what, lifetime) => {
    const id = await engine.stored({ user: 'ada' });
    const now = Date.now() / 1000;
    const text = JSON.stringify({ _lifetime: lifetime, _created: now, _seen: now, user: 'ada' });
    await store.inner.set(engine.records.keyOf(id), text, 60);
    const open = await engine.open(id);
    expect(cookieSeconds(open)).toBe(14 * DAY);
    open.live.n = 1;
    await open.commit();
    expect(store.ttls.at(-1)).toBe(14 * DAY);
  });

  it('has a signal that aborts when its own time is over', async () => {
    vi.useFakeTimers();
    const id = await remembered(60);
    const { signal } = (await engine.open(id)).live;
    await vi.advanceTimersByTimeAsync(59_000);
    expect(signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(signal.reason).toMatchObject({ reason: 'expired' });
  });
});

describe('of parallel requests,', () => {
  it.each<[string, (open: OpenSession) => Promise<unknown> | void]>([
    ['a change', ({ live }) => void (live.n = 1)],
    ['a renewal', ({ live }) => live.touch()],
    ['an update', ({ live }) => live.update((data) => void (data.n = 1))],
    ['a sign-in', ({ live }) => live.signedIn()],
    ['a regenerate that keeps the data', ({ live }) => live.regenerate({ keep: true })],
  ])('%s does not undo what another one has remembered', async (_what, act) => {
    const id = await engine.stored({ user: 'ada' });
    const slow = await engine.open(id);
    const other = await engine.open(id);
    other.live.remember('30d');
    await other.commit();
    await act(slow);
    await slow.commit();
    expect(await recordOf(slow.id)).toMatchObject({ _lifetime: 30 * DAY });
    expect(store.ttls.at(-1)).toBe(30 * DAY);
  });

  it('a later save of the same request does not set again what another one has changed', async () => {
    const id = await engine.stored({ user: 'ada' });
    const slow = await engine.open(id);
    slow.live.remember('30d');
    await slow.live.save();
    const other = await engine.open(id);
    other.live.remember(false);
    await other.commit();
    slow.live.n = 1;
    await slow.commit();
    expect([await recordOf(id), slow.expiresAt]).toEqual([expect.objectContaining({ _lifetime: false }), undefined]);
  });

  it.each<[string, (open: OpenSession) => Promise<unknown>]>([
    ['an update', ({ live }) => live.update((data) => void (data.n = 1))],
    ['a regenerate', ({ live }) => live.regenerate({ keep: true })],
  ])('%s after a save of the same request does not set it again either', async (_what, act) => {
    const id = await engine.stored({ user: 'ada' });
    const slow = await engine.open(id);
    slow.live.remember('30d');
    await slow.live.save();
    const other = await engine.open(id);
    other.live.remember(false);
    await other.commit();
    await act(slow);
    await slow.commit();
    expect([await recordOf(slow.id), slow.expiresAt]).toEqual([
      expect.objectContaining({ _lifetime: false }),
      undefined,
    ]);
  });

  it('the later one counts, also in one joint save', async () => {
    const id = await engine.stored({ user: 'ada' });
    const opened = await Promise.all([1, 2, 3].map(() => engine.open(id)));
    for (const [index, { live }] of opened.entries()) live.remember(`${index + 1}d`);
    await Promise.all(opened.map(({ live }) => live.save()));
    expect(await recordOf(id)).toMatchObject({ _lifetime: 3 * DAY });
  });

  it('one that changes data in a joint save keeps what the other one has remembered', async () => {
    const id = await engine.stored({ user: 'ada' });
    const opened = await Promise.all([1, 2, 3, 4].map(() => engine.open(id)));
    opened[1]?.live.remember('30d');
    for (const [index, { live }] of opened.entries()) live[`k${index}`] = index;
    await Promise.all(opened.map(({ live }) => live.save()));
    expect(await recordOf(id)).toMatchObject({ _lifetime: 30 * DAY, k0: 0, k1: 1, k2: 2, k3: 3 });
  });
});

describe('regenerate()', () => {
  const user = (data: { user?: unknown }): string | undefined => data.user as string | undefined;

  it('leaves the lifetime to the session before it', async () => {
    const open = await engine.open(await remembered('30d'));
    await open.live.regenerate();
    open.live.user = 'eve';
    await open.commit();
    expect([store.ttls.at(-1), await recordOf(open.id)]).toEqual([14 * DAY, expect.objectContaining({ user: 'eve' })]);
    expect(await recordOf(open.id)).not.toHaveProperty('_lifetime');
  });

  it('takes a lifetime that is set after it, waited for or not', async () => {
    for (const wait of [true, false]) {
      const open = await engine.open(await remembered(false));
      const regenerating = open.live.regenerate();
      if (wait) await regenerating;
      open.live.user = 'eve';
      open.live.remember('30d');
      await open.commit();
      expect([wait, store.ttls.at(-1), cookieSeconds(open)]).toEqual([wait, 30 * DAY, 30 * DAY]);
    }
  });

  it('takes a lifetime that is set right after it, before any data', async () => {
    const open = await engine.open(await remembered(false));
    void open.live.regenerate();
    open.live.remember('30d');
    open.live.user = 'eve';
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ _lifetime: 30 * DAY, user: 'eve' });
  });

  it('does not let a save that was called before it take what belongs to the new session', async () => {
    const id = await remembered(false);
    const open = await engine.open(id);
    open.live.n = 1;
    const gate = store.pause('replace', engine.records.keyOf(id));
    void open.live.save();
    void open.live.regenerate();
    open.live.user = 'eve';
    open.live.remember('30d');
    await gate.reached;
    gate.open();
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ _lifetime: 30 * DAY, user: 'eve' });
  });

  it('drops a lifetime that was set before it in the same request', async () => {
    const open = await engine.open();
    open.live.remember('30d');
    await open.live.regenerate();
    open.live.user = 'eve';
    await open.commit();
    expect(store.ttls.at(-1)).toBe(14 * DAY);
  });

  it.each(['saved', 'set in the same request'])('keeps a lifetime with all data: %s', async (when) => {
    const open = await engine.open(when === 'saved' ? await remembered('30d') : await engine.stored({ user: 'ada' }));
    if (when !== 'saved') open.live.remember('30d');
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect([store.ttls.at(-1), cookieSeconds(open), await recordOf(open.id)]).toEqual([
      30 * DAY,
      30 * DAY,
      expect.objectContaining({ user: 'ada', _lifetime: 30 * DAY }),
    ]);
  });

  it.each<[string, SessionModuleOptions, readonly string[], boolean]>([
    ['keeps it with a list that keeps the user', { user }, ['user'], true],
    ['drops it with a list that does not', { user }, ['cart'], false],
    ['drops it with a list where nothing tells the user', {}, ['user', 'cart'], false],
    ['drops it with an empty list', { user }, [], false],
  ])('%s', async (_what, options, keep, isKept) => {
    start(options);
    const open = await engine.open(await remembered('30d', { user: 'ada', cart: [1] }));
    await open.live.regenerate({ keep });
    open.live.n = 1;
    await open.commit();
    const record = await recordOf(open.id);
    expect([record['_lifetime'], cookieSeconds(open)]).toEqual(isKept ? [30 * DAY, 30 * DAY] : [undefined, 14 * DAY]);
  });

  it("drops a visitor's lifetime when a login keeps the cart", async () => {
    start({ user });
    const open = await engine.open(await remembered('30d', { cart: [1] }));
    await open.live.regenerate({ keep: ['cart'] });
    open.live.user = 'ada';
    await open.commit();
    expect(await recordOf(open.id)).not.toHaveProperty('_lifetime');
  });

  it('with a callback gives the lifetime to the new session, through either object', async () => {
    const open = await engine.open(await remembered(false));
    const { live: before } = open;
    await new Promise((resolve) => before.regenerate(resolve));
    before.user = 'eve';
    before.remember('30d');
    await open.commit();
    expect(await recordOf(open.id)).toMatchObject({ _lifetime: 30 * DAY, user: 'eve' });
  });
});

describe('where the response cannot carry the cookie', () => {
  it.each(['no-response', 'path', 'insecure'] as const)('a stored session keeps its lifetime: %s', async (obstacle) => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id, { cookieObstacle: obstacle });
    store.taken();
    expect(() => open.live.remember('30d')).toThrow('The session cannot get another lifetime here: ');
    expect(() => open.live.remember('30d')).toThrow(expect.objectContaining({ name: 'SessionConfigurationError' }));
    await open.commit();
    expect(store.taken()).toBe('');
  });

  it('also after the first byte', async () => {
    const open = await engine.open(await engine.stored({ user: 'ada' }));
    open.withholdCookie('head-sent');
    expect(() => open.live.remember('30d')).toThrow('the head of the response has been sent already');
  });

  it('a new session in a message fails as ever', async () => {
    const open = await engine.open(undefined, { cookieObstacle: 'no-response' });
    open.live.remember('30d');
    await open.commit();
    open.live.user = 'ada';
    await expect(open.commit()).rejects.toThrow('The new session cannot be stored');
  });

  it('a file is sent without it, and the record has the lifetime at once', async () => {
    const id = await engine.stored({ user: 'ada' });
    const open = await engine.open(id);
    open.live.remember('30d');
    open.withholdCookie('static-file');
    await open.commit();
    expect([open.cookieAction, store.ttls.at(-1), await recordOf(id)]).toEqual([
      'none',
      30 * DAY,
      expect.objectContaining({ _lifetime: 30 * DAY }),
    ]);
  });
});

describe("wire: 'quart'", () => {
  const ID = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';
  const KEY = `session:${ID}`;
  const open = (id = ID): Promise<OpenSession> => engine.open(id, { permanent: true });

  beforeEach(async () => {
    start({ wire: 'quart', idleTimeout: '31d' });
    await store.inner.set(KEY, '{"_permanent":true,"user":"ada","10":1.0}', 31 * DAY);
  });

  it.each<[string | false, string, number, number | undefined]>([
    ['60d', `{"_permanent":true,"user":"ada","10":1.0,"_nest_session_lifetime":${60 * DAY}}`, 60 * DAY, 60 * DAY],
    [false, '{"_permanent":false,"user":"ada","10":1.0,"_nest_session_lifetime":false}', 31 * DAY, undefined],
  ])('remember(%j) speaks through _permanent', async (lifetime, text, ttl, cookie) => {
    const session = await open();
    session.live.remember(lifetime);
    await session.commit();
    expect([await store.inner.get(KEY), store.ttls.at(-1), cookieSeconds(session), session.cookieAction]).toEqual([
      text,
      ttl,
      cookie,
      'set',
    ]);
  });

  it('what Python says later about the cookie counts, and the length stays', async () => {
    await store.inner.set(KEY, `{"_permanent":false,"_nest_session_lifetime":${60 * DAY},"user":"ada"}`, 60);
    const session = await open();
    session.live.n = 1;
    await session.commit();
    expect([store.ttls.at(-1), cookieSeconds(session), session.cookieAction]).toEqual([60 * DAY, undefined, 'none']);
  });

  it('an update beside it leaves the cookie to the browser session', async () => {
    const slow = await open();
    const other = await open();
    other.live.remember(false);
    await other.commit();
    await slow.live.update((data) => void (data.n = 1));
    expect([slow.expiresAt, slow.cookieAction]).toEqual([undefined, 'none']);
  });

  it('a regenerate that drops it has _permanent as the module says', async () => {
    const session = await open();
    session.live.remember(false);
    await session.commit();
    await session.live.regenerate();
    session.live.user = 'eve';
    await session.commit();
    expect(await store.inner.get(`session:${session.id}`)).toBe('{"_permanent":true,"user":"eve"}');
  });

  it('a record without data of Python stays, and gets nothing', async () => {
    await store.inner.set(KEY, '{"_permanent":true,"_addr":"203.0.113.7"}', 60);
    const session = await open();
    store.taken();
    session.live.remember('60d');
    session.live.signedIn();
    session.live.touch();
    await session.commit();
    expect([store.taken(), session.cookieAction]).toEqual(['', 'none']);
    session.live.user = 'ada';
    await session.commit();
    expect(await recordOf(ID)).toMatchObject({ _nest_session_lifetime: 60 * DAY, user: 'ada' });
  });

  it('a record without data of Python also survives a renewal that is due', async () => {
    start({ wire: 'quart', absoluteTimeout: '1h' });
    await store.inner.set(KEY, '{"_permanent":true,"_addr":"203.0.113.7"}', 60);
    const session = await open();
    await session.commit();
    expect([await store.inner.get(KEY), session.cookieAction]).toEqual([
      '{"_permanent":true,"_addr":"203.0.113.7"}',
      'none',
    ]);
  });
});
