import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TaggedJsonSerializer, V8Serializer } from '../../lib/index.js';
import { backEnds, openBackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import { EncryptingSerializer } from '../fixtures/encrypting-serializer.js';
import { TestEngine } from '../fixtures/engine.js';
import { SpyStore } from '../fixtures/spy-store.js';

describe.each([
  ['tagged JSON', new TaggedJsonSerializer()],
  ['node:v8', new V8Serializer()],
])('records of %s, encrypted with a nonce', (_name, inner) => {
  describe.each(backEnds)('on %s', (name) => {
    let backEnd: OpenBackEnd;
    let store: SpyStore;
    let engine: TestEngine;

    beforeAll(async () => {
      backEnd = await openBackEnd(name);
      store = new SpyStore(backEnd.store);
      engine = new TestEngine(store, { serializer: new EncryptingSerializer(inner) });
    });

    afterAll(() => backEnd?.close());

    it('are not written by a request that only reads what lies deep in them', async () => {
      const open = await engine.open(await engine.stored({ cart: { items: [{ title: 'Orlando', at: new Date(1) }] } }));
      store.calls.splice(0);
      expect(open.live.cart).toEqual({ items: [{ title: 'Orlando', at: new Date(1) }] });
      await open.commit();
      await open.commit();
      expect(store.calls).toEqual([]);
    });

    it('are written when something deep in them changes', async () => {
      const id = await engine.stored({ cart: { items: [{ title: 'Orlando' }] }, user: 'ada' });
      const open = await engine.open(id);
      (open.live.cart as { items: { title: string }[] }).items[0]!.title = 'Flush';
      await open.commit();
      expect(await engine.seen(id)).toEqual({ cart: { items: [{ title: 'Flush' }] }, user: 'ada' });
    });

    it('leave what nobody changed the same object after an update', async () => {
      const open = await engine.open(await engine.stored({ cart: { items: [] }, n: 1 }));
      const { cart } = open.live;
      await open.live.update((data) => void (data.n = 2));
      expect([open.live.cart === cart, open.live.n]).toEqual([true, 2]);
    });
  });
});
