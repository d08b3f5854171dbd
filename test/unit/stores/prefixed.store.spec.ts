import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../../lib/index.js';
import { otherPrefixed } from '../../../lib/stores/prefixed.store.js';
import { describeSessionStore } from '../../../lib/testing/describe-session-store.js';
import { storeRunner } from '../../fixtures/store-runner.js';

describe.each([
  ['of sessions', 'conformance:'],
  ['of the application', 'session:'],
])('A store under another prefix, for keys %s', (_whose, keyPrefix) => {
  describeSessionStore(
    'every promise',
    async () => ({ store: otherPrefixed(new MemoryStore(), { keyPrefix, otherPrefix: 'before:' }) }),
    storeRunner,
  );
});

describe('A store under another prefix', () => {
  it('changes the keys of sessions alone, by each method', async () => {
    const inner = new MemoryStore();
    const store = otherPrefixed(inner, { keyPrefix: 'session:', otherPrefix: '' });
    await store.create('session:a', 'one', 60);
    await store.set('session:b', 'two', 60);
    await store.set('value', 'three');
    await store.replace('session:a', 'four', 60, (await store.read('session:a'))?.version);
    expect([await inner.get('a'), await inner.get('b'), await inner.get('value')]).toEqual(['four', 'two', 'three']);
    expect(await store.get('session:a')).toBe('four');
    expect(await store.delete('session:b')).toBe(true);
    expect(await inner.get('b')).toBeUndefined();
  });
});
