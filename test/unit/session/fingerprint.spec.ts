import { isDeepStrictEqual } from 'node:util';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Markup } from '../../../lib/serializers/values/markup.js';
import { TaggedJsonSerializer } from '../../../lib/serializers/tagged-json/tagged-json.serializer.js';
import { Tuple } from '../../../lib/serializers/values/tuple.js';
import { Uuid } from '../../../lib/serializers/values/uuid.js';
import { V8Serializer } from '../../../lib/serializers/v8.serializer.js';
import { fingerprint } from '../../../lib/session/fingerprint.js';
import { nativeValue } from '../../fixtures/session-values.js';

class Point {
  constructor(
    readonly x: unknown,
    readonly y: unknown,
  ) {}
}

class Money {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  toJSON(): unknown {
    return { cents: this.#cents };
  }
}

const bytes = (...items: number[]): ArrayBuffer => Uint8Array.from(items).buffer;
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

/** An array in which nothing is. */
function holes(length: number): unknown[] {
  return Object.assign([], { length });
}

function shared(): unknown {
  const one = { a: 1 };
  return { one, two: one };
}

function cycle(length: number): unknown {
  const first: Record<string, unknown> = {};
  let last = first;
  for (let index = 1; index < length; index++) last = last['next'] = {} as Record<string, unknown>;
  last['next'] = first;
  return first;
}

function error(message: string, options?: ErrorOptions, more: object = {}): Error {
  // The stack belongs to what is stored.
  return Object.assign(new Error(message, options), { stack: 'here', ...more });
}

/** Values of which every one differs from every other, to one serializer at least. Made anew by each call. */
const unlike = (): unknown[] => [
  undefined,
  null,
  true,
  false,
  'true',
  'null',
  '1',
  1,
  1n,
  -1,
  0,
  -0,
  1.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  2n ** 53n,
  '',
  'é',
  '\ud800',
  '\\ud800',
  '"',
  {},
  { a: undefined },
  { a: null },
  { a: 1 },
  { a: '1' },
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  { 'a:1,b': 2 },
  { a: { b: 1 } },
  { a: {}, b: 1 },
  { a: [1] },
  { toJSON: 1 },
  JSON.parse('{"__proto__":1}'),
  [],
  [undefined],
  [null],
  holes(1),
  holes(2),
  holes(4_294_967_295),
  Object.assign(holes(2), { 1: 1 }),
  [1],
  [1, 2],
  [[1], 2],
  [[1, 2]],
  ['1,2'],
  Object.assign([1], { length: 2 }),
  Object.assign([1, 2], { total: 3 }),
  Object.assign(holes(2), { 0: 1, total: 2 }),
  Tuple.of(),
  Tuple.of(1),
  Tuple.of(1, 2),
  new Date(0),
  new Date(1),
  new Date(NaN),
  Object.assign(new Date(0), { zone: 'UTC' }),
  new Uuid('b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8'),
  new Uuid('b8ebbf02-cc7a-4b0b-824f-22a984c8c0b9'),
  new Markup('a'),
  new Markup('b'),
  Buffer.from([1, 2]),
  Buffer.from([1, 3]),
  new Uint8Array(bytes(1, 2)),
  new Uint8Array(bytes(0, 1, 2, 3), 1, 2).slice(0, 1),
  new Int8Array(bytes(1, 2)),
  new Uint16Array(bytes(1, 2)),
  new DataView(bytes(1, 2)),
  bytes(1, 2),
  bytes(),
  new Map(),
  new Map([[1, 2]]),
  new Map([['1', 2]]),
  new Map([[1, [2]]]),
  new Map([[[1], 2]]),
  new Map([
    [1, 2],
    [3, 4],
  ]),
  new Map([
    [3, 4],
    [1, 2],
  ]),
  new Map([[{ a: 1 }, new Map([[1, { a: 1 }]])]]),
  new Map([[{ a: 1 }, new Map([[1, { a: 2 }]])]]),
  new Set(),
  new Set([1]),
  new Set([1, 2]),
  new Set([2, 1]),
  new Set([[1, 2]]),
  /a/,
  /b/,
  /a/g,
  error('a'),
  error('b'),
  Object.assign(new TypeError('a'), { stack: 'here' }),
  error('a', { cause: 1 }),
  error('a', { cause: 2 }),
  error('a', {}, { code: 'E' }),
  error('a', {}, { stack: 'there' }),
  Object('a'),
  Object('b'),
  Object(1),
  Object(-0),
  Object(0),
  Object(1n),
  Object(true),
  new Money(1),
  new Money(2),
  shared(),
  structuredClone({ one: { a: 1 }, two: { a: 1 } }),
  cycle(1),
  cycle(2),
  cycle(3),
  Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'x' }),
  Object.defineProperty({ a: 2 }, 'toJSON', { value: () => 'x' }),
  Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'y' }),
  nested(500),
];

