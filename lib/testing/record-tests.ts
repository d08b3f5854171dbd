import assert from 'node:assert/strict';

import { isTextVersionedStore, type SessionStore } from '../stores/session-store.js';
import type { StoreTests } from './session-store-setup.js';

/** The verbs that the engine uses, one call after the other. */
export const recordTests: StoreTests = {
  'read finds nothing under a key that was never set': async ({ store }, key) => {
    assert.equal(await store.read(key), undefined);
  },

  'read finds the record that any verb has written': async ({ store }, key) => {
    await store.set(key, 'set', 60);
    assert.equal((await store.read(key))?.value, 'set');
    await replaceNow(store, key, 'replaced');
    assert.equal((await store.read(key))?.value, 'replaced');
    assert.equal(await store.get(key), 'replaced');
  },

  'create stores under a new key': async ({ store }, key) => {
    assert.equal(await store.create(key, 'value', 60), true);
    assert.equal(await store.get(key), 'value');
  },

  'create never overwrites': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    assert.equal(await store.create(key, 'second', 60), false);
    assert.equal(await store.get(key), 'first');
    await store.set(key, 'set', 60);
    assert.equal(await store.create(key, 'third', 60), false);
    assert.equal(await store.get(key), 'set');
  },

  'create stores under a key that was deleted': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    await store.delete(key);
    assert.equal(await store.create(key, 'second', 60), true);
    assert.equal(await store.get(key), 'second');
  },

  'replace stores over the version that was read': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    assert.equal(await store.replace(key, 'second', 60, version), 'replaced');
    assert.equal(await store.get(key), 'second');
  },

  'replace with the same text is a replace': async ({ store }, key) => {
    await store.create(key, 'same', 60);
    const { version } = await readNow(store, key);
    assert.equal(await store.replace(key, 'same', 60, version), 'replaced');
    assert.equal(await store.get(key), 'same');
  },

  'replace goes on from version to version': async ({ store }, key) => {
    await store.create(key, '0', 60);
    for (let count = 1; count <= 5; count++) assert.equal(await replaceNow(store, key, String(count)), 'replaced');
    assert.equal(await store.get(key), '5');
  },

  'replace never creates': async ({ store }, key) => {
    await store.create(key, 'value', 60);
    const { version } = await readNow(store, key);
    await store.delete(key);
    assert.equal(await store.replace(key, 'late', 60, version), 'missing');
    assert.equal(await store.get(key), undefined);
    assert.equal(await store.create(key, 'new', 60), true);
  },

  'replace is a conflict after another replace, and changes nothing': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    await replaceNow(store, key, 'theirs');
    assert.equal(await store.replace(key, 'ours', 60, version), 'conflict');
    assert.equal(await store.get(key), 'theirs');
  },

  'replace is a conflict after a set, such as that of another program': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    await store.set(key, 'theirs', 60);
    assert.equal(await store.replace(key, 'ours', 60, version), 'conflict');
    assert.equal(await store.get(key), 'theirs');
  },

  'a record that another client wrote is a conflict, even with the same text': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    await store.set(key, 'same', 60);
    assert.equal(await store.replace(key, 'same', 60, version), 'conflict');
    assert.equal(await store.create(key, 'same', 60), false);
  },

  // With another text: a store whose versions are the texts themselves cannot tell the same text apart, and need not.
  'replace is a conflict when the record was deleted and created again': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    await store.delete(key);
    await store.create(key, 'again', 60);
    assert.equal(await store.replace(key, 'late', 60, version), 'conflict');
    assert.equal(await store.get(key), 'again');
  },

  'replace succeeds after a conflict, with the version that was read again': async ({ store }, key) => {
    await store.create(key, 'first', 60);
    const { version } = await readNow(store, key);
    await store.set(key, 'theirs', 60);
    assert.equal(await store.replace(key, 'ours', 60, version), 'conflict');
    assert.equal(await replaceNow(store, key, 'ours'), 'replaced');
    assert.equal(await store.get(key), 'ours');
  },

  'versionOf, where the store has it, is the version of what was just stored': async ({ store }, key) => {
    if (!isTextVersionedStore(store)) return;
    await store.create(key, 'first', 60);
    assert.equal(await store.replace(key, 'second', 60, store.versionOf('first')), 'replaced');
    assert.equal(await store.replace(key, 'late', 60, store.versionOf('first')), 'conflict');
    assert.equal(await store.replace(key, 'third', 60, store.versionOf('second')), 'replaced');
    assert.equal(await store.get(key), 'third');
  },

  'an empty text is a record too': async ({ store }, key) => {
    assert.equal(await store.create(key, '', 60), true);
    assert.equal(await store.create(key, 'other', 60), false);
    assert.equal((await store.read(key))?.value, '');
    assert.equal(await replaceNow(store, key, 'filled'), 'replaced');
    assert.equal(await replaceNow(store, key, ''), 'replaced');
    assert.equal(await store.get(key), '');
    assert.equal(await store.delete(key), true);
  },
};

async function readNow(store: SessionStore, key: string): Promise<{ version: unknown }> {
  const stored = await store.read(key);
  assert.ok(stored, 'read found nothing under a key that was stored');
  return stored;
}

async function replaceNow(store: SessionStore, key: string, value: string): Promise<string> {
  const { version } = await readNow(store, key);
  return store.replace(key, value, 60, version);
}
