import { describe, expect, it } from 'vitest';

import { KeyedTurns } from '../../lib/engine/keyed-turns.js';
import { Turns } from '../../lib/engine/turns.js';

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

describe('turns', () => {
  it('run one after another, in order', async () => {
    const turns = new Turns();
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
    const turns = new Turns();
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
    const turns = new KeyedTurns();
    const first = gate();
    const seen: string[] = [];
    const one = turns.run('a', () => first.passed.then(() => void seen.push('a1')));
    const two = turns.run('a', async () => void seen.push('a2'));
    await turns.run('b', async () => void seen.push('b'));
    expect(seen).toEqual(['b']);
    first.open();
    await Promise.all([one, two]);
    expect(seen).toEqual(['b', 'a1', 'a2']);
  });

  it('are not overtaken by one that comes as the turn is handed over', async () => {
    const turns = new KeyedTurns();
    const second = gate();
    const seen: string[] = [];
    const one = turns.run('a', async () => void seen.push('one'));
    const two = turns.run('a', () => second.passed.then(() => void seen.push('two')));
    const three = one.then(() => turns.run('a', async () => void seen.push('three')));
    await one;
    second.open();
    await Promise.all([two, three]);
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  it('go ahead in growing numbers when one hangs', async () => {
    const turns = new KeyedTurns();
    const hanging = Array.from({ length: 20 }, () => gate());
    const tasks = hanging.map(({ passed }) => turns.run('a', () => passed));
    let inside = 0;
    const last = turns.run('a', async () => void (inside = 1));
    await last;
    expect(inside).toBe(1);
    for (const { open } of hanging) open();
    await Promise.all(tasks);
    expect(turns.isBusy('a')).toBe(false);
  });

  it('do not wait for ever behind one that hangs', async () => {
    const turns = new KeyedTurns();
    const first = gate();
    const one = turns.run('a', () => first.passed);
    expect(await turns.run('a', async () => 'went ahead')).toBe('went ahead');
    first.open();
    await one;
    expect(turns.isBusy('a')).toBe(false);
  });
});
