import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { Gate } from '../../fixtures/gate.js';
import { SpyStore } from '../../fixtures/spy-store.js';

let engine: TestEngine;
let gate: Gate;

const slow = async (data: Record<string, unknown>): Promise<void> => {
  await gate.stop();
  data.n = 1;
};
const failing = (): never => {
  throw new Error('The function has thrown.');
};
const settled = (promise: Promise<unknown> | undefined): Promise<unknown> => Promise.resolve(promise).catch(String);

beforeEach(() => {
  engine = new TestEngine(new MemoryStore());
  gate = new Gate();
});

describe('what is assigned after the call of regenerate or destroy', () => {
  it('is in the next session, and never in the record from before, when a save waits before the call', async () => {
    const store = new MemoryStore();
    const written: string[] = [];
    const replace = store.replace.bind(store);
    store.replace = (key, value, ttl, version) => (written.push(value), replace(key, value, ttl, version));
    engine = new TestEngine(store);
    const open = await engine.open(await engine.stored({ n: 0 }));
    const calls = [open.live.update(slow), open.live.save(), open.live.regenerate()].map(settled);
    open.live.user = 'ada';
    await gate.reached;
    gate.open();
    await Promise.all(calls);
    expect(written.join()).not.toContain('ada');
    await open.commit();
    expect([{ ...open.live }, await engine.seen(open.id)]).toEqual([{ user: 'ada' }, { user: 'ada' }]);
  });

  it('is in the next session when an update of a new session waits before the call', async () => {
    const open = await engine.open();
    const calls = [open.live.update(slow), open.live.destroy()].map(settled);
    open.live.user = 'ada';
    await gate.reached;
    gate.open();
    await Promise.all(calls);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
  });

  it.each(['regenerate', 'destroy'] as const)('is in the session after the last of two calls (%s)', async (second) => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    const calls = [open.live.regenerate(), open.live[second]()].map(settled);
    open.live.user = 'ada';
    await Promise.all(calls);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
  });

  it.each(['with a callback', 'with a promise'])(
    'is in the session after it: regenerate %s, update, destroy',
    async (form) => {
      const open = await engine.open(await engine.stored({ n: 0 }));
      Object.assign(open.live, { a: 1, b: 2, c: 3 });
      const { live } = open;
      const regenerated =
        form === 'with a callback'
          ? new Promise<void>((resolve) => live.regenerate(() => resolve()))
          : live.regenerate();
      const calls = [live.update(slow), live.destroy()].map(settled);
      await regenerated;
      await gate.reached;
      open.live.user = 'ada';
      gate.open();
      await Promise.all(calls);
      await open.commit();
      expect({ ...open.live }).toEqual({ user: 'ada' });
    },
  );

  it('is left out of a new session that is stored before', async () => {
    const open = await engine.open();
    open.live.cart = [1];
    const calls = [open.live.update(slow), open.live.save(), open.live.regenerate({ keep: true })].map(settled);
    open.live.user = 'ada';
    await gate.reached;
    gate.open();
    await Promise.all(calls);
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ cart: [1], n: 1, user: 'ada' });
  });
});

describe('an assignment of the value that is there already', () => {
  it.each(['regenerate', 'destroy'] as const)('belongs to the next session after the call of %s', async (method) => {
    const open = await engine.open(await engine.stored({ user: 'ada', old: 1 }));
    void open.live[method]();
    open.live.user = 'ada';
    await open.commit();
    expect([open.cookieAction, await engine.seen(open.id)]).toEqual(['set', { user: 'ada' }]);
  });

  it('is kept after the call of reload, which reads another one', async () => {
    const id = await engine.stored({ n: 0 });
    const open = await engine.open(id);
    await (await engine.open(id)).live.update((data) => void (data.n = 5));
    void open.live.reload();
    open.live.n = 0;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ n: 0 });
  });

  it('is kept after the call of update, which sets another one', async () => {
    const id = await engine.stored({ n: 0 });
    const open = await engine.open(id);
    void open.live.update((data) => void (data.n = 5));
    open.live.n = 0;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ n: 0 });
  });

  it('deletes what a regenerate brings from another request', async () => {
    const id = await engine.stored({ a: 1 });
    const open = await engine.open(id);
    await (await engine.open(id)).live.update((data) => void (data.admin = true));
    void open.live.regenerate({ keep: true });
    delete open.live.admin;
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ a: 1 });
  });
});

