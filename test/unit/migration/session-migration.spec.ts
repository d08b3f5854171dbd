import { beforeEach, describe, expect, it } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import { expressSession, ExpressSessionSigner, V8Serializer, type SessionModuleOptions } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const SECRET = 'the secret of the old application';
const OLD_ID = 'kQzPp5m3tXfBv7w1rN8cYhJd2sLgAe0U';
const OLD_KEY = `sess:${OLD_ID}`;
const cookie = new ExpressSessionSigner(SECRET).sign(OLD_ID);
const migrateFrom = expressSession({ secret: SECRET });

let store: SpyStore;
let engine: TestEngine;

function start(options: SessionModuleOptions = {}): void {
  store = new SpyStore();
  engine = new TestEngine(store, { migrateFrom, ...options });
}

const left = (data: object): Promise<void> =>
  store.inner.set(OLD_KEY, JSON.stringify({ cookie: { originalMaxAge: null, path: '/' }, ...data }));
const openOld = (rest: { address?: () => string; permanent?: boolean } = {}): Promise<OpenSession> =>
  engine.open(undefined, { migrationCookies: [cookie], ...rest });

beforeEach(async () => {
  start();
  await left({ user: 'ada' });
});

describe('a session of another library', () => {
  it.each([true, false])(
    'is there for both of two requests, whoever removes the old record (tombstones: %s)',
    async (tombstones) => {
      start({ tombstones });
      await left({ user: 'ada' });
      const { newIdOf } = migrateFrom;
      const gate = store.pause('create', engine.records.keyOf(newIdOf(OLD_ID)), 'after');
      const first = openOld();
      await gate.reached;
      const second = await openOld();
      gate.open();
      expect([{ ...(await first).live }, { ...second.live }]).toEqual([{ user: 'ada' }, { user: 'ada' }]);
      expect(await engine.seen(newIdOf(OLD_ID))).toEqual({ user: 'ada' });
    },
  );

  it('takes no new cookie away: its old cookie alone opens nothing for a while after a login', async () => {
    const open = await openOld();
    await open.live.regenerate({ keep: true });
    await open.commit();
    const late = await openOld();
    late.live.visits = 1;
    await late.commit();
    expect([late.cookieAction, { ...(await engine.open(open.id)).live }]).toEqual(['none', { user: 'ada' }]);
  });

  it('is not taken over while its old record cannot be removed, or a logout would not last', async () => {
    const failing = new SpyStore();
    engine = new TestEngine(failing, { migrateFrom });
    await failing.inner.set(OLD_KEY, JSON.stringify({ cookie: {}, user: 'ada' }));
    failing.failing.add('delete');
    await expect(openOld()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    failing.failing.clear();
    const open = await openOld();
    expect({ ...open.live }).toEqual({ user: 'ada' });
    expect(await failing.inner.get(OLD_KEY)).toBeUndefined();
  });

  it('has its old record removed that a process left when it died', async () => {
    await openOld();
    await left({ user: 'ada' });
    await openOld();
    expect(await store.inner.get(OLD_KEY)).toBeUndefined();
  });

  it('lasts as long as one of ours, under the other wire format too', async () => {
    start({ wire: 'quart' });
    await left({ user: 'ada' });
    const open = await openOld({ permanent: true });
    await open.commit();
    expect(open.expiresAt).toBeGreaterThan(Date.now() / 1000);
    expect(await store.inner.get(`session:${open.id}`)).toBe('{"_permanent":true,"user":"ada"}');
  });

  it('is pinned as one of ours, and ended when it comes from elsewhere', async () => {
    start({ pinning: true });
    await left({ user: 'ada' });
    const open = await openOld({ address: () => '203.0.113.7' });
    await open.commit();
    expect({ ...(await openOld({ address: () => '203.0.113.9' })).live }).toEqual({});
    expect({ ...(await engine.open(open.id, { address: () => '203.0.113.7' })).live }).toEqual({});
  });

  it('opens as a new one, with a warning, when it holds what cannot be stored', async () => {
    await store.inner.set(OLD_KEY, `{"cookie":{},"deep":${'['.repeat(600)}${']'.repeat(600)}}`);
    expect({ ...(await openOld()).live }).toEqual({});
    expect(engine.warnings.join()).toContain('deep');
  });

  it('does not speak for us', async () => {
    await left({ user: 'ada', _created: 1, _addr: '203.0.113.7', _seen: 1 });
    const open = await openOld();
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
    expect(await store.inner.get(engine.records.keyOf(open.id))).not.toContain('203.0.113.7');
  });

  it('is found behind a cookie that opens nothing', async () => {
    const dead = new ExpressSessionSigner(SECRET).sign('an-id-without-a-record');
    const open = await engine.open(undefined, { migrationCookies: [dead, cookie] });
    expect({ ...open.live }).toEqual({ user: 'ada' });
  });

  it('is looked for under four old ids at most, each once, however often the header repeats them', async () => {
    const signer = new ExpressSessionSigner(SECRET);
    const cookies = Array.from({ length: 160 }, (_, index) => signer.sign(`${'o'.repeat(30)}${index % 20}`));
    const counting = new SpyStore();
    const open = await new TestEngine(counting, { migrateFrom }).open(undefined, { migrationCookies: cookies });
    expect(open.isNew).toBe(true);
    // The successor, the old record, and the successor again in case another request was first.
    expect(counting.calls.length).toBe(4 * 3);
  });

  it.each(['destroy', 'regenerate'] as const)('ends with the session of ours beside it, on %s', async (ending) => {
    const id = await engine.stored({ user: 'grace' });
    const open = await engine.open(id, { migrationCookies: [cookie] });
    await open.live[ending]();
    await open.commit();
    expect(await store.inner.get(OLD_KEY)).toBeUndefined();
    expect((await openOld()).isNew).toBe(true);
    expect(await engine.seen(id)).toBeUndefined();
  });

  it('ends with its successor where this process takes that for expired', async () => {
    await openOld();
    const strict = new TestEngine(store, { migrateFrom, serializer: new V8Serializer() });
    const open = await strict.open(undefined, { migrationCookies: [cookie] });
    expect(open.isNew).toBe(true);
    await open.live.destroy();
    expect((await openOld()).isNew).toBe(true);
  });
});
