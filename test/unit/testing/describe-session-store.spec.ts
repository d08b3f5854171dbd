import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import type { SessionStore } from '../../../lib/stores/session-store.js';
import {
  describeSessionStore,
  type SessionStoreSetup,
  type TestRunner,
} from '../../../lib/testing/describe-session-store.js';

/** Runs the suite on a store and gives the names of the tests that failed. */
async function failuresOf(setup: SessionStoreSetup): Promise<string[]> {
  const before: (() => Promise<void>)[] = [];
  const tests: [string, () => Promise<void>][] = [];
  const after: (() => Promise<void>)[] = [];
  const runner: TestRunner = {
    describe: (_name, body) => body(),
    it: (name, body) => tests.push([name, body]),
    beforeAll: (body) => before.push(body),
    afterAll: (body) => after.push(body),
  };
  describeSessionStore('a store', async () => setup, runner);
  const failed: string[] = [];
  for (const body of before) await body();
  for (const [name, body] of tests) await body().catch(() => failed.push(name));
  for (const body of after) await body();
  return failed;
}

/** A store that keeps every promise but what `fault` changes. */
function faulty(fault: (sound: MemoryStore) => Partial<SessionStore>): SessionStore {
  const sound = new MemoryStore();
  const methods = ['get', 'set', 'delete', 'read', 'create', 'replace'] as const;
  const whole = Object.fromEntries(methods.map((name) => [name, (sound[name] as () => unknown).bind(sound)]));
  return { ...whole, ...fault(sound) } as unknown as SessionStore;
}

const faults: Record<string, SessionStore> = {
  'replace creates': faulty((sound) => ({
    replace: async (key, value, ttl) => {
      await sound.set(key, value, ttl);
      return 'replaced';
    },
  })),
  'replace does not compare': faulty((sound) => ({
    replace: async (key, value, ttl) => {
      if ((await sound.get(key)) === undefined) return 'missing';
      await sound.set(key, value, ttl);
      return 'replaced';
    },
  })),
  'replace compares and writes in two steps': faulty((sound) => ({
    replace: async (key, value, ttl, version) => {
      const stored = await sound.read(key);
      if (!stored) return 'missing';
      if (stored.version !== version) return 'conflict';
      await sound.set(key, value, ttl);
      return 'replaced';
    },
  })),
  'replace takes the same text for its own': faulty((sound) => ({
    replace: async (key, value, ttl, version) => {
      const outcome = await sound.replace(key, value, ttl, version);
      return outcome === 'conflict' && (await sound.get(key)) === value ? 'replaced' : outcome;
    },
  })),
  'create overwrites': faulty((sound) => ({
    create: async (key, value, ttl) => {
      await sound.set(key, value, ttl);
      return true;
    },
  })),
  'create looks and writes in two steps': faulty((sound) => ({
    create: async (key, value, ttl) => {
      if ((await sound.get(key)) !== undefined) return false;
      await sound.set(key, value, ttl);
      return true;
    },
  })),
  'delete does not tell': faulty((sound) => ({ delete: async (key) => (await sound.delete(key), true) })),
  'an empty text is taken for none': faulty((sound) => ({ get: async (key) => (await sound.get(key)) || undefined })),
  'texts are cut at a NUL': faulty((sound) => ({
    set: async (key, value, ttl) => sound.set(key, value.split('\0')[0] ?? '', ttl),
  })),
  'set keeps an earlier lifetime': faulty((sound) => ({
    set: async (key, value, ttl) => {
      const stored = await sound.read(key);
      if (!stored) return sound.set(key, value, ttl);
      await sound.replace(key, value, 2, stored.version);
    },
  })),
  'a long lifetime wraps': faulty((sound) => ({
    create: async (key, value, ttl) => sound.create(key, value, ttl > 30 * 86_400 ? 1 : ttl),
  })),
};

// Each run waits until records have expired: all at once.
describe.concurrent('describeSessionStore', () => {
  it('finds nothing wrong with a sound store', async () => {
    expect(await failuresOf({ store: faulty(() => ({})) })).toEqual([]);
  });

  it.each(Object.entries(faults))('finds out when %s', async (_fault, store) => {
    expect(await failuresOf({ store })).not.toEqual([]);
  });

  it('finds out when other programs see something else', async () => {
    const store = new MemoryStore();
    const readElsewhere = async (key: string): Promise<string> => JSON.stringify(await store.get(key));
    expect(await failuresOf({ store, readElsewhere })).toContain('texts come back exactly, by every verb');
  });

  it('finds out when a text that is too large is taken', async () => {
    const failed = await failuresOf({ store: new MemoryStore(), maxValueBytes: 1000 });
    expect(failed).toEqual([expect.stringContaining('too large')]);
  });

  it('says what to pass where no test functions are global', () => {
    expect(() => describeSessionStore('a store', async () => ({ store: new MemoryStore() }))).toThrow(/third argument/);
  });
});
