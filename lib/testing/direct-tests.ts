import assert from 'node:assert/strict';

import type { SessionStoreSetup, StoreTests } from './session-store-setup.js';

const LARGE = 500_000;

/** Texts that a back-end or its driver may misread. */
const TEXTS: Readonly<Record<string, string>> = {
  empty: '',
  json: '{"user":{"name":"Ada"},"items":[1,2.5,null,true]}',
  number: '42',
  'not a number': 'NaN',
  accents: 'Grüße, señor — ÀÉÎ',
  'four bytes': '🍕🇸🇪 𝒳 \u{10FFFF}',
  'two directions': 'שלום עולם \u200F',
  'line breaks': 'first\nsecond\r\nthird\rfourth\n\n',
  'a protocol': 'a\r\nEND\r\nVALUE x 0 1\r\ny\r\nEND\r\nSTORED\r\n',
  'a protocol alone': 'END',
  'back slashes': 'a\\nb\\\nc\\\\\r\nd\\',
  'control bytes': 'a\u0000b\u0001\u001f\u007f\ufeffc',
  quotes: `"'\`$& $$ %s {0}`,
  blanks: '  padded  ',
};

/** The verbs that the application uses. */
export const directTests: StoreTests = {
  'a key that was never set is undefined': async ({ store }, key) => {
    assert.equal(await store.get(key), undefined);
  },

  'set stores, and set again overwrites': async ({ store }, key) => {
    assert.equal(await store.set(key, 'first', 60), undefined);
    assert.equal(await store.get(key), 'first');
    await store.set(key, 'second', 60);
    assert.equal(await store.get(key), 'second');
    await store.set(key, 'third');
    assert.equal(await store.get(key), 'third');
  },

  'delete is true for a key that was there and false for one that was not': async ({ store }, key) => {
    assert.equal(await store.delete(key), false);
    await store.set(key, 'value', 60);
    assert.equal(await store.delete(key), true);
    assert.equal(await store.get(key), undefined);
    assert.equal(await store.delete(key), false);
  },

  'a deleted key can be set again': async ({ store }, key) => {
    await store.set(key, 'before', 60);
    await store.delete(key);
    await store.set(key, 'after', 60);
    assert.equal(await store.get(key), 'after');
  },

  'texts come back exactly, by every verb': async ({ store, readElsewhere }, key) => {
    for (const [name, text] of Object.entries(TEXTS)) {
      const at = `${key}:${name.replaceAll(' ', '-')}`;
      await store.set(`${at}:set`, text, 60);
      await store.create(`${at}:create`, text, 60);
      await store.create(`${at}:replace`, 'before', 60);
      const before = await store.read(`${at}:replace`);
      await store.replace(`${at}:replace`, text, 60, before?.version);
      for (const verb of ['set', 'create', 'replace']) {
        assert.equal(await store.get(`${at}:${verb}`), text, `${name}, written by ${verb}, read by get`);
        assert.equal((await store.read(`${at}:${verb}`))?.value, text, `${name}, written by ${verb}, read by read`);
        if (readElsewhere) assert.equal(await readElsewhere(`${at}:${verb}`), text, `${name}, read by another program`);
      }
    }
  },

  'a large text comes back exactly, and one that is too large is refused and changes nothing': async (given, key) => {
    const { store, maxValueBytes = Infinity } = given;
    const bytes = Math.min(LARGE, maxValueBytes);
    await roundTrip(given, key, 'x'.repeat(bytes));
    await roundTrip(given, key, '🍕'.repeat(Math.floor(bytes / 4)));
    if (maxValueBytes === Infinity) return;
    await roundTrip(given, key, 'y'.repeat(maxValueBytes));
    // In characters this would fit.
    const tooLarge = 'é'.repeat(Math.ceil((maxValueBytes + 1) / 2));
    const { version } = (await store.read(key)) ?? {};
    const refused = { code: 'SESSION_TOO_LARGE' };
    await assert.rejects(store.set(key, tooLarge, 60), refused);
    await assert.rejects(store.create(`${key}:new`, tooLarge, 60), refused);
    await assert.rejects(store.replace(key, tooLarge, 60, version), refused);
    assert.equal(await store.get(key), 'y'.repeat(maxValueBytes));
    assert.equal(await store.get(`${key}:new`), undefined);
  },

  'keys of unusual but legal characters do not touch each other': async ({ store }, key) => {
    const keys = [
      '',
      ':',
      '::',
      '.',
      '/',
      '*',
      '?',
      '[a]',
      '{a}',
      '%20',
      '$1',
      '"',
      "'",
      '\\',
      '#',
      '🔑',
      'é',
      'e\u0301',
      'A',
      'a',
    ];
    for (const end of keys) await store.set(key + end, `value of ${end}`, 60);
    for (const end of keys) assert.equal(await store.get(key + end), `value of ${end}`);
    assert.equal(await store.delete(`${key}*`), true);
    assert.equal(await store.get(`${key}::`), 'value of ::');
  },

  'parallel commands do not mix up their answers': async ({ store }, key) => {
    const keys = Array.from({ length: 200 }, (_, index) => `${key}:${index}`);
    await Promise.all(keys.map((each) => store.set(each, `value of ${each}`, 60)));
    const values = await Promise.all(keys.map((each) => store.get(each)));
    assert.deepEqual(
      values,
      keys.map((each) => `value of ${each}`),
    );
  },
};

async function roundTrip({ store, readElsewhere }: SessionStoreSetup, key: string, text: string): Promise<void> {
  await store.set(key, text, 60);
  // Not assert.equal: on a failure it would print both texts.
  assert.ok((await store.get(key)) === text, `a text of ${text.length} characters is not what was stored`);
  assert.ok((await store.read(key))?.value === text, `a text of ${text.length} characters is not what was stored`);
  if (readElsewhere) assert.ok((await readElsewhere(key)) === text, 'another program reads something else');
}
