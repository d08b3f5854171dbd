import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Tuple } from '../../lib/serializers/tuple.js';
import { Uuid } from '../../lib/serializers/uuid.js';
import { V8Serializer } from '../../lib/serializers/v8.serializer.js';
import { SessionSerializationError } from '../../lib/session.errors.js';

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
    expect(serializer.stringify(serializer.parse(text))).toBe(text);
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

  it('gives equal texts for equal values, however they lie in memory', () => {
    const wasDouble: Record<string, number> = { count: 1.5 };
    wasDouble['count'] = 1;
    const packedAsDoubles = [1, 2.5];
    const neverPacked: unknown[] = [{}, {}];
    neverPacked[0] = 1;
    neverPacked[1] = 2.5;
    const cutFromWide = 'abcdefghijklmnopq☃'.slice(0, 16);
    const otherNaN = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0];
    const pairs: (readonly [unknown, unknown])[] = [
      [wasDouble, { count: 1 }],
      [packedAsDoubles, neverPacked],
      [{ text: cutFromWide }, { text: 'abcdefghijklmnop' }],
      [{ n: otherNaN }, { n: NaN }],
      [new Map([['a', packedAsDoubles]]), new Map([['a', neverPacked]])],
    ];
    // Were node:v8 to write these alike by itself, the test would say nothing.
    expect(pairs.some(([one, other]) => !serialize(one).equals(serialize(other)))).toBe(true);
    for (const [one, other] of pairs) {
      expect(one).toStrictEqual(other);
      expect(serializer.stringify(one)).toBe(serializer.stringify(other));
    }
  });

  it('gives the same text before and after the engine has learnt from other values', async () => {
    // A module of its own, in which the engine has learnt nothing yet.
    vi.resetModules();
    const fresh = new (await import('../../lib/serializers/v8.serializer.js')).V8Serializer();
    const before = fresh.stringify([1]);
    for (let round = 0; round < 20_000; round++) fresh.stringify([round + 0.5]);
    expect(fresh.stringify([1])).toBe(before);
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
  ])('%s is refused with its path and the remedy', (what, value) => {
    const error = failure({ items: [new Map([['key', new Set([1, value])]])] });
    expect(error.path).toEqual(['items', 0, 'key', 1]);
    expect(error.message).toMatch(new RegExp(`^items\\[0\\]\\.key\\[1\\] cannot be stored: ${what} .*(Keep|Store) `));
  });

  it('an error of a getter comes as the cause, with the path', () => {
    const cause = new Error('theirs');
    const value = {
      get a(): never {
        throw cause;
      },
    };
    expect(failure(value)).toMatchObject({ path: ['a'], cause });
  });

  it('deep nesting is refused both ways', () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level++) value = [value];
    expect(failure(value).message).toMatch(/more than 500 levels/);
    const opening = Buffer.alloc(1_000_000, Buffer.from([0x41, 0x01]));
    const text = Buffer.concat([Buffer.from([0xff, 0x0f]), opening]).toString('base64');
    expect(() => serializer.parse(text)).toThrow(SessionSerializationError);
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