describe('what is assigned after the call of an update', () => {
  it('is neither seen nor saved by it', async () => {
    const store = new MemoryStore();
    const written: string[] = [];
    const replace = store.replace.bind(store);
    store.replace = (key, value, ttl, version) => (written.push(value), replace(key, value, ttl, version));
    engine = new TestEngine(store);
    const open = await engine.open(await engine.stored({ user: 'guest' }));
    open.live.user = 'someone';
    let seen: unknown;
    void open.live.update((data) => void (seen = data.user));
    void open.live.regenerate();
    open.live.user = 'ada';
    await open.commit();
    expect([seen, written.join().includes('ada')]).toEqual(['someone', false]);
    expect(await engine.seen(open.id)).toEqual({ user: 'ada' });
  });

  it.each(['save', 'commit'] as const)('is not overwritten by it when a %s waits before it', async (how) => {
    const id = await engine.stored({ theme: 'light' });
    const open = await engine.open(id);
    void open.live.update(() => gate.stop());
    const saving = how === 'save' ? open.live.save() : open.commit();
    void open.live.update((data) => void (data.theme = 'dark'));
    open.live.theme = 'blue';
    await gate.reached;
    gate.open();
    await saving;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ theme: 'blue' });
  });
});

describe('the keys that a regenerate keeps', () => {
  it('are those of the call, though the caller changes the list afterwards', async () => {
    const open = await engine.open(await engine.stored({ a: 1, secret: 2 }));
    const keep = ['a'];
    void open.live.regenerate({ keep });
    keep.push('secret');
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ a: 1 });
  });
});

describe('a destroy or regenerate that fails and that the application does not wait for', () => {
  it('is reported although a reload comes after it, and nothing is saved under the old id', async () => {
    const store = new SpyStore();
    engine = new TestEngine(store);
    const id = await engine.stored({ a: 1 });
    const open = await engine.open(id);
    store.failing.add('replace');
    void open.live.regenerate();
    await open.live.reload();
    store.failing.clear();
    open.live.user = 'ada';
    await expect(open.live.save()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    expect(await engine.seen(id)).toEqual({ a: 1 });
  });

  it('is reported although a destroy succeeds after it', async () => {
    const store = new SpyStore();
    engine = new TestEngine(store);
    const open = await engine.open(await engine.stored({ a: 1 }));
    store.failing.add('replace');
    void open.live.regenerate();
    void open.live.destroy();
    await expect(open.commit()).rejects.toMatchObject({ code: 'SESSION_STORE' });
  });

  it('is reported when an update refused it, although a regenerate succeeds after it', async () => {
    const open = await engine.open(await engine.stored({ a: 1 }));
    void open.live.update((data) => {
      void open.live.destroy();
      data.n = 1;
    });
    void open.live.regenerate({ keep: true });
    await expect(open.commit()).rejects.toThrow('session.destroy() was called');
  });
});

describe('a logout or login that is tried again after the store failed', () => {
  it.each([
    ['destroy', 'delete'],
    ['destroy', 'read'],
    ['regenerate', 'delete'],
    ['regenerate', 'read'],
  ] as const)('ends the sessions behind further cookies too (%s, %s)', async (method, verb) => {
    const store = new SpyStore();
    engine = new TestEngine(store);
    const [first, second] = [await engine.stored({ user: 'ada' }), await engine.stored({ user: 'grace' })];
    const open = await engine.open(first, { cookies: [first, second] });
    store.failing.add(verb);
    await expect(open.live[method]()).rejects.toMatchObject({ code: 'SESSION_STORE' });
    store.failing.clear();
    await open.live[method]();
    expect([await engine.seen(first), await engine.seen(second)]).toEqual([undefined, undefined]);
  });
});

describe('an update of a new session that cannot be stored', () => {
  it('rejects, as one that resolves is counted', async () => {
    const open = await engine.open(undefined, { cookieObstacle: 'no-response' });
    await expect(open.live.update((data) => void (data.n = 1))).rejects.toMatchObject({
      code: 'SESSION_CONFIGURATION',
    });
    expect({ ...open.live }).toEqual({});
  });
});

describe('a commit', () => {
  it('waits for an update that was called while it waited for another one', async () => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    let isDone = false;
    void open.live.update(slow).then(() => {
      void open.live.update(async () => {
        await new Promise(setImmediate);
        isDone = true;
      });
    });
    const committing = open.commit();
    await gate.reached;
    gate.open();
    await committing;
    expect(isDone).toBe(true);
  });
});