describe('the fingerprint of a value', () => {
  it('is one for the same value, made twice', () => {
    for (const [index, value] of unlike().entries()) {
      expect(fingerprint(value)).toBeTypeOf('string');
      expect(fingerprint(value)).toBe(fingerprint(unlike()[index]));
    }
  });

  it('differs for all values that any serializer tells from each other', () => {
    const byText = new Map<string | undefined, unknown>();
    for (const value of unlike()) {
      expect({ value, twin: byText.get(fingerprint(value)) }).toEqual({ value, twin: undefined });
      byText.set(fingerprint(value), value);
    }
  });

  it('differs deep in a value just as at its top', () => {
    const texts = unlike()
      // What has more than 500 levels then has no fingerprint.
      .slice(0, -1)
      .map((value) => fingerprint({ list: [1, new Map([['key', { value }]])] }));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it.each([
    ['a function', () => undefined],
    ['a symbol', Symbol('x')],
    ['an object that holds a function', { a: [() => undefined] }],
    ['an array that has a method', Object.assign([1], { fn: () => undefined })],
    ['a boxed symbol', Object(Symbol('x'))],
    ['an instance that shows nothing of itself', new WeakMap()],
    ['an instance that may hold more than it shows', new Point(1, 2)],
    ['a promise', Promise.resolve(1)],
    ['a getter that throws', Object.defineProperty({}, 'a', { enumerable: true, get: () => JSON.parse('{') })],
    ['a toJSON that throws', { toJSON: () => JSON.parse('{') }],
    ['a proxy that throws', new Proxy({}, { ownKeys: () => JSON.parse('{') })],
    ['501 levels', nested(501)],
    ['100,000 levels', nested(100_000)],
    [
      'endless levels',
      new (class Endless {
        toJSON = () => ({ more: new Endless() });
      })(),
    ],
  ])('is missing for %s', (_what, value) => {
    expect(fingerprint(value)).toBeUndefined();
    expect(fingerprint({ date: new Date(0), value })).toBeUndefined();
  });

  it('is there for a plain object with a toJSON among its methods, and for one that does not show its own', () => {
    const at = { year: 1928, toJSON: () => '1928', next: () => undefined };
    expect(fingerprint({ at })).toBe(fingerprint({ at: { ...at } }));
    expect(fingerprint(new URL('https://example.org/a'))).not.toBe(fingerprint(new URL('https://example.org/b')));
  });

  it.each([
    ['tagged JSON', new TaggedJsonSerializer()],
    ['node:v8', new V8Serializer()],
  ])('is the same after a value was stored as %s, and that of no other value', (_name, serializer) => {
    // In what was read, no object is held twice.
    const read = new TaggedJsonSerializer();
    const unshared = nativeValue.map((value) => read.parse(read.stringify(value)));
    const stored = (value: unknown): unknown => serializer.parse(serializer.stringify(value));
    fc.assert(
      fc.property(unshared.filter(canStore), unshared.filter(canStore), (one, other) => {
        const [back, otherBack] = [stored(one), stored(other)];
        expect(fingerprint(back)).toBe(fingerprint(one));
        if (fingerprint(one) === fingerprint(other)) expect(isDeepStrictEqual(back, otherBack)).toBe(true);
      }),
    );

    function canStore(value: unknown): boolean {
      try {
        serializer.stringify(value);
        return true;
      } catch {
        return false;
      }
    }
  });
});
