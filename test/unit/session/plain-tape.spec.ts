import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isSameTape, plainTape, type PlainTape } from '../../../lib/session/plain-tape.js';

const tapeOf = (value: unknown): PlainTape => {
  const tape = plainTape(value);
  if (tape === undefined) throw new Error('The value is not plain.');
  return tape;
};

/** Small values with few distinct parts, so that many of them are alike. */
const { value: small } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>('', 'a', '1', 1, 0, null, true, false, -1.5),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '1', '__proto__', 'toString'), tie('value'), { maxKeys: 3 }),
  ),
}));
/** As a parser makes it: with a prototype, and nothing held twice. */
const parsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the tape of a plain value', () => {
  it('is the same exactly where the JSON text is the same', () => {
    const property = fc.property(small, small, (one, other) => {
      const [a, b] = [parsed(one), parsed(other)];
      expect(isSameTape(tapeOf(a), tapeOf(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      expect(isSameTape(tapeOf(a), tapeOf(parsed(a)))).toBe(true);
    });
    fc.assert(property, { numRuns: 3000, seed: 1 });
  });

  it('tells apart what a row without marks would not', () => {
    const values = [
      [],
      {},
      [[]],
      [[], []],
      [{}],
      { a: {} },
      { a: [] },
      { a: 'b' },
      ['a', 'b'],
      [1, 'a'],
      [[1], 'a'],
      [['a'], 1],
      { a: { b: 1 }, c: 2 },
      { a: { b: 1, c: 2 } },
      { b: 1, a: 2 },
      { a: 2, b: 1 },
      '1',
      1,
      true,
      'true',
      null,
      'null',
      [null],
      ['', 0],
      ['0'],
    ];
    for (const [index, one] of values.entries())
      for (const [position, other] of values.entries())
        expect([one, other, isSameTape(tapeOf(one), tapeOf(other))]).toEqual([one, other, index === position]);
  });

  it('shows a change deep inside', () => {
    const cart = { items: [{ sku: 'a', tags: ['x'] }] };
    const before = tapeOf(cart);
    expect(isSameTape(before, tapeOf(cart))).toBe(true);
    cart.items[0]?.tags.push('y');
    expect(isSameTape(before, tapeOf(cart))).toBe(false);
    cart.items[0]?.tags.pop();
    expect(isSameTape(before, tapeOf(cart))).toBe(true);
  });
});

describe('a value that is not plain', () => {
  const shared = { a: 1 };
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const deep = (levels: number): unknown => (levels === 0 ? [] : [deep(levels - 1)]);

  it.each([
    ['undefined', undefined],
    ['a member that is undefined', { a: undefined }],
    ['a hole', Array(1)],
    ['an array with named properties', Object.assign([1], { more: 1 })],
    ['-0', [-0]],
    ['NaN', { a: NaN }],
    ['an infinity', [Infinity]],
    ['a bigint', [1n]],
    ['a symbol', [Symbol('s')]],
    ['a function', { a: () => 1 }],
    ['a date', { at: new Date(0) }],
    ['a Map', new Map()],
    ['an object without a prototype', Object.create(null)],
    ['an instance of a class', new (class Cart {})()],
    ['an array of a class', new (class List extends Array {})()],
    ['a toJSON of its own', { toJSON: () => 1 }],
    ['an object that is held twice', [shared, shared]],
    ['a cycle', cycle],
    ['too many levels', deep(600)],
    [
      'a getter that throws',
      {
        get a(): never {
          throw new Error('of the application');
        },
      },
    ],
  ])('has no tape: %s', (_name, value) => {
    expect(plainTape(value)).toBeUndefined();
  });
});
