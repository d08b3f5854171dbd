import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { DeadlineQueue, type Place } from '../../../lib/stores/deadline-queue.js';

const expired: string[] = [];

function command(name: string): { expire(): void } {
  return { expire: () => void expired.push(name) };
}

beforeEach(() => {
  expired.length = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => void vi.useRealTimers());

/** Lets milliseconds go by, and the timers of that time run. */
function pass(milliseconds: number): void {
  vi.advanceTimersByTime(milliseconds);
}

describe('DeadlineQueue', () => {
  it('expires each command at its own time, in the order in which they came', () => {
    const queue = new DeadlineQueue(1000);
    queue.enter(command('first'));
    pass(300);
    queue.enter(command('second'));
    queue.enter(command('third'));
    pass(699);
    expect(expired).toEqual([]);
    pass(2);
    expect(expired).toEqual(['first']);
    pass(298);
    expect(expired).toEqual(['first']);
    pass(3);
    expect(expired).toEqual(['first', 'second', 'third']);
  });

  it.each([
    ['the oldest', [0]],
    ['one in the middle', [1]],
    ['the newest', [2]],
    ['all but the oldest', [2, 1]],
    ['all', [1, 0, 2]],
  ])('leaves a command alone that has left: %s', (_name, leavers) => {
    const queue = new DeadlineQueue(1000);
    const names = ['a', 'b', 'c'];
    const places = names.map((name) => queue.enter(command(name)));
    for (const index of leavers) queue.leave(places[index]!);
    queue.enter(command('d'));
    pass(1100);
    expect(expired).toEqual([...names.filter((_text, index) => !leavers.includes(index)), 'd']);
  });

  it('sets one timer for any number of commands', () => {
    const queue = new DeadlineQueue(1000);
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    for (let count = 0; count < 100; count++) queue.leave(queue.enter(command('answered')));
    queue.enter(command('late'));
    expect(setTimer).toHaveBeenCalledTimes(1);
    pass(1001);
    expect(expired).toEqual(['late']);
  });

  it('looks for the answer once more before a command expires', () => {
    const queue = new DeadlineQueue(1000);
    const places: Place[] = [];
    // The process was busy: the timer is due, and the answer lies there unread.
    setTimeout(() => setImmediate(() => queue.leave(places[0]!)), 1000);
    places.push(queue.enter(command('answered')));
    pass(1001);
    expect(expired).toEqual([]);
  });

  it('takes a command while others expire, and gives it the full time', () => {
    const queue = new DeadlineQueue(1000);
    queue.enter({ expire: () => void queue.enter(command('next')) });
    pass(1001);
    pass(998);
    expect(expired).toEqual([]);
    pass(5);
    expect(expired).toEqual(['next']);
  });

  it('keeps the process alive only while a command waits', () => {
    const queue = new DeadlineQueue(1000);
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    const first = queue.enter(command('first'));
    const timer = setTimer.mock.results[0]!.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(true);
    queue.leave(first);
    expect(timer.hasRef()).toBe(false);
    const second = queue.enter(command('second'));
    expect(timer.hasRef()).toBe(true);
    queue.leave(second);
    pass(1001);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps no request by its timer', () => {
    const requests = new AsyncLocalStorage<string>();
    const queue = new DeadlineQueue(1000);
    const seen: unknown[] = [];
    vi.useRealTimers();
    const setTimer = vi.spyOn(globalThis, 'setTimeout').mockImplementation((() => {
      seen.push(requests.getStore());
      return { ref: () => {}, unref: () => {} };
    }) as never);
    requests.run('request', () => queue.enter(command('any')));
    setTimer.mockRestore();
    expect(seen).toEqual([undefined]);
  });

  it('tells when it is empty', async () => {
    const queue = new DeadlineQueue(1000);
    await queue.empty();
    const place = queue.enter(command('answered'));
    queue.enter(command('late'));
    const empty = queue.empty();
    queue.leave(place);
    pass(1001);
    await empty;
    expect(expired).toEqual(['late']);
  });
});
