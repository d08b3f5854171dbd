import { describe, expect, it } from 'vitest';

import { UserSessions } from '../../../lib/engine/user-sessions.js';
import type { SessionModuleOptions } from '../../../lib/options/session-options.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import { isTombstone } from '../../../lib/engine/tombstone.js';
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
    expect(await engine.engine.directory?.index.read(await userKey())).toEqual([]);
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

  const userKey = async (): Promise<string> => {
    const { UserIndex } = await import('../../../lib/engine/user-index.js');
    return UserIndex.userOf('7');
  };
});