describe('two commits', () => {
  it('that wait for one update, as those of the interceptor and the response hook, both end', async () => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    void open.live.update(slow);
    const committing = Promise.all([open.commit(), open.commit()]);
    await gate.reached;
    gate.open();
    await committing;
    expect(await engine.seen(open.id)).toEqual({ n: 1 });
  });
});

describe('the failure of an update that the application does not wait for', () => {
  it.each([
    ['without await', (save: (done?: () => void) => unknown) => void save()],
    ['with a callback that ignores it', (save: (done?: () => void) => unknown) => void save(() => undefined)],
  ])('is reported by the commit, although a save came first (%s)', async (_how, call) => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    void open.live.update(failing);
    open.live.n = 2;
    call((done) => (done === undefined ? open.live.save() : open.live.save(done)));
    await expect(open.commit()).rejects.toThrow('The function has thrown.');
  });

  it('does not keep what was changed beside it from being saved', async () => {
    const open = await engine.open(await engine.stored({ n: 0 }));
    void open.live.update(failing);
    open.live.theme = 'dark';
    await open.live.save();
    expect(await engine.seen(open.id)).toEqual({ n: 0, theme: 'dark' });
  });
});

describe('a call in the function of an update that the application does not wait for', () => {
  it.each(['save', 'reload', 'regenerate', 'destroy'] as const)(
    'ends no process, and the commit reports it (%s)',
    async (method) => {
      const open = await engine.open(await engine.stored({ n: 0 }));
      await open.live.update((data) => {
        void open.live[method]();
        data.n = 1;
      });
      await expect(open.commit()).rejects.toThrow(`session.${method}() was called`);
    },
  );
});

describe('the function of an update', () => {
  afterEach(() => void vi.useRealTimers());

  it('is warned of when it runs for more than ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const open = await engine.open(await engine.stored({ n: 0 }));
    const updating = open.live.update(slow);
    await gate.reached;
    vi.advanceTimersByTime(9_999);
    expect(engine.warnings).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(engine.warnings.join()).toContain('runs for more than 10 seconds');
    gate.open();
    await updating;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may not call the session from what an inner update of another session has started', async () => {
    const open = await engine.open(await engine.stored({ a: 1 }));
    const inner = await engine.open(await engine.stored({ b: 1 }));
    let late: Promise<void> | undefined;
    const updating = open.live.update(async () => {
      await inner.live.update(() => {
        late = gate.stop().then(() => open.live.save());
      });
      gate.open();
      await late;
    });
    await expect(updating).rejects.toThrow('session.save() was called');
  });

  it('leaves no session behind in what it has started, such as the sockets of a pool', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let timer: NodeJS.Timeout | undefined;
    const request = async (): Promise<WeakRef<object>> => {
      const open = await engine.open();
      await open.live.update((data) => {
        data.n = 1;
        timer = setInterval(() => undefined, 60_000);
      });
      await open.commit();
      return new WeakRef(open);
    };
    const left = await request();
    for (let round = 0; round < 5; round++) {
      await new Promise(setImmediate);
      collect();
    }
    clearInterval(timer);
    expect(left.deref()).toBeUndefined();
  });

  it('leaves no failure behind that the application has waited for', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const open = await engine.open(await engine.stored({ n: 0 }));
    const failures: WeakRef<object>[] = [];
    for (let count = 0; count < 20; count++) {
      await open.live.update(failing).catch((error: Error) => failures.push(new WeakRef(error)));
    }
    for (let round = 0; round < 5; round++) {
      await new Promise(setImmediate);
      collect();
    }
    expect(failures.filter((failure) => failure.deref() !== undefined).length).toBeLessThan(5);
    expect(open.isNew).toBe(false);
  });
});
