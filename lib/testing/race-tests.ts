import assert from 'node:assert/strict';

import type { SessionStore } from '../stores/session-store.js';
import type { StoreTests } from './session-store-setup.js';

const RIVALS = 40;

/** Parallel calls. */
export const raceTests: StoreTests = {
  'one of many parallel creates of a key succeeds': async ({ store }, key) => {
    const created = await all((rival) => store.create(key, `rival ${rival}`, 60));
    const winners = created.flatMap((won, rival) => (won ? [rival] : []));
    assert.equal(winners.length, 1, `${winners.length} of ${RIVALS} have created the key`);
    assert.equal(await store.get(key), `rival ${winners[0]}`);
  },

  'one of many parallel replaces of a version succeeds': async ({ store }, key) => {
    await store.create(key, 'start', 60);
    for (let round = 0; round < 5; round++) {
      const stored = await store.read(key);
      const outcomes = await all((rival) => store.replace(key, `${round}, rival ${rival}`, 60, stored?.version));
      const winners = outcomes.flatMap((outcome, rival) => (outcome === 'replaced' ? [rival] : []));
      assert.equal(winners.length, 1, `${winners.length} of ${RIVALS} have replaced one version`);
      assert.equal(outcomes.filter((outcome) => outcome === 'conflict').length, RIVALS - 1);
      assert.equal(await store.get(key), `${round}, rival ${winners[0]}`);
    }
  },

  // Two clients that read 1 both write 2: a store must not take the other client's 2 for its own.
  'many clients that read and replace until they succeed lose no update': async ({ store }, key) => {
    await store.create(key, '0', 60);
    await all(() => increment(store, key));
    assert.equal(await store.get(key), String(RIVALS));
  },

  'a delete among replaces is final': async ({ store }, key) => {
    await all(async (rival) => {
      const at = `${key}:${rival}`;
      await store.create(at, 'value', 60);
      const stored = await store.read(at);
      const replace = (): Promise<unknown> => store.replace(at, 'late', 60, stored?.version);
      // In every second pair the delete is sent first.
      await Promise.all(rival % 2 ? [store.delete(at), replace()] : [replace(), store.delete(at)]);
      assert.equal(await store.get(at), undefined, 'a replace has brought back what was deleted');
    });
  },

  'one of many parallel deletes of a key is true': async ({ store }, key) => {
    await store.set(key, 'value', 60);
    const deleted = await all(() => store.delete(key));
    assert.equal(deleted.filter(Boolean).length, 1);
  },
};

function all<Result>(act: (rival: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: RIVALS }, (_, rival) => act(rival)));
}

async function increment(store: SessionStore, key: string): Promise<void> {
  for (let attempt = 0; attempt < 20 * RIVALS; attempt++) {
    const stored = await store.read(key);
    assert.ok(stored);
    const outcome = await store.replace(key, String(Number(stored.value) + 1), 60, stored.version);
    if (outcome === 'replaced') return;
    assert.equal(outcome, 'conflict');
  }
  assert.fail('one of many replaces never succeeded');
}
