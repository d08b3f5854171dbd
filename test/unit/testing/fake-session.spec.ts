import type { ExecutionContext } from '@nestjs/common';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';

import {
  MemoryStore,
  SessionConfigurationError,
  SessionDestroyedError,
  SessionGuard,
  SessionSerializationError,
  SessionTooLargeError,
  V8Serializer,
  type LiveSession,
  type RegenerateOptions,
  type Session,
  type SessionService,
} from '../../../lib/index.js';
import { fakeSession } from '../../../lib/testing/fake-session.js';
import { TestEngine } from '../../fixtures/engine.js';

interface Cart {
  user: { name: string };
  items: string[];
  likes: number;
  at: Date;
  anything: unknown;
}

/** A session as a request opens it, from a record that an earlier one has stored. */
async function realSession(data: Partial<Cart> = {}): Promise<LiveSession<Cart>> {
  const engine = new TestEngine(new MemoryStore());
  const id = Object.keys(data).length === 0 ? undefined : await engine.stored(data);
  return (await engine.open(id)).live as object as LiveSession<Cart>;
}

const sessions: readonly [string, (data?: Partial<Cart>) => LiveSession<Cart> | Promise<LiveSession<Cart>>][] = [
  ['a session of a request', realSession],
  ['a session of fakeSession', (data) => fakeSession<Cart>(data)],
];

