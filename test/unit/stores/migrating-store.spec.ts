import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore, SessionTooLargeError, type SessionStore } from '../../../lib/index.js';
import { MigratingStore } from '../../../lib/stores/migrating.store.js';
import { otherPrefixed } from '../../../lib/stores/prefixed.store.js';
import { Gate } from '../../fixtures/gate.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const KEY = 'session:a';

/** A store that holds nothing longer than that many characters. */
class NarrowStore extends SpyStore {
  longest = 40;

  override async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (value.length > this.longest) throw new SessionTooLargeError('too large');
    return super.create(key, value, ttl);
  }
}

describe('MigratingStore', () => {
  let from: SpyStore;
  let to: NarrowStore;

  beforeEach(() => {
    from = new SpyStore();
    to = new NarrowStore();
  });

  function migrating(moves = true, stores: { from: SessionStore; to: SessionStore } = { from, to }): MigratingStore {
    return new MigratingStore({ ...stores, moves, keyPrefix: 'session:', ttlOf: () => 50 });
  }

  it('moves a record once, with the lifetime that its own times give, and then reads it with one command', async () => {
    await from.inner.create(KEY, 'text', 1000);
    from.taken();
    const store = migrating();
    expect((await store.read(KEY))?.value).toBe('text');
    expect([from.taken(), to.taken(), to.ttls]).toEqual([
      'read replace read replace',
      'read read create read replace read',
      [50, 50],
    ]);
    expect((await store.read(KEY))?.value).toBe('text');
    expect([from.taken(), to.taken()]).toEqual(['', 'read']);
  });

  it('looks a second time into the new store before it says that there is nothing', async () => {
    expect(await migrating().read(KEY)).toBeUndefined();
    expect([from.taken(), to.taken()]).toEqual(['read', 'read read']);
  });

  it('leaves a record that the new store cannot hold where it is, and moves it when it has shrunk', async () => {
    await from.inner.create(KEY, 'x'.repeat(50), 60);
    const store = migrating();
    const found = await store.read(KEY);
    expect(found?.value).toBe('x'.repeat(50));
    expect(await store.replace(KEY, 'small', 60, found?.version)).toBe('replaced');
    expect((await store.read(KEY))?.value).toBe('small');
    expect([await from.inner.get(KEY), await to.inner.get(KEY)]).toEqual([expect.stringContaining('moved'), 'small']);
  });

  it('creates nothing that the new store cannot hold, and leaves no trace of it', async () => {
    const store = migrating();
    await expect(store.create(KEY, 'x'.repeat(50), 60)).rejects.toThrow(SessionTooLargeError);
    expect([await from.inner.get(KEY), await to.inner.get(KEY)]).toEqual([undefined, undefined]);
    expect(await store.create(KEY, 'small', 60)).toBe(true);
  });

  it.each([
    ['the one that moves records', true],
    ['the one that does not', false],
  ])('lets one of two processes create a record, whichever comes first: %s', async (_who, first) => {
    const [one, other] = [migrating(first), migrating(!first)];
    expect([await one.create(KEY, 'one', 60), await other.create(KEY, 'other', 60)]).toEqual([true, false]);
    expect([(await other.read(KEY))?.value, (await one.read(KEY))?.value]).toEqual(['one', 'one']);
  });

  it('lets one of two processes create a record at the same time', async () => {
    const creates = [migrating(), migrating(false), migrating()].map((store, at) => store.create(KEY, `${at}`, 60));
    const created = await Promise.all(creates);
    expect(created.filter(Boolean)).toHaveLength(1);
    for (const store of [migrating(), migrating(false)])
      expect((await store.read(KEY))?.value).toBe(`${created.indexOf(true)}`);
  });

  it('goes on with a move that another process has begun and left', async () => {
    await from.inner.create(KEY, 'text', 1000);
    to.failing.add('create');
    await expect(migrating().read(KEY)).rejects.toThrow('fail to create');
    to.failing.clear();
    // A process that does not move records itself goes on too.
    expect((await migrating(false).read(KEY))?.value).toBe('text');
    expect(await to.inner.get(KEY)).toBe('text');
  });

  it.each(['replace', 'delete', 'set'] as const)(
    'ends by %s what a process has left that died before the record had left the old store',
    async (verb) => {
      await from.inner.create(KEY, 'text', 1000);
      const store = migrating();
      const gate = to.pause('create', KEY, 'after');
      const reading = store.read(KEY);
      await gate.reached;
      from.failing.add('replace');
      gate.open();
      await expect(reading).rejects.toThrow('fail to replace');
      from.failing.clear();
      if (verb === 'replace') {
        const found = await store.read(KEY);
        expect(await store.replace(KEY, 'short-lived', 31, found?.version)).toBe('replaced');
      }
      if (verb === 'delete') expect(await store.delete(KEY)).toBe(true);
      if (verb === 'set') await store.set(KEY, 'nest-session tombstone x', 30);
      // As it expires, or is evicted.
      await to.inner.delete(KEY);
      expect((await from.inner.get(KEY)) ?? '').not.toContain(' text');
      expect((await store.read(KEY))?.value).not.toBe('text');
    },
  );

  it('goes on in the new store with a move of which only the last command is missing', async () => {
    await to.inner.create(KEY, 'nest-session tombstone arriving 1000 text', 1000);
    expect((await migrating(false).read(KEY))?.value).toBe('text');
    expect(await to.inner.get(KEY)).toBe('text');
    expect(await migrating().create(KEY, 'other', 60)).toBe(false);
  });

  it('moves a record back from where it was arriving', async () => {
    await from.inner.create(KEY, 'nest-session tombstone arriving 1000 text', 1000);
    await to.inner.create(KEY, 'nest-session tombstone moving 1000 text', 1000);
    expect((await migrating().read(KEY))?.value).toBe('text');
    expect(await to.inner.get(KEY)).toBe('text');
  });

  it('finds a record that the new store cannot hold in every one of many reads, and tries once', async () => {
    await from.inner.create(KEY, 'x'.repeat(50), 60);
    const stores = [migrating(), migrating(), migrating(false), migrating()];
    const reads = Array.from({ length: 10 }, () => stores.map((store) => store.read(KEY))).flat();
    for (const found of await Promise.all(reads)) expect(found?.value).toBe('x'.repeat(50));
    from.taken();
    to.taken();
    const found = await stores[0]?.read(KEY);
    expect([from.taken(), to.taken()]).toEqual(['read', 'read']);
    await stores[1]?.read(KEY);
    expect(await stores[0]?.replace(KEY, 'y'.repeat(50), 60, found?.version)).toBe('replaced');
  });

  it('forgets a new record after half a minute that the new store was too ill to take', async () => {
    to.failing.add('create');
    await expect(migrating().create(KEY, 'text', 1000)).rejects.toThrow('fail to create');
    expect(from.ttls).toEqual([30]);
  });

  it('moves a record that begins again while the mark of its end still stands', async () => {
    const [follower, mover] = [migrating(false), migrating()];
    await follower.create(KEY, 'one', 60);
    await follower.delete(KEY);
    expect(await follower.create(KEY, 'two', 60)).toBe(true);
    expect([(await mover.read(KEY))?.value, (await follower.read(KEY))?.value]).toEqual(['two', 'two']);
  });

  it('does not bring a session back that has ended while a process stood still', async () => {
    await from.inner.create(KEY, 'text', 1000);
    const gate = to.pause('create');
    const slow = migrating().read(KEY);
    await gate.reached;
    const quick = migrating();
    expect((await quick.read(KEY))?.value).toBe('text');
    await quick.delete(KEY);
    // The marks are gone, as they are after half a minute.
    await to.inner.delete(KEY);
    await from.inner.delete(KEY);
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 31_000);
    gate.open();
    expect(await slow).toBeUndefined();
    vi.restoreAllMocks();
    expect([await from.inner.get(KEY), await to.inner.get(KEY)]).toEqual([undefined, undefined]);
  });

  describe('where a process stands still that creates a record, until its mark in the old store has expired', () => {
    afterEach(() => {
      vi.restoreAllMocks();
    });

    /** What becomes of it when it goes on after `meanwhile`. Were it to delete what it has created, it would stop before that. */
    async function standStill(
      ttl: number,
      meanwhile: () => Promise<unknown>,
    ): Promise<{ slow: Promise<boolean>; end: Gate }> {
      const begin = to.pause('create', KEY);
      const slow = migrating().create(KEY, 'ours', ttl);
      await begin.reached;
      await from.inner.delete(KEY);
      await meanwhile();
      const end = to.pause('delete', KEY);
      // Not so late that what has begun meanwhile expires, too.
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + Math.min(ttl - 1, 26) * 1000);
      begin.open();
      await Promise.race([slow, end.reached]);
      return { slow, end };
    }

    function seen(): Promise<(string | undefined)[]> {
      return Promise.all([migrating(false), migrating()].map((store) => store.get(KEY)));
    }

    it('lets one of two processes that move records create it', async () => {
      const created: Promise<boolean>[] = [];
      let marked = new Gate();
      const { slow, end } = await standStill(60, async () => {
        marked = to.pause('create', KEY);
        created.push(migrating().create(KEY, 'theirs', 60));
        await marked.reached;
      });
      marked.open();
      const [isCreated] = await Promise.all(created);
      end.open();
      expect([await slow, isCreated, await seen()]).toEqual([true, false, ['ours', 'ours']]);
    });

    it('keeps what another process has written to the record by then', async () => {
      const { slow, end } = await standStill(60, () => migrating(false).create(KEY, 'theirs', 60));
      const store = migrating(false);
      const found = await store.read(KEY);
      expect([found?.value, await store.replace(KEY, 'written', 60, found?.version)]).toEqual(['ours', 'replaced']);
      end.open();
      expect([await slow, await seen()]).toEqual([true, ['written', 'written']]);
    });

    it.each([60, 20])(
      'puts its record into the place of one that a process has created which moves none: %i seconds',
      async (ttl) => {
        const { slow, end } = await standStill(ttl, () => migrating(false).create(KEY, 'theirs', ttl));
        end.open();
        expect([await slow, await seen()]).toEqual([true, ['ours', 'ours']]);
        // Nor does the other one come back when this one ends.
        expect([await migrating().delete(KEY), await seen()]).toEqual([true, [undefined, undefined]]);
      },
    );
  });

  it('moves a record back as well, over what the move there has left', async () => {
    await from.inner.create(KEY, 'text', 1000);
    await migrating().read(KEY);
    const back = migrating(true, { from: to, to: from });
    expect((await back.read(KEY))?.value).toBe('text');
    expect(await from.inner.get(KEY)).toBe('text');
  });

  it('leaves what is no record of the library where it is', async () => {
    const store = new MigratingStore({ from, to, moves: true, keyPrefix: 'session:', ttlOf: () => undefined });
    await from.inner.create(KEY, 'another program', 1000);
    const found = await store.read(KEY);
    expect([found?.value, await to.inner.get(KEY)]).toEqual(['another program', undefined]);
    expect(await store.replace(KEY, 'nest-session tombstone x', 30, found?.version)).toBe('replaced');
    expect((await store.read(KEY))?.value).toBe('nest-session tombstone x');
  });

  it('takes the marks of a migration for values of the application under keys that are no keys of sessions', async () => {
    await from.inner.set('cache', 'nest-session tombstone moved x');
    expect(await migrating().get('cache')).toBe('nest-session tombstone moved x');
  });

  it('says at the first new session that its two stores are one, and stores nothing', async () => {
    const one = new MemoryStore();
    const store = migrating(true, { from: one, to: one });
    await expect(store.create(KEY, 'text', 60)).rejects.toThrow('one and the same back-end');
    expect(await one.get(KEY)).toBeUndefined();
  });

  it('deletes in a full back-end, which stores no mark', async () => {
    const store = migrating();
    await store.create(KEY, 'text', 60);
    to.refuses = true;
    to.failing = new Set(['set', 'replace']);
    expect(await store.delete(KEY)).toBe(true);
    expect(await store.read(KEY)).toBeUndefined();
  });

  describe('for the values of the application', () => {
    it('keeps them where the two stores are one back-end with two prefixes', async () => {
      const one = new MemoryStore();
      const prefixed = otherPrefixed(one, { keyPrefix: 'session:', otherPrefix: 'old:' });
      const store = new MigratingStore({
        from: prefixed,
        to: one,
        moves: true,
        keyPrefix: 'session:',
        ttlOf: () => 50,
        mayBeOne: true,
      });
      await store.set('value', 'set', 3600);
      expect(await store.get('value')).toBe('set');
      expect([await store.create('lock', 'one', 20), await store.create('lock', 'other', 20)]).toEqual([true, false]);
      const found = await store.read('lock');
      expect(await store.replace('lock', 'two', 20, found?.version)).toBe('replaced');
      expect(await store.get('lock')).toBe('two');
    });

    it('creates a value once, whether processes move sessions or not', async () => {
      const stores = [migrating(false), migrating(), migrating(false)];
      const created = await Promise.all(stores.map((store, at) => store.create('lock', `${at}`, 60)));
      expect(created.filter(Boolean)).toHaveLength(1);
      for (const store of stores) expect(await store.create('lock', 'late', 60)).toBe(false);
    });
  });

  it('leaves no value of its own in the old store that would count if sessions moved back', async () => {
    await migrating().set(KEY, 'generation 2');
    expect(await from.inner.get(KEY)).toContain('moved');
    await to.inner.set(KEY, 'generation 3');
    expect((await migrating(true, { from: to, to: from }).read(KEY))?.value).toBe('generation 3');
  });
});
