import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { SessionStore } from '../stores/session-store.js';
import type { StoreTests } from './session-store-setup.js';

const DAY = 24 * 60 * 60;
/** Milliseconds; back-ends count in whole seconds, and some check expiry only now and then. */
const LATEST = 10_000;

/** How records expire. */
export const expiryTests: StoreTests = {
  'a record expires, whichever verb set its lifetime, and is then missing to every verb': async ({ store }, key) => {
    const keys = ['set', 'create', 'replace'].map((verb) => `${key}:${verb}`) as [string, string, string];
    await store.set(keys[0], 'value', 1);
    await store.create(keys[1], 'value', 1);
    await store.create(keys[2], 'value', 60);
    const stored = await store.read(keys[2]);
    assert.equal(await store.replace(keys[2], 'changed', 1, stored?.version), 'replaced');
    for (const each of keys) {
      await untilGone(store, each);
      assert.equal(await store.read(each), undefined);
      assert.equal(await store.replace(each, 'late', 60, stored?.version), 'missing');
      assert.equal(await store.delete(each), false);
      assert.equal(await store.create(each, 'again', 60), true);
      assert.equal(await store.get(each), 'again');
    }
  },

  'a write replaces the lifetime of the write before': async ({ store }, key) => {
    await store.create(`${key}:replace`, 'value', 2);
    await store.set(`${key}:set`, 'value', 2);
    await store.set(`${key}:stay`, 'value', 2);
    const stored = await store.read(`${key}:replace`);
    assert.equal(await store.replace(`${key}:replace`, 'value', 60, stored?.version), 'replaced');
    await store.set(`${key}:set`, 'value', 60);
    await store.set(`${key}:stay`, 'value');
    await untilEarlierHaveExpired(store, key);
    for (const verb of ['replace', 'set', 'stay']) assert.equal(await store.get(`${key}:${verb}`), 'value', verb);
  },

  'a failed create, a conflict and a read renew nothing': async ({ store }, key) => {
    await store.create(key, 'old', 60);
    const old = await store.read(key);
    await store.set(key, 'value', 2);
    assert.equal(await store.create(key, 'other', 60), false);
    assert.equal(await store.replace(key, 'other', 60, old?.version), 'conflict');
    assert.equal(await store.get(key), 'value');
    await untilGone(store, key);
  },

  'a value that was set without a lifetime stays': async ({ store }, key) => {
    await store.set(key, 'value');
    await untilEarlierHaveExpired(store, key);
    assert.equal(await store.get(key), 'value');
  },

  'a lifetime may be longer than a month': async ({ store }, key) => {
    for (const days of [30, 31, 400]) {
      const at = `${key}:${days}`;
      await store.set(`${at}:set`, 'value', days * DAY);
      await store.create(`${at}:create`, 'value', days * DAY);
      await store.create(`${at}:replace`, 'before', 60);
      const stored = await store.read(`${at}:replace`);
      assert.equal(await store.replace(`${at}:replace`, 'value', days * DAY, stored?.version), 'replaced');
    }
    // A back-end that takes so many seconds for a point in time drops the record when it next checks expiry.
    await untilEarlierHaveExpired(store, key);
    for (const days of [30, 31, 400]) {
      for (const verb of ['set', 'create', 'replace']) {
        assert.equal(await store.get(`${key}:${days}:${verb}`), 'value', `${verb}, ${days} days`);
      }
    }
  },
};

async function untilGone(store: SessionStore, key: string): Promise<void> {
  for (const end = Date.now() + LATEST; Date.now() < end; await delay(25)) {
    if ((await store.get(key)) === undefined) return;
  }
  assert.fail(`a record was still there after ${LATEST} ms`);
}

/** Waits until all records that expire within 2 seconds are gone, by the back-end's own clock. */
async function untilEarlierHaveExpired(store: SessionStore, key: string): Promise<void> {
  await store.set(`${key}:clock`, 'ticks', 2);
  await untilGone(store, `${key}:clock`);
}
