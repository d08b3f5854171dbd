import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { TaggedJsonSerializer, type SessionModuleOptions } from '../../../lib/index.js';
import { EncryptingSerializer } from '../../fixtures/encrypting-serializer.js';
import { TestEngine } from '../../fixtures/engine.js';
import { pythonMembers, type PythonMember } from '../../fixtures/python-text.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const ID = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';
const KEY = `session:${ID}`;
const DAY = 24 * 3600;

let store: SpyStore;
let engine: TestEngine;

function start(options: SessionModuleOptions = {}): void {
  store = new SpyStore();
  engine = new TestEngine(store, { wire: 'quart', ...options });
}

const record = async (): Promise<unknown> => JSON.parse((await store.inner.get(KEY)) ?? 'null');
const pythonWrites = (data: object): Promise<void> => store.inner.set(KEY, JSON.stringify(data), 31 * DAY);

beforeEach(() => start());
afterEach(() => vi.useRealTimers());

describe("wire: 'quart'", () => {
  it('lies under the plain id, without times of ours', async () => {
    const open = await engine.open(undefined, { permanent: true });
    open.live.user = 'ada';
    await open.commit();
    expect(await store.inner.get(`session:${open.id}`)).toBe('{"_permanent":true,"user":"ada"}');
  });

  it('writes nothing when it only reads what Python wrote', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    store.calls.splice(0);
    expect(open.live.user).toBe('ada');
    await open.commit();
    expect([store.calls, open.cookieAction]).toEqual([[], 'none']);
  });

  it('does not end a session by a time that Python does not renew', async () => {
    await pythonWrites({ _permanent: true, _seen: 1, user: 'ada' });
    expect(await engine.seen(ID)).toEqual({ _seen: 1, user: 'ada' });
  });

  it('counts an absolute timeout from the first write of ours, which Python keeps', async () => {
    start({ absoluteTimeout: '1h' });
    vi.useFakeTimers({ toFake: ['Date'] });
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    open.live.n = 1;
    await open.commit();
    expect(await record()).toMatchObject({ _nest_session_created: Date.now() / 1000, user: 'ada', n: 1 });
    vi.setSystemTime(Date.now() + 3_601_000);
    expect(await engine.seen(ID)).toBeUndefined();
  });

  it('lays its keys over what Python has overwritten in between', async () => {
    await pythonWrites({ _permanent: true, user: 'ada', theme: 'dark' });
    const open = await engine.open(ID, { permanent: true });
    await pythonWrites({ _permanent: true, _addr: '203.0.113.7', user: 'grace', cart: [1] });
    open.live.theme = 'light';
    await open.commit();
    expect(await record()).toEqual({
      _permanent: true,
      _addr: '203.0.113.7',
      user: 'grace',
      cart: [1],
      theme: 'light',
    });
  });

  it('keeps what Python says about the cookie', async () => {
    await pythonWrites({ _permanent: false, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    open.live.n = 1;
    await open.commit();
    expect([open.expiresAt, open.cookieAction, await record()]).toEqual([
      undefined,
      'none',
      { _permanent: false, user: 'ada', n: 1 },
    ]);
  });

  it('sends the cookie again after an update too, as each write renews the session', async () => {
    await pythonWrites({ _permanent: true, n: 1 });
    const open = await engine.open(ID, { permanent: true });
    await open.live.update((data) => void (data.n = 2));
    expect(open.cookieAction).toBe('set');
  });

  it('refuses Map and Set, which Python does not have', async () => {
    const open = await engine.open();
    open.live.tags = new Set(['a']);
    await expect(open.commit()).rejects.toThrow(/tags/);
  });
});

describe("keys of Python's own that are named as ours are natively", () => {
  const texts = ['"_created":{" d":"2024-02-29T12:00:01.123456"}', '"_seen":"yesterday"', '"_created":5000000000'];

  beforeEach(() => start({ absoluteTimeout: '1h' }));

  it.each(texts)('%s comes through a write of ours, and a regenerate', async (text) => {
    await store.inner.set(KEY, `{"_permanent":true,${text},"user":"ada"}`, 60);
    const open = await engine.open(ID, { permanent: true });
    open.live.n = 1;
    await open.commit();
    expect(await store.inner.get(KEY)).toMatch(`{"_permanent":true,${text},"user":"ada",`);
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await store.inner.get(`session:${open.id}`)).toMatch(`{"_permanent":true,${text},"user":"ada",`);
  });

  it('can be read, assigned and updated', async () => {
    await pythonWrites({ _permanent: true, _created: 'long ago', user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    expect(open.live._created).toBe('long ago');
    open.live._seen = [1];
    await open.live.update((data) => void (data._created = 'today'));
    expect(await engine.seen(ID)).toEqual({ _created: 'today', _seen: [1], user: 'ada' });
  });

  it('leave us one name, which cannot be assigned', async () => {
    const { live } = await engine.open();
    for (const name of ['_nest_session_created', '_addr', '_permanent']) {
      expect(() => Object.assign(live, { [name]: 1 })).toThrow(`'${name}'`);
    }
    const native = await new TestEngine(store).open();
    expect(() => Object.assign(native.live, { _nest_session_created: 1 })).not.toThrow();
  });
});

describe('the text of what is not changed', () => {
  /** As Python's programs write: floats, microseconds, no time zone, numbers for keys, blanks. */
  const MEMBERS = [
    '"_permanent":true',
    '"_addr": "203.0.113.7"',
    '"10":1.0',
    '"2":{"10": [1.50, 1e2], "2": -0}',
    '"at":{" d":"2024-02-29T12:00:01.123456"}',
    '"n\\u00e4me" : "\\u00C4da \\/"',
    '"nan":NaN',
    '"big":123456789012345678901234567890',
    '"cart":[{" t":["book",1.0]}]',
  ];
  const TEXT = `{${MEMBERS.join(', ')}}`;
  const withOne = (member: string): string => `{${[...MEMBERS, member].join(',')}}`;
  const stored = (id = ID): Promise<string | undefined> => store.inner.get(`session:${id}`);

  beforeEach(() => store.inner.set(KEY, TEXT, 60));

  it('stays when another key is added', async () => {
    const open = await engine.open(ID);
    open.live.user = 'ada';
    await open.commit();
    expect(await stored()).toBe(withOne('"user":"ada"'));
  });

  it('stays when a key is changed, which keeps its place, and when one is removed', async () => {
    const open = await engine.open(ID);
    (open.live.cart as unknown[]).push(2);
    delete open.live.big;
    open.live.at = 'never';
    await open.commit();
    const changed = MEMBERS.toSpliced(7, 2, '"cart":[{" t":["book",1]},2]').toSpliced(4, 1, '"at":"never"');
    expect(await stored()).toBe(`{${changed.join(',')}}`);
  });

  it('stays in an update', async () => {
    const open = await engine.open(ID);
    await open.live.update((data) => void (data['10'] = Number(data['10']) + 1));
    expect(await stored()).toBe(`{${MEMBERS.toSpliced(2, 1, '"10":2').join(',')}}`);
  });

  it('goes along to a new id', async () => {
    const open = await engine.open(ID);
    await open.live.regenerate({ keep: true });
    open.live.user = 'ada';
    await open.commit();
    expect(await stored(open.id)).toBe(withOne('"user":"ada"'));
    const other = await engine.open(open.id);
    await other.live.regenerate({ keep: ['10', 'at'] });
    await other.commit();
    expect(await stored(other.id)).toBe(`{${[0, 1, 2, 4].map((index) => MEMBERS[index]).join(',')}}`);
  });

  it('is that which another program has written in between', async () => {
    const open = await engine.open(ID);
    await store.inner.set(KEY, '{"10":2.0,"at":{" d":"2024-02-29T12:00:01.654321"}}', 60);
    open.live.user = 'ada';
    await open.commit();
    expect(await stored()).toBe('{"10":2.0,"at":{" d":"2024-02-29T12:00:01.654321"},"user":"ada"}');
  });

  it('stays beside a key that looks like a tag', async () => {
    await store.inner.set(KEY, '{"10":1.0}', 60);
    const open = await engine.open(ID);
    open.live[' t'] = [1];
    await open.commit();
    expect(await stored()).toBe('{"10":1.0," t":[1]}');
    const other = await engine.open(ID);
    delete other.live['10'];
    await other.commit();
    expect(await stored()).toBe('{" di":{" t__":[1]}}');
    const third = await engine.open(ID);
    third.live.n = 1;
    await third.commit();
    expect(await engine.seen(ID)).toEqual({ ' t': [1], n: 1 });
  });

  it('is no hindrance to the path of what cannot be stored', async () => {
    const open = await engine.open(ID);
    open.live.deep = { er: new Map() };
    await expect(open.commit()).rejects.toMatchObject({ valuePath: ['deep', 'er'] });
    expect(await stored()).toBe(TEXT);
  });

  it('is nothing to a text with a key twice, of which the last counts, nor to a serializer of the own', async () => {
    await store.inner.set(KEY, '{"a":1.0,"b":1.0,"a":2.0}', 60);
    const open = await engine.open(ID);
    open.live.n = 1;
    await open.commit();
    expect(await stored()).toBe('{"a":2,"b":1,"n":1}');
    start({ serializer: new EncryptingSerializer(new TaggedJsonSerializer({ dialect: 'quart' })) });
    const id = await engine.stored({ n: 1 });
    const other = await engine.open(id);
    other.live.m = 2;
    await other.commit();
    expect(await engine.seen(id)).toEqual({ n: 1, m: 2 });
  });

  it('stays whatever it is, when one key changes', async () => {
    const join = (members: readonly PythonMember[]): string => members.map(({ text }) => text).join(',');
    await fc.assert(
      fc.asyncProperty(pythonMembers, fc.nat(), async (members, at) => {
        const index = at % members.length;
        await store.inner.set(KEY, `{ ${join(members)} }`, 60);
        const open = await engine.open(ID);
        open.live[members[index]!.key] = 'changed';
        await open.commit();
        const changed = { ...members[index]!, text: `${members[index]!.plainKey}:"changed"` };
        expect(await stored()).toBe(`{${join(members.with(index, changed))}}`);
      }),
    );
  });
});

describe('without tombstones', () => {
  it.each(['destroy', 'regenerate'] as const)('%s leaves nothing behind', async (ending) => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    await open.live[ending]();
    expect(await record()).toBeNull();
  });

  it('regenerate keeps what another request writes in the moment before', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const open = await engine.open(ID, { permanent: true });
    const gate = store.pause('replace', KEY);
    const regenerating = open.live.regenerate({ keep: true });
    await gate.reached;
    await pythonWrites({ _permanent: true, user: 'ada', cart: [1] });
    gate.open();
    await regenerating;
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada', cart: [1] });
    expect(await record()).toBeNull();
  });

  it('of two that regenerate one session, the second is told', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const [one, two] = [await engine.open(ID), await engine.open(ID)];
    const outcomes = await Promise.allSettled([one.live.regenerate(), two.live.regenerate()]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('a slow write does not bring a session back', async () => {
    await pythonWrites({ _permanent: true, user: 'ada' });
    const slow = await engine.open(ID, { permanent: true });
    await (await engine.open(ID)).live.destroy();
    slow.live.late = true;
    await slow.commit();
    expect([await record(), slow.cookieAction]).toEqual([null, 'none']);
  });
});

describe('each part alone', () => {
  it('tombstones, dialect, keys and renewal can be chosen for the native format too', async () => {
    store = new SpyStore();
    engine = new TestEngine(store, { hashIds: false, tombstones: false, rolling: 'write' });
    const open = await engine.open();
    open.live.n = 1n;
    await open.commit();
    const key = `session:${open.id}`;
    expect(await store.inner.get(key)).toBe('{"n":{" n":"1"}}');
    await open.live.destroy();
    expect(await store.inner.get(key)).toBeUndefined();
  });

  it('and for the other, the native parts', async () => {
    start({ hashIds: true, tombstones: true });
    const open = await engine.open();
    open.live.n = 1;
    await open.commit();
    const key = engine.records.keyOf(open.id);
    expect(key).not.toContain(open.id);
    await open.live.destroy();
    expect(await store.inner.get(key)).toContain('tombstone');
  });
});
