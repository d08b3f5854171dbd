import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KeyIndex } from '../../../lib/stores/key-index.js';

describe('KeyIndex', () => {
  it('finds, counts and forgets as a Map does, whatever the keys', () => {
    const key = fc.oneof(fc.string({ maxLength: 4, unit: 'binary' }), fc.constantFrom('', 'a', '__proto__'));
    const step = fc.record({ key, isSet: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const index = new KeyIndex<number>();
        const model = new Map<string, number>();
        for (const [number, now] of steps.entries()) {
          if (now.isSet) {
            index.set(now.key, number);
            model.set(now.key, number);
          } else {
            index.delete(now.key);
            model.delete(now.key);
          }
          expect(index.size).toBe(model.size);
          expect(index.get(now.key)).toBe(model.get(now.key));
        }
        for (const { key: each } of steps) expect(index.get(each)).toBe(model.get(each));
      }),
    );
  });
});
