import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ExpiryQueue, type Expiring } from '../../../lib/stores/expiry-queue.js';

function expiring(expiresAt: number): Expiring {
  return { expiresAt, place: -1 };
}

describe('ExpiryQueue', () => {
  it('is empty at first, and after its items have left', () => {
    const queue = new ExpiryQueue();
    const item = expiring(1);
    expect(queue.first).toBeUndefined();
    queue.add(item);
    queue.remove(item);
    expect(queue.first).toBeUndefined();
    queue.remove(item);
    expect(item.place).toBe(-1);
  });

  it('always shows what expires first, whatever comes and leaves', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ removeOneOf: fc.nat() }),
      fc.constant('remove first' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new ExpiryQueue();
        const items: Expiring[] = [];
        for (const now of steps) {
          if (typeof now === 'object' && 'add' in now) {
            const item = expiring(now.add);
            items.push(item);
            queue.add(item);
          } else {
            const gone = now === 'remove first' ? queue.first : items[now.removeOneOf % items.length];
            if (gone === undefined) continue;
            items.splice(items.indexOf(gone), 1);
            queue.remove(gone);
            expect(gone.place).toBe(-1);
          }
          const soonest = items.length === 0 ? undefined : Math.min(...items.map(({ expiresAt }) => expiresAt));
          expect(queue.first?.expiresAt).toBe(soonest);
        }
      }),
    );
  });
});