// One list for both, so that the stand-in cannot drift from what it stands for.
describe.each(sessions)('%s', (_name, open) => {
  it('shows its data as own properties, and nothing else', async () => {
    const session = await open({ items: ['teapot'], likes: 1 });
    expect(Object.keys(session)).toEqual(['items', 'likes']);
    expect({ ...session }).toEqual({ items: ['teapot'], likes: 1 });
    expect(JSON.stringify(session)).toBe('{"items":["teapot"],"likes":1}');
    expect(session).toEqual({ items: ['teapot'], likes: 1 });
    const keys: string[] = [];
    for (const key in session) keys.push(key);
    expect(keys).toEqual(['items', 'likes']);
  });

  it('is stored if it has data, and new otherwise', async () => {
    expect((await open({ likes: 1 })).isNew).toBe(false);
    const session = await open();
    expect([session.isNew, { ...session }]).toEqual([true, {}]);
    session.likes = 1;
    expect(session.isNew).toBe(true);
    await session.save();
    expect(session.isNew).toBe(false);
  });

  it('keeps its id until it is regenerated or destroyed', async () => {
    const session = await open({ likes: 1 });
    const { id } = session;
    expect(id).toMatch(/^[\w-]{32}$/);
    await session.save();
    expect(session.id).toBe(id);
    await session.regenerate();
    const second = session.id;
    expect(second).not.toBe(id);
    session.likes = 2;
    await session.destroy();
    expect(session.id).not.toBe(second);
  });

  it.each<[string, RegenerateOptions<Cart>, object]>([
    ['nothing', {}, {}],
    ['all', { keep: true }, { items: ['teapot'], likes: 1 }],
    ['the keys of a list', { keep: ['items'] }, { items: ['teapot'] }],
  ])('keeps %s when it is regenerated', async (_what, options, kept) => {
    const session = await open({ items: ['teapot'], likes: 1 });
    await session.regenerate(options);
    expect({ ...session }).toEqual(kept);
    expect(session.isNew).toBe(true);
  });

  it('refuses a keep that is neither a boolean nor a list', async () => {
    const session = await open({ likes: 1 });
    await expect(session.regenerate({ keep: 'likes' as never })).rejects.toThrow(TypeError);
  });

  it('is empty once it is destroyed, and new data begin another one', async () => {
    const session = await open({ likes: 1 });
    await session.destroy();
    expect([{ ...session }, session.isNew]).toEqual([{}, true]);
    session.likes = 2;
    await session.save();
    expect([{ ...session }, session.isNew]).toEqual([{ likes: 2 }, false]);
  });

  it('runs the function of an update on a draft, and gives its result', async () => {
    const session = await open({ likes: 1, items: ['teapot'] });
    const result = await session.update((data) => {
      data.items?.push('cup');
      return (data.likes = (data.likes ?? 0) + 1);
    });
    expect([result, { ...session }]).toEqual([2, { likes: 2, items: ['teapot', 'cup'] }]);
    await session.reload();
    expect({ ...session }).toEqual({ likes: 2, items: ['teapot', 'cup'] });
  });

  it('stores a new session by an update', async () => {
    const session = await open();
    await session.update((data) => (data.likes = 1));
    expect([session.isNew, session.likes]).toEqual([false, 1]);
  });

  it('changes nothing when the function of an update throws', async () => {
    const session = await open({ likes: 1 });
    const failing = session.update((data) => {
      data.likes = 2;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(session.likes).toBe(1);
  });

  it('refuses a call of its own inside the function of an update', async () => {
    const session = await open({ likes: 1 });
    await expect(session.update(() => session.save())).rejects.toThrow(SessionConfigurationError);
  });

  it('goes back to what was saved last when it is reloaded', async () => {
    const session = await open({ items: ['teapot'], likes: 1 });
    session.likes = 2;
    await session.save();
    session.likes = 3;
    session.items?.push('cup');
    await session.reload();
    expect({ ...session }).toEqual({ items: ['teapot'], likes: 2 });
  });

  it('cannot be reloaded when nothing is stored', async () => {
    const session = await open();
    await expect(session.reload()).rejects.toThrow(SessionDestroyedError);
    const ended = await open({ likes: 1 });
    await ended.destroy();
    await expect(ended.reload()).rejects.toThrow(SessionDestroyedError);
  });

  it.each(['id', 'isNew', 'save', 'regenerate', 'touch', '_created', '_seen', '_addr', '_permanent'])(
    'refuses data under the name %s',
    async (name) => {
      const session: object = await open({ likes: 1 });
      expect(() => Object.assign(session, { [name]: 1 })).toThrow(
        new TypeError(`'${name}' is a reserved name of a session and cannot hold data: choose another key.`),
      );
    },
  );

  it.each([
    ['a function', () => 1],
    ['an instance of a class', new (class Entity {})()],
    ['a symbol', Symbol('s')],
    ['a promise', Promise.resolve()],
  ])('refuses to save %s', async (_what, value) => {
    const session = await open({ likes: 1 });
    session.anything = { deep: value };
    const error: unknown = await session.save().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SessionSerializationError);
    expect((error as SessionSerializationError).valuePath).toEqual(['anything', 'deep']);
  });

  it('refuses to save more than a record can hold', async () => {
    const session = await open();
    session.anything = 'x'.repeat(1_000_001);
    await expect(session.save()).rejects.toThrow(SessionTooLargeError);
  });

  it('gives a date back as a date', async () => {
    const at = new Date('2026-05-04T03:02:01.123Z');
    expect((await open({ at })).at).toEqual(at);
  });

  it('takes a Node callback, as Passport does', async () => {
    const session = await open({ likes: 1 });
    const { id } = session;
    await new Promise<void>((resolve, reject) => {
      session.save((error) => (error == null ? resolve() : reject(error)));
    });
    await new Promise<void>((resolve) => {
      session.regenerate(() => resolve());
    });
    expect(session.id).not.toBe(id);
  });

  it('can be touched', async () => {
    const session = await open({ likes: 1 });
    session.touch();
    await session.save();
    expect({ ...session }).toEqual({ likes: 1 });
  });

  it('aborts its signal with the reason when it ends, and has another one then', async () => {
    const session = await open({ likes: 1 });
    const { signal } = session;
    expect(signal.aborted).toBe(false);
    await session.destroy();
    expect(signal.reason).toMatchObject({ name: 'SessionEndedError', reason: 'destroyed' });
    session.likes = 1;
    await session.save();
    expect(session.signal.aborted).toBe(false);
  });

  it('is what SessionGuard calls established if it is stored with data', async () => {
    const stored = await open({ likes: 1 });
    const empty = await open();
    const context = { getType: () => 'http' } as unknown as ExecutionContext;
    const guard = (session: object): SessionGuard =>
      new SessionGuard({ open: async () => session } as unknown as SessionService);
    expect(await guard(stored).canActivate(context)).toBe(true);
    await expect(guard(empty).canActivate(context)).rejects.toThrow('Unauthorized');
  });

  it('has the members of a session, none of which shows', async () => {
    const session = await open({ likes: 1 });
    expect(membersOf(session)).toEqual(membersOf(await realSession({ likes: 1 })));
    expect(Object.keys(session)).toEqual(['likes']);
  });
});

function membersOf(session: object): string[] {
  return Object.getOwnPropertyNames(Object.getPrototypeOf(session)).toSorted();
}

describe('fakeSession', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
  });

  it('gives copies of the data, as a store would', () => {
    const items = ['teapot'];
    const session = fakeSession<Cart>({ items });
    session.items?.push('cup');
    expect([items, session.items]).toEqual([['teapot'], ['teapot', 'cup']]);
  });

  it('refuses data that cannot be stored, and data under a reserved name', () => {
    expect(() => fakeSession({ user: new (class User {})() })).toThrow(SessionSerializationError);
    expect(() => fakeSession({ save: 1 })).toThrow(TypeError);
    expect(() => fakeSession({ _seen: 1 })).toThrow(TypeError);
    expect(() => fakeSession({ text: 'x'.repeat(1_000_001) })).toThrow(SessionTooLargeError);
  });

  it('takes what the serializer of the application can store', async () => {
    const pattern = /teapots?/;
    const session = fakeSession({ pattern }, { serializer: new V8Serializer() });
    expect(session['pattern']).toEqual(pattern);
    session['other'] = /cups?/;
    await session.save();
  });

  it('shares nothing with another one', async () => {
    const [one, other] = [fakeSession<Cart>({ likes: 1 }), fakeSession<Cart>({ likes: 1 })];
    await one.update((data) => (data.likes = 2));
    await other.reload();
    expect([one.likes, other.likes, one.id === other.id]).toEqual([2, 1, false]);
  });

  it('needs no timer, so that it works under the fake ones of a test', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance', 'queueMicrotask'],
    });
    vi.setSystemTime('2001-02-03');
    const session = fakeSession<Cart>({ likes: 1 });
    await session.update((data) => (data.likes = 2));
    vi.setSystemTime('2001-02-04');
    await session.reload();
    await session.regenerate({ keep: true });
    await session.save();
    await session.destroy();
    expect({ ...session }).toEqual({});
  });

  it('does not run in production', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(() => fakeSession({ likes: 1 })).toThrow(SessionConfigurationError);
    expect(() => fakeSession({ likes: 1 })).toThrow(/fakeSession\(\) is for tests .* NODE_ENV=production/);
  });

  it('has the type of the session that it stands for', () => {
    expectTypeOf(fakeSession<Cart>({ likes: 1 })).toEqualTypeOf<Session<Cart>>();
    expectTypeOf(fakeSession()).toEqualTypeOf<Session>();
    const handler = (session: Session<Cart>): unknown => session.likes;
    handler(fakeSession({ likes: 1 }));
    // @ts-expect-error the handler's session has no such key
    handler(fakeSession({ likez: 1 }));
    // @ts-expect-error a number is no text
    fakeSession<Cart>({ likes: '1' });
  });
});
