import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryStore, MEMORY_STORE_MAX } from '../../lib/stores/memory.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { runProgram } from '../fixtures/child-program.js';

describeSessionStore('MemoryStore: every promise', async () => ({ store: new MemoryStore() }), {
  describe,
  it,
  beforeAll,
  afterAll,
});

describe('MemoryStore', () => {
  it('keeps no more records than its bound, and lets go of the one unused for longest', async () => {
    const store = new MemoryStore({ max: 2 });
    await store.set('a', 'a');
    await store.set('b', 'b');
    await store.get('a');
    await store.set('c', 'c');
    expect(await Promise.all(['a', 'b', 'c'].map((key) => store.get(key)))).toEqual(['a', undefined, 'c']);
  });

  it('is bounded by default', async () => {
    const store = new MemoryStore();
    for (let count = 0; count <= MEMORY_STORE_MAX; count++) await store.set(`${count}`, 'value');
    expect(await store.get('0')).toBeUndefined();
    expect(await store.get('1')).toBe('value');
  });

  it('gives a record that came to the same text a new version', async () => {
    const store = new MemoryStore();
    await store.create('key', 'a', 60);
    const stored = await store.read('key');
    await store.set('key', 'b', 60);
    await store.set('key', 'a', 60);
    expect(await store.replace('key', 'c', 60, stored?.version)).toBe('conflict');
  });

  it('shares nothing with another one', async () => {
    const [one, other] = [new MemoryStore(), new MemoryStore()];
    await one.set('key', 'value');
    expect(await other.get('key')).toBeUndefined();
  });

  it.each([0, -1, 1.5, Infinity, NaN, '10' as unknown as number])('refuses a bound of %s', (max) => {
    expect(() => new MemoryStore({ max })).toThrow(/whole number of at least 1/);
  });

  it.each([0, -1, 1.5, Infinity, NaN])('refuses a lifetime of %s', async (ttl) => {
    const refused = { code: 'SESSION_CONFIGURATION' };
    await expect(new MemoryStore().set('key', 'value', ttl)).rejects.toMatchObject(refused);
    await expect(new MemoryStore().create('key', 'value', ttl)).rejects.toMatchObject(refused);
  });

  it('does not keep the process alive', async () => {
    const program = `
      import { MemoryStore } from '~/lib/stores/memory.store.ts';
      const store = new MemoryStore();
      await store.set('key', 'value', 3600);
      console.log(await store.get('key'));
    `;
    expect(await runProgram(program, { drivers: 'missing' })).toMatchObject({ code: 0, stdout: 'value\n' });
  });
});
