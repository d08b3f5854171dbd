import { describe, expect, it } from 'vitest';

import { KeyedQueue, type ClientConnection } from '../../../lib/engine/keyed-queue.js';
import { SerialQueue } from '../../../lib/engine/serial-queue.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

/** A promise that is settled from outside. */
function gate(): { readonly passed: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

/** Runs a task as one that enters the queue and leaves it. */
async function runOn<R>(queue: KeyedQueue, key: string, task: () => Promise<R>, client?: ClientConnection): Promise<R> {
  await queue.enter(key, client);
  try {
    return await task();
  } finally {
    queue.leave(key);
  }
}

describe('turns', () => {
  it('run one after another, in order', async () => {
    const turns = new SerialQueue();
    const first = gate();
    const seen: string[] = [];
    const one = turns.run(() => first.passed.then(() => void seen.push('one')));
    const two = turns.run(async () => void seen.push('two'));
    expect(turns.isBusy).toBe(true);
    first.open();
    await Promise.all([one, two]);
    expect(seen).toEqual(['one', 'two']);
    expect(turns.isBusy).toBe(false);
  });

  it('go on after one that failed, whose error its caller gets', async () => {
    const turns = new SerialQueue();
    const first = gate();
    const one = turns.run(() => first.passed);
    const two = turns.run(async () => 'two');
    first.fail(new Error('one'));
    await expect(one).rejects.toThrow('one');
    expect(await two).toBe('two');
  });
});

describe('turns by key', () => {
  it('wait on the same key, and not on another', async () => {
    const turns = new KeyedQueue();
    const first = gate();
    const seen: string[] = [];
    const one = runOn(turns, 'a', () => first.passed.then(() => void seen.push('a1')));
    const two = runOn(turns, 'a', async () => void seen.push('a2'));
    await runOn(turns, 'b', async () => void seen.push('b'));
    expect(seen).toEqual(['b']);
    first.open();
    await Promise.all([one, two]);
    expect(seen).toEqual(['b', 'a1', 'a2']);
  });

  it('are not overtaken by one that comes as the turn is handed over', async () => {
    const turns = new KeyedQueue();
    const second = gate();
    const seen: string[] = [];
    const one = runOn(turns, 'a', async () => void seen.push('one'));
    const two = runOn(turns, 'a', () => second.passed.then(() => void seen.push('two')));
    const three = one.then(() => runOn(turns, 'a', async () => void seen.push('three')));
    await one;
    second.open();
    await Promise.all([two, three]);
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  it('go ahead in growing numbers when one hangs', async () => {
    const turns = new KeyedQueue();
    const hanging = Array.from({ length: 20 }, () => gate());
    const tasks = hanging.map(({ passed }) => runOn(turns, 'a', () => passed));
    let inside = 0;
    const last = runOn(turns, 'a', async () => void (inside = 1));
    await last;
    expect(inside).toBe(1);
    for (const { open } of hanging) open();
    await Promise.all(tasks);
    expect(turns.enter('a')).toBeUndefined();
  });

  it('do not wait for ever behind one that hangs', async () => {
    const turns = new KeyedQueue();
    const first = gate();
    const one = runOn(turns, 'a', () => first.passed);
    expect(await runOn(turns, 'a', async () => 'went ahead')).toBe('went ahead');
    first.open();
    await one;
    expect(turns.enter('a')).toBeUndefined();
  });
});

describe('the queue of one key', () => {
  /** The client's end of a connection, as Node's response shows it. */
  class FakeClient {
    destroyed = false;
    writableFinished = false;

    leave(): void {
      this.destroyed = true;
    }

    /** Node destroys a response that was sent as a whole, too. */
    isServed(): void {
      this.destroyed = true;
      this.writableFinished = true;
    }
  }

  const NEVER = 1_000_000;

  it('has a bound, beyond which tasks are refused with 409', async () => {
    const turns = new KeyedQueue(NEVER);
    const first = gate();
    const one = runOn(turns, 'key', () => first.passed);
    const waiting = Array.from({ length: 1000 }, () => runOn(turns, 'key', async () => 'done'));
    await expect(runOn(turns, 'key', async () => 'never')).rejects.toMatchObject({ statusCode: 409 });
    expect(await runOn(turns, 'another key', async () => 'free')).toBe('free');
    first.open();
    await one;
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
    expect(turns.enter('key')).toBeUndefined();
  });

  it('is left by tasks whose clients have left, and not by one whose client was served', async () => {
    const turns = new KeyedQueue(NEVER);
    const first = gate();
    const seen: string[] = [];
    const clients = Array.from({ length: 4 }, () => new FakeClient());
    const one = runOn(turns, 'key', () => first.passed);
    const tasks = clients.map((client, index) =>
      runOn(turns, 'key', async () => void seen.push(`task ${index}`), client),
    );
    clients[0]?.leave();
    clients[1]?.isServed();
    clients[3]?.leave();
    first.open();
    const left = { statusCode: 409, message: expect.stringContaining('has left') as string };
    await expect(tasks[0]).rejects.toMatchObject(left);
    await expect(tasks[3]).rejects.toMatchObject(left);
    await Promise.all([one, tasks[1], tasks[2]]);
    expect(seen).toEqual(['task 1', 'task 2']);
    expect(turns.enter('key')).toBeUndefined();
  });

  it('makes room for others where it is full of tasks whose clients have left', async () => {
    const turns = new KeyedQueue(NEVER);
    const first = gate();
    const one = runOn(turns, 'key', () => first.passed);
    const gone = new FakeClient();
    const waiting = Array.from({ length: 1000 }, () => runOn(turns, 'key', async () => 'never', gone));
    gone.leave();
    const next = runOn(turns, 'key', async () => 'done');
    const outcomes = await Promise.allSettled(waiting);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    first.open();
    expect([await one, await next]).toEqual([undefined, 'done']);
  });

  it('is what saves of one session wait in, each with the client of its request', async () => {
    const store = new SpyStore();
    const engine = new TestEngine(store, {}, new KeyedQueue(NEVER));
    const id = await engine.stored({ n: 0 });
    const client = new FakeClient();
    const [one, other] = [await engine.open(id), await engine.open(id, { client })];
    const pause = store.pause('replace', engine.records.keyOf(id));
    one.live.one = 1;
    const saving = one.commit();
    await pause.reached;
    other.live.other = 1;
    const waiting = other.commit();
    client.leave();
    pause.open();
    await expect(waiting).rejects.toMatchObject({ code: 'SESSION_CONFLICT' });
    await saving;
    expect(await engine.seen(id)).toEqual({ n: 0, one: 1 });
  });
});
