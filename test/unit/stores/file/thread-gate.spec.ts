import { describe, expect, it } from 'vitest';

import { BackEndCommands } from '../../../../lib/stores/back-end-commands.js';
import { ThreadGate } from '../../../../lib/stores/file/thread-gate.js';

const BACK_END = { name: 'The disk', check: 'it answers', isRefusal: () => false };

/** A gate all of whose threads hang, until they are let go. */
function hungGate(): { gate: ThreadGate; letGo: () => void } {
  const gate = new ThreadGate(new BackEndCommands(BACK_END));
  const held: (() => void)[] = [];
  for (let isFree = true; isFree;) {
    isFree = false;
    const call = (done: (error: null) => void): void => {
      isFree = true;
      held.push(() => done(null));
    };
    gate.pass(call).catch(() => {});
  }
  return { gate, letGo: () => held.forEach((end) => end()) };
}

describe('A call to a file system that hangs', () => {
  it('fails at once where ten thousand wait before it', async () => {
    const { gate, letGo } = hungGate();
    const call = (done: (error: null) => void): void => void setImmediate(done, null);
    // One waits already.
    const calls = Array.from({ length: 9999 }, () => gate.pass(call));
    await expect(gate.pass(call)).rejects.toThrow('TooManyCalls');
    letGo();
    await Promise.all(calls);
  });

  it('is not made, and takes no place, once it was given up', async () => {
    const { gate, letGo } = hungGate();
    let made = 0;
    const call = (done: (error: null) => void): void => {
      made++;
      done(null);
    };
    const late = await Promise.allSettled(Array.from({ length: 10_000 }, () => gate.pass(call)));
    expect(new Set(late.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const inTime = gate.pass(call);
    letGo();
    await inTime;
    expect(made).toBe(1);
  });
});
