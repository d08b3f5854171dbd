import { describe, expect, it } from 'vitest';

import { MemoryStore, SessionConfigurationError, type SessionStore } from '../../../lib/index.js';
import { checkStore } from '../../../lib/options/option-shapes.js';

describe('checkStore', () => {
  it('gives a whole store back', () => {
    const store = new MemoryStore();
    expect(checkStore(store)).toBe(store);
  });

  it.each<[object | null, string]>([
    [{}, 'get, set, delete, read, create, replace'],
    [null, 'get, set, delete, read, create, replace'],
    [new Map(), 'read, create, replace'],
  ])('refuses %j, with the verbs that are missing', (store, missing) => {
    expect(() => checkStore(store as SessionStore)).toThrow(
      new SessionConfigurationError(`The given store has no ${missing}: implement SessionStore whole.`),
    );
  });
});
