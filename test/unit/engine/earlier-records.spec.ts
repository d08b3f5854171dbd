import { describe, expect, it } from 'vitest';

import { MemoryStore, type SessionModuleOptions } from '../../../lib/index.js';
import { UserIndex } from '../../../lib/engine/user-index.js';
import { UserSessions } from '../../../lib/engine/user-sessions.js';
import { TestEngine } from '../../fixtures/engine.js';

const ID = 'an-id-that-an-earlier-version-drew';
const now = Math.floor(Date.now() / 1000);

/** Texts that versions of the library have written, each without what came later. */
const EARLIER: [what: string, text: string, options: SessionModuleOptions][] = [
  ['no times', '{"user":"ada"}', {}],
  ['the time of its creation alone', `{"_created":${now - 60},"user":"ada"}`, {}],
  ['both times', `{"_created":${now - 60},"_seen":${now - 30},"user":"ada"}`, {}],
  ['an address', `{"_addr":"127.0.0.1","_created":${now - 60},"_seen":${now - 30},"user":"ada"}`, { pinning: true }],
  ['a lifetime of its own', `{"_lifetime":3600,"_created":${now - 60},"_seen":${now - 30},"user":"ada"}`, {}],
  ['a sign-in', `{"_created":${now - 60},"_seen":${now - 30},"_signed_in":{"at":${now - 60}},"user":"ada"}`, {}],
  ["Quart-Session's members", '{"_permanent":true,"_addr":"127.0.0.1","user":"ada"}', { wire: 'quart' }],
  ['a time of ours beside them', `{"_permanent":true,"_nest_session_created":${now},"user":"ada"}`, { wire: 'quart' }],
];

async function engineWith(text: string, options: SessionModuleOptions = {}): Promise<[TestEngine, MemoryStore]> {
  const store = new MemoryStore();
  const engine = new TestEngine(store, options);
  await store.create(engine.records.keyOf(ID), text, 3600);
  return [engine, store];
}

describe.each(EARLIER)('a record of an earlier version with %s', (_what, text, options) => {
  it('opens, is written as this version does, and opens again', async () => {
    const [engine] = await engineWith(text, options);
    const open = await engine.open(ID);
    expect({ ...open.live }).toEqual({ user: 'ada' });
    Object.assign(open.live, { visits: 1 });
    await open.commit();
    expect(await engine.seen(ID)).toEqual({ user: 'ada', visits: 1 });
    expect(engine.warnings).toEqual([]);
  });

  it('enters the list of its user at a save of a version that keeps one', async () => {
    const [engine] = await engineWith(text, { ...options, user: (data) => data.user as string });
    const open = await engine.open(ID);
    Object.assign(open.live, { visits: 1 });
    await open.commit();
    expect(await new UserSessions(engine.engine).list('ada')).toHaveLength(1);
  });
});

describe('a record of a later version', () => {
  it.each<[string, SessionModuleOptions]>([
    ['natively', {}],
    ["under wire: 'quart'", { wire: 'quart' }],
  ])('keeps what this version does not know, %s', async (_how, options) => {
    const later = '"_later":{"a":[1,2]},"_nest_session_later":7';
    const [engine, store] = await engineWith(`{"_created":${now},"_seen":${now},${later},"user":"ada"}`, options);
    const open = await engine.open(ID);
    Object.assign(open.live, { visits: 1 });
    await open.commit();
    const text = (await store.get(engine.records.keyOf(ID))) ?? '';
    expect(JSON.parse(text)).toMatchObject({ _later: { a: [1, 2] }, _nest_session_later: 7, user: 'ada', visits: 1 });
  });
});

it('reads a list of an earlier version, whose entries have no device', async () => {
  const store = new MemoryStore();
  const engine = new TestEngine(store, { user: (data) => data.user as string });
  const name = engine.records.nameOf(ID);
  const listing = { user: UserIndex.userOf('ada'), until: now + 4000 };
  const record = { _created: now - 60, _seen: now - 30, _listed: listing, user: 'ada' };
  const entry = { name, since: now - 60, at: now - 60, lifetime: 3600 };
  await store.create(engine.records.keyOf(ID), JSON.stringify(record), 3600);
  await store.create(`session:user=${UserIndex.userOf('ada')}`, JSON.stringify({ sessions: [entry] }), 3600);
  const users = new UserSessions(engine.engine);
  expect(await users.list('ada')).toHaveLength(1);
  expect(await users.endAll('ada')).toBe(1);
  expect(await engine.seen(ID)).toBeUndefined();
});
