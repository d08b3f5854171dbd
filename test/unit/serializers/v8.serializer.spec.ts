import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tuple } from '../../../lib/serializers/values/tuple.js';
import { Uuid } from '../../../lib/serializers/values/uuid.js';
import { V8Serializer } from '../../../lib/serializers/v8.serializer.js';
import { SessionSerializationError } from '../../../lib/session.errors.js';

const serializer = new V8Serializer();

function failure(value: unknown): SessionSerializationError {
  try {
    serializer.stringify(value);
  } catch (error) {
    expect(error).toBeInstanceOf(SessionSerializationError);
    return error as SessionSerializationError;
  }
  throw new Error('It should have thrown.');
}

const rich = {
  date: new Date(1.5e12),
  map: new Map<unknown, unknown>([[{ a: 1 }, new Set([-0, NaN, 'x'])]]),
  bytes: Buffer.from([0, 255]),
  floats: new Float64Array([1.5]),
  big: 10n ** 30n,
  pattern: /a+/gi,
  nothing: undefined,
  numbers: [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53, 1.5, NaN, Infinity],
  texts: ['', 'é', '☃', '\ud800', 'a'.repeat(300)],
};

describe('V8Serializer', () => {
  it('gives back what node:v8 can hold, in base64', () => {
    const text = serializer.stringify(rich);
    expect(text).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
    expect(serializer.parse(text)).toStrictEqual(rich);
    expect(deserialize(Buffer.from(text, 'base64'))).toStrictEqual(rich);
  });

  it('gives back any JSON value, with hostile keys too', () => {
    const values = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'toJSON', '0', ''), fc.jsonValue(), {
        noNullPrototype: true,
      }),
    );
    fc.assert(fc.property(values, (value) => expectSame(serializer.parse(serializer.stringify(value)), value)));
  });

  it('keeps shared objects shared, and cycles', () => {
    const shared = { a: 1 };
    const cycle: Record<string, unknown> = { one: shared, two: shared, list: [] };
    (cycle['list'] as unknown[]).push(cycle);
    const read = serializer.parse(serializer.stringify(cycle)) as { one: object; two: object; list: unknown[] };
    expect(read.one).toBe(read.two);
    expect(read.list[0]).toBe(read);
  });

  it('keeps what an array holds beside its items', () => {
    const match = /(?<year>\d+)/.exec('in 1928')!;
    expect(serializer.parse(serializer.stringify({ match }))).toEqual({ match });
    expect(failure({ match: Object.assign([1], { fn: () => undefined }) }).valuePath).toEqual(['match', 'fn']);
  });

  it('does not change what it is given', () => {
    const value = { list: Object.freeze([1, Object.freeze({ a: 1 })]) };
    serializer.stringify(value);
    expect(value).toStrictEqual({ list: [1, { a: 1 }] });
  });

  it.each([
    ['a function', () => undefined],
    ['a symbol', Symbol('x')],
    ['an instance of Thing', new (class Thing {})()],
    ['an instance of Uuid', new Uuid('b8ebbf02cc7a4b0b824f22a984c8c0b8')],
    ['an instance of Tuple', Tuple.of(1)],
    ['an instance of Promise', Promise.resolve()],
    ['an instance of WeakMap', new WeakMap()],
    ['an instance of Symbol', Object(Symbol('x'))],
  ])('%s is refused with its path and the remedy', (what, value) => {
    const error = failure({ items: [new Map([['key', new Set([1, value])]])] });
    expect(error.valuePath).toEqual(['items', 0, 'key', 1]);
    expect(error.message).toMatch(new RegExp(`^items\\[0\\]\\[…\\]\\[1\\] cannot be stored: ${what} .*(Keep|Store) `));
  });

  it("what is the matter with an error's cause is told", () => {
    expect(failure({ failed: new Error('x', { cause: { fn: () => undefined } }) }).valuePath).toEqual([
      'failed',
      'cause',
      'fn',
    ]);
  });

  it('an error of a getter comes as the cause, with the path', () => {
    const cause = new Error('theirs');
    const value = {
      get a(): never {
        throw cause;
      },
    };
    expect(failure(value)).toMatchObject({ valuePath: ['a'], cause });
  });

  it('deep nesting is refused both ways', () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level++) value = [value];
    expect(failure(value).message).toMatch(/more than 500 levels/);
    const opening = Buffer.alloc(1_000_000, Buffer.from([0x41, 0x01]));
    const text = Buffer.concat([Buffer.from([0xff, 0x0f]), opening]).toString('base64');
    expect(() => serializer.parse(text)).toThrow(SessionSerializationError);
  });

  it('an array with holes is refused both ways, and at once, however long it claims to be', () => {
    for (const holes of [
      Object.assign([1], { 2: 2 }),
      Object.assign([], { length: 4_294_967_295 }),
      Object.assign([], { 4_294_967_294: 1 }),
    ]) {
      expect(failure({ cart: [holes] }).message).toMatch(/^cart\[0\] cannot be stored: it is an array with holes/);
      const text = serialize({ cart: new Map([['key', [holes]]]) }).toString('base64');
      expect(text.length).toBeLessThan(100);
      expect(() => serializer.parse(text)).toThrow(/^cart.* cannot be read: it is an array with holes/);
    }
  });

  it.each([
    ['empty text', ''],
    ['JSON', '{"a":1}'],
    ['other base64', Buffer.from('hello').toString('base64')],
    ['a cut text', serializer.stringify({ a: 'some text' }).slice(0, 12)],
    ['junk in between', serializer.stringify({ a: 1 }).replace(/^(....)/, '$1\n')],
    ['a newer format', Buffer.from([0xff, 0x7f, 0x54]).toString('base64')],
  ])('%s is corrupt', (_what, text) => {
    expect(() => serializer.parse(text)).toThrow(SessionSerializationError);
  });
});

function expectSame(actual: unknown, expected: unknown): void {
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
}
