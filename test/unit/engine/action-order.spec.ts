import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { Gate } from '../../fixtures/gate.js';

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
});
