import { readFileSync } from 'node:fs';
import { inspect, isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Markup } from '../../../../lib/serializers/values/markup.js';
import { TaggedJsonSerializer } from '../../../../lib/serializers/tagged-json/tagged-json.serializer.js';
import { Tuple } from '../../../../lib/serializers/values/tuple.js';
import { Uuid } from '../../../../lib/serializers/values/uuid.js';
import { SessionConfigurationError, SessionSerializationError } from '../../../../lib/session.errors.js';
import { nativeValue, quartValue, taggedJson } from '../../../fixtures/session-values.js';
import { fromTypedTree, holds, type TypedTree } from '../../../fixtures/typed-tree.js';

interface Vectors {
  readonly meta: unknown;
  readonly encode: readonly { id: string; description: string; value: TypedTree; wire: string; decoded: TypedTree }[];
  readonly encodeErrors: readonly { description: string; python: string }[];
  readonly decode: readonly { id: string; description: string; wire: string; decoded?: TypedTree; error?: string }[];
  readonly legacyQuart018: { readonly cases: readonly { id: string; description: string; wire: string }[] };
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../fixtures/vectors/tagged-json.json', import.meta.url), 'utf8'),
) as Vectors;

const native = new TaggedJsonSerializer();
const quart = new TaggedJsonSerializer({ dialect: 'quart' });
const dialects = [
  ['native', native],
  ['quart', quart],
] as const;

function failure(run: () => unknown): SessionSerializationError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SessionSerializationError);
    return error as SessionSerializationError;
  }
  throw new Error('It should have thrown.');
}

describe('the vectors of the Python programs', () => {
  /** What JavaScript cannot hold, and what it writes instead (undefined: there is no such value to write). */
  const NOT_WRITTEN_ALIKE: Readonly<Record<string, { readonly reason: string; readonly wire?: string }>> = {
    'enc-017': { reason: 'one kind of number: 0.0 is 0', wire: '0' },
    'enc-019': { reason: 'one kind of number: 1.0 is 1', wire: '1' },
    'enc-023': { reason: 'one kind of number: 1e15 is an integer', wire: '1000000000000000' },
    'enc-075': { reason: "an object cannot have both the key 1 and the key '1'", wire: '{"1":"str"}' },
    'enc-105': { reason: 'there is no date without a time; Python itself reads it back as a string' },
  };

  const NOT_READ_ALIKE: Readonly<Record<string, { readonly reason: string; readonly value: unknown }>> = {
    'enc-099': {
      reason: 'Python takes the year 0001 for 2001; the text says year 1',
      value: new Date('0001-01-01T00:00:00Z'),
    },
  };

  /** Natively these have a form of their own. */
  const hasNativeForm = (tree: TypedTree): boolean =>
    holds(tree, (part) => part.type === 'datetime' || typeof (part.type === 'int' && fromTypedTree(part)) === 'bigint');

  it('has the groups that are tested here and no other', () => {
    expect(Object.keys(vectors)).toEqual(['meta', 'encode', 'encodeErrors', 'decode', 'legacyQuart018']);
    expect([vectors.encode, vectors.decode, vectors.legacyQuart018.cases].map((cases) => cases.length)).toEqual([
      80, 36, 12,
    ]);
    const ids = new Set(vectors.encode.map(({ id }) => id));
    expect([...Object.keys(NOT_WRITTEN_ALIKE), ...Object.keys(NOT_READ_ALIKE)].filter((id) => !ids.has(id))).toEqual(
      [],
    );
  });

  it.each(vectors.encode)('$id $description: quart writes the same bytes', ({ id, value, wire }) => {
    const unlike = NOT_WRITTEN_ALIKE[id];
    if (unlike === undefined) {
      expect(quart.stringify(fromTypedTree(value))).toBe(wire);
    } else if (unlike.wire === undefined) {
      expect(() => fromTypedTree(value)).toThrow('JavaScript has no');
    } else {
      expect(quart.stringify(fromTypedTree(value))).toBe(unlike.wire);
    }
  });

  it.each(vectors.encode)(
    '$id $description: native writes the same bytes, or its own form of a date or bigint',
    (vector) => {
      const unlike = NOT_WRITTEN_ALIKE[vector.id];
      if (unlike !== undefined && unlike.wire === undefined) return expect(vector.value.type).toBe('date');
      const value = fromTypedTree(vector.value);
      const text = native.stringify(value);
      if (hasNativeForm(vector.value)) {
        expect(text).toMatch(/\{" (?:d":"[\d-]+T[\d:.]+Z|n":"-?\d+)"\}/);
        return expect(native.parse(text)).toStrictEqual(value);
      }
      return expect(text).toBe(unlike?.wire ?? vector.wire);
    },
  );

  describe.each(dialects)('%s', (_name, serializer) => {
    it.each(vectors.encode)('$id $description: reads what Python reads', ({ id, wire, decoded }) => {
      const unlike = NOT_READ_ALIKE[id];
      expect(serializer.parse(wire)).toStrictEqual(unlike === undefined ? fromTypedTree(decoded) : unlike.value);
    });
  });

  describe('what Python refuses to write', () => {
    class Complex {
      readonly real = 1;
    }
    const COUNTERPARTS: Readonly<Record<string, { value: unknown; path: readonly (string | number)[] }>> = {
      'complex is not serializable': { value: { a: new Complex() }, path: ['a'] },
      // A key of an object is always a string here; only a Map could have bytes for a key, and quart has no Map.
      'bytes key': { value: new Map([[Buffer.from('a'), 1]]), path: [] },
    };

    it.each(vectors.encodeErrors)('$description', ({ description }) => {
      const counterpart = COUNTERPARTS[description];
      expect(counterpart).toBeDefined();
      expect(failure(() => quart.stringify(counterpart?.value)).valuePath).toEqual(counterpart?.path);
    });
  });

  describe.each(dialects)('decode by %s', (_name, serializer) => {
    /** Python reads these, though nobody writes them. Here a malformed tag makes the record corrupt. */
    const STRICTER: Readonly<Record<string, string>> = {
      'dec-011': 'the 29th of February 1969 does not exist; Python gives None',
      'dec-014': 'garbage is no date; Python gives None',
      'dec-016': 'null is no date; Python gives None',
      'dec-029': 'an object is no tuple; Python takes its keys',
      'dec-032': 'a number is no HTML; Python makes it a string',
      'dec-033': "null is no HTML; Python makes it 'None'",
      'dec-036': 'an escaped object has one key; Python drops the others',
    };

    it.each(vectors.decode)('$id $description', ({ id, wire, decoded, error }) => {
      if (STRICTER[id] !== undefined || error !== undefined) {
        expect(() => serializer.parse(wire)).toThrow(SessionSerializationError);
      } else {
        expect(serializer.parse(wire)).toStrictEqual(fromTypedTree(decoded as TypedTree));
      }
    });

    it('is stricter only where a vector says so', () => {
      const readable = vectors.decode.filter(({ error }) => error === undefined).map(({ id }) => id);
      expect(Object.keys(STRICTER).filter((id) => !readable.includes(id))).toEqual([]);
    });
  });

  describe.each(dialects)('Quart 0.18 read by %s', (_name, serializer) => {
    const EXPECTED: Readonly<Record<string, unknown>> = {
      'old-001': new Date('2024-02-29T12:00:01.999Z'), // a Date has milliseconds
      'old-002': new Date('2024-02-29T12:00:01Z'),
      'old-003': new Date('2024-02-29T12:00:01Z'),
      'old-004': new Date('2024-02-29T10:00:01.000Z'),
      'old-005': new Date('1969-12-31T23:59:59Z'),
      'old-006': new Date('0001-01-01T00:00:00Z'),
      'old-007': Tuple.of(1),
      'old-008': new Uuid('00000000-0000-0000-0000-000000000005'),
      'old-009': Buffer.from([0, 255]),
      'old-010': { ' t': 1 }, // Quart 0.18 cannot read what it has escaped
      'old-011': { b: 1, a: 2 },
      'old-012': new Date('2024-02-29T12:00:01Z'),
    };

    it.each(vectors.legacyQuart018.cases)('$id $description', ({ id, wire }) => {
      expect(Object.keys(EXPECTED)).toContain(id);
      expect(serializer.parse(wire)).toStrictEqual(EXPECTED[id]);
    });
  });
});

describe('dates', () => {
  const date = new Date('2024-02-29T12:00:01.123Z');

  it.each([
    [{}, '{" d":"2024-02-29T12:00:01.123Z"}'],
    [{ dates: 'http' }, '{" d":"Thu, 29 Feb 2024 12:00:01 GMT"}'],
    [{ dialect: 'quart' }, '{" d":"Thu, 29 Feb 2024 12:00:01 GMT"}'],
    [{ dialect: 'quart', dates: 'iso' }, '{" d":"2024-02-29T12:00:01.123000+00:00"}'],
  ] as const)('with %o are written in their form', (options, wire) => {
    expect(new TaggedJsonSerializer(options).stringify(date)).toBe(wire);
  });

  it.each([
    ['2024-02-29 12:00:01', '2024-02-29T12:00:01.000Z'],
    ['2024-02-29T12:00', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:01.9999999+00:00', '2024-02-29T12:00:01.999Z'],
    ['2024-02-29T12:00:01-0530', '2024-02-29T17:30:01.000Z'],
    ['1930-01-01T00:00:00+00:19:32', '1929-12-31T23:41:00.000Z'],
    ['+010000-01-01T00:00:00.000Z', '+010000-01-01T00:00:00.000Z'],
    ['Thu, 29 Feb 2024 12:00:01 +0200', '2024-02-29T10:00:01.000Z'],
    ['Saturday, 29-Feb-68 12:00:01 GMT', '2068-02-29T12:00:01.000Z'],
  ])('%s is read', (text, iso) => {
    expect(native.parse(JSON.stringify({ ' d': text }))).toStrictEqual(new Date(iso));
  });

  it.each([
    '2023-02-29T12:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-02-29T24:00:00Z',
    '2024-02-29',
    'Thu, 31 Feb 2024 12:00:01 GMT',
    '',
  ])('%j is corrupt', (text) => {
    expect(() => native.parse(JSON.stringify({ ' d': text }))).toThrow(SessionSerializationError);
  });

  it('an invalid one is refused', () => {
    expect(failure(() => native.stringify({ at: new Date(NaN) })).valuePath).toEqual(['at']);
  });

  it.each(['-000001-01-01T00:00:00Z', '+010000-01-01T00:00:00Z'])(
    '%s is kept natively, and refused where Python reads',
    (iso) => {
      expect(native.parse(native.stringify(new Date(iso)))).toStrictEqual(new Date(iso));
      expect(() => quart.stringify(new Date(iso))).toThrow(/years before 1 or after 9999/);
    },
  );
});

describe('numbers', () => {
  it('a small bigint stays a bigint natively, and is a bare integer for Python', () => {
    expect(native.stringify({ n: 5n })).toBe('{"n":{" n":"5"}}');
    expect(native.parse('{"n":{" n":"5"}}')).toStrictEqual({ n: 5n });
    expect(quart.stringify({ n: 5n })).toBe('{"n":5}');
  });

  it.each([
    [-0, '-0.0'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [2 ** 53, '9007199254740992.0'],
    [-1e16, '-1e+16'],
    [123456789012345680000, '1.2345678901234568e+20'],
    [2 ** 53 - 1, '9007199254740991'],
  ])('%d is written as %s, so that it comes back as a number', (value, wire) => {
    expect(native.stringify({ value })).toBe(`{"value":${wire}}`);
    expect(native.parse(`{"value":${wire}}`)).toStrictEqual({ value });
  });

  it.each(dialects)('%s reads integers exactly at the edges', (_name, serializer) => {
    const text =
      '[9007199254740991,9007199254740992,9007199254740993,-9007199254740991,-9007199254740993,9007199254740993.0,1e16]';
    expect(serializer.parse(text)).toStrictEqual([
      9007199254740991,
      9007199254740992n,
      9007199254740993n,
      -9007199254740991,
      -9007199254740993n,
      9007199254740992,
      1e16,
    ]);
  });

  it('an integer of 400 digits is not Infinity', () => {
    expect(quart.parse(`[${'9'.repeat(400)}]`)).toStrictEqual([10n ** 400n - 1n]);
  });

  it('bare tokens inside strings and keys are text', () => {
    const text =
      '{"NaN":NaN,"Infinity":"-Infinity","a\\"NaN":[Infinity,-Infinity,"9007199254740993"],"9007199254740993":9007199254740993}';
    expect(native.parse(text)).toStrictEqual({
      NaN: NaN,
      Infinity: '-Infinity',
      'a"NaN': [Infinity, -Infinity, '9007199254740993'],
      '9007199254740993': 9007199254740993n,
    });
  });

  it.each([
    '[01]',
    '[00012345678901234567890]',
    '[1.]',
    '[NaNNaN]',
    '[-NaN]',
    '[12345678901234567890NaN]',
    '["NaN]',
    '{NaN:1}',
    '[nan]',
    '[NaN,"\\',
  ])('%s is not JSON', (text) => {
    expect(() => native.parse(text)).toThrow(SessionSerializationError);
  });

  it('a malformed bigint is corrupt', () => {
    for (const content of ['"1.5"', '""', '"0x10"', '5', '9007199254740993']) {
      expect(failure(() => native.parse(`{"n":{" n":${content}}}`)).valuePath).toEqual(['n']);
    }
  });
});

describe('strings', () => {
  it('are ASCII on the wire, as Python writes them', () => {
    const value = { é: 'a☃😀\x7f\x00\u2028/"\\\ud800' };
    const wire = '{"\\u00e9":"a\\u2603\\ud83d\\ude00\\u007f\\u0000\\u2028/\\"\\\\\\ud800"}';
    expect(native.stringify(value)).toBe(wire);
    // Beside a tagged value another writer is at work.
    expect(native.stringify([value, Tuple.of()])).toBe(`[${wire},{" t":[]}]`);
    expect(native.parse(wire)).toStrictEqual(value);
  });
});

describe('tags', () => {
  it('Map and Set are kept natively', () => {
    const value = {
      map: new Map<unknown, unknown>([
        ['a', 1],
        [Tuple.of(1), new Set(['x'])],
      ]),
      set: new Set(),
    };
    const wire = '{"map":{" map":[["a",1],[{" t":[1]},{" set":["x"]}]]},"set":{" set":[]}}';
    expect(native.stringify(value)).toBe(wire);
    expect(native.parse(wire)).toStrictEqual(value);
  });

  it.each([
    ['a Map', new Map()],
    ['a Set', new Set()],
  ])('%s is refused where Python reads, with the remedy', (kind, value) => {
    const error = failure(() => quart.stringify({ a: [value] }));
    expect(error.valuePath).toEqual(['a', 0]);
    expect(error.message).toMatch(
      new RegExp(`^a\\[0\\] cannot be stored: ${kind} has no form that Python reads. Store .* instead`),
    );
  });

  it('tags that only the native dialect knows are ordinary objects to quart', () => {
    for (const text of ['{" n":"1"}', '{" map":[]}', '{" set":[]}']) {
      expect(quart.parse(text)).toStrictEqual(JSON.parse(text));
      expect(quart.stringify(JSON.parse(text))).toBe(text);
      expect(native.stringify(JSON.parse(text))).toBe(text.replace(/"( \w+)":(.*)\}$/, '" di":{"$1__":$2}}'));
    }
  });

  it('a look-alike is escaped also when its other keys are undefined', () => {
    const text = native.stringify({ ' t': [1], gone: undefined });
    expect(text).toBe('{" di":{" t__":[1]}}');
    expect(native.parse(text)).toStrictEqual({ ' t': [1] });
  });

  it('are found however the text is spaced or escaped', () => {
    expect(native.parse('{ "\\u0020\\u0074" : [ 1 ] }')).toStrictEqual(Tuple.of(1));
  });

  it.each([
    '{" t":null}',
    '{" b":1}',
    '{" b":"AP8"}',
    '{" b":"A P8="}',
    '{" m":null}',
    '{" u":"b8ebbf02"}',
    '{" map":[[1]]}',
    '{" map":{}}',
    '{" set":"x"}',
    '{" di":[]}',
    '{" di":{}}',
  ])('%s is corrupt, at its path', (text) => {
    const error = failure(() => native.parse(`{"cart":[0,${text}]}`));
    expect(error.valuePath).toEqual(['cart', 1]);
    expect(error.message).toMatch(/^cart\[1\] cannot be read: it is malformed/);
  });
});

describe('keys that could reach a prototype', () => {
  it.each([
    '{"__proto__":{"isAdmin":true}}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"a":NaN,"__proto__":{"isAdmin":true}}',
    '{"a":9007199254740993,"__proto__":{"isAdmin":true}}',
    '{"__proto__":{" t":[1]},"a":1}',
    '{" di":{"__proto____":{"isAdmin":true}}}',
    '{"__proto__":{" di":{"__proto____":{"isAdmin":true}}}}',
  ])('%s are data', (text) => {
    const value = native.parse(text) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value).some((key) => key === '__proto__' || key === 'constructor')).toBe(true);
    expect(value['isAdmin']).toBeUndefined();
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
    // The native JSON is the witness that all keys came through as own ones.
    expect(Object.keys(native.parse(native.stringify(value)) as object)).toEqual(Object.keys(value));
  });
});

describe('what cannot be stored', () => {
  const fn = (): void => undefined;

  it.each([
    ['a function', () => undefined],
    ['a symbol', Symbol('x')],
    ['an instance of Thing', new (class Thing {})()],
    ['an instance of RegExp', /x/],
    ['an instance of Error', new Error('x')],
    ['an instance of Float64Array', new Float64Array(1)],
    ['an instance of WeakMap', new WeakMap()],
    ['an instance of Promise', Promise.resolve()],
    ['an instance of String', Object('x')],
  ])('%s is refused with its path and the remedy', (what, value) => {
    for (const [, serializer] of dialects) {
      const error = failure(() => serializer.stringify({ items: [{ fn: value }] }));
      expect(error.valuePath).toEqual(['items', 0, 'fn']);
      expect(error.message).toMatch(new RegExp(`^items\\[0\\]\\.fn cannot be stored: ${what} .*(Keep|Store) `));
    }
  });

  it('the path leads through tuples, maps, sets and odd keys', () => {
    expect(failure(() => native.stringify({ 'odd key': Tuple.of<unknown>(1, fn) })).valuePath).toEqual(['odd key', 1]);
    expect(
      failure(() =>
        native.stringify(
          new Map<unknown, unknown>([
            [1, 1],
            ['k', { fn }],
          ]),
        ),
      ).valuePath,
    ).toEqual(['k', 'fn']);
    expect(failure(() => native.stringify(new Map([[fn, 1]]))).valuePath).toEqual([0]);
    expect(failure(() => native.stringify([new Set<unknown>([1, fn])])).valuePath).toEqual([0, 1]);
    expect(failure(() => native.stringify({ ' t': fn })).valuePath).toEqual([' t']);
    expect(failure(() => native.stringify(fn)).message).toMatch(/^the value cannot be stored/);
  });

  it('undefined is left out of objects, becomes null among items, and is no value by itself', () => {
    for (const [, serializer] of dialects) {
      expect(serializer.stringify({ a: undefined, b: [undefined, 1] })).toBe('{"b":[null,1]}');
      expect(serializer.stringify({ a: undefined, b: [undefined, Tuple.of(undefined)] })).toBe(
        '{"b":[null,{" t":[null]}]}',
      );
      // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
      expect(serializer.stringify([, Tuple.of(1)])).toBe('[null,{" t":[1]}]');
      expect(failure(() => serializer.stringify(undefined)).valuePath).toEqual([]);
    }
  });

  it('a cycle is refused where it closes', () => {
    const items: unknown[] = [{}];
    const record = { a: 1, items };
    Object.assign(items[0] as object, { parent: items });
    const error = failure(() => native.stringify(record));
    expect(error.valuePath).toEqual(['items', 0, 'parent']);
    expect(error.message).toBe(
      'items[0].parent cannot be stored: it refers back to an object that holds it. Store an id instead of the object.',
    );
    const set = new Set<unknown>();
    set.add({ set });
    expect(failure(() => native.stringify({ set })).valuePath).toEqual(['set', 0, 'set']);
  });

  it('the same object in two places is no cycle', () => {
    const shared = { a: 1 };
    expect(native.stringify([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  it('toJSON is honoured, once, with its key', () => {
    const url = new URL('https://example.com/');
    expect(native.stringify({ url })).toBe('{"url":"https://example.com/"}');
    expect(native.stringify([{ toJSON: (key: string) => ({ key, at: new Date(0) }) }])).toBe(
      '[{"key":"0","at":{" d":"1970-01-01T00:00:00.000Z"}}]',
    );
    expect(native.stringify({ a: { toJSON: () => undefined }, b: 1 })).toBe('{"b":1}');
    const hidden = Object.defineProperty({}, 'toJSON', { value: () => new Date(0), enumerable: false });
    expect(native.stringify({ hidden })).toBe('{"hidden":{" d":"1970-01-01T00:00:00.000Z"}}');
  });

  it('an error of toJSON or of a getter comes as the cause, with the path', () => {
    const cause = new Error('theirs');
    const thrower = (): never => {
      throw cause;
    };
    for (const value of [
      { a: { toJSON: thrower } },
      Object.defineProperty({}, 'a', { get: thrower, enumerable: true }),
    ]) {
      const error = failure(() => native.stringify(value));
      expect(error.valuePath).toEqual(['a']);
      expect(error.cause).toBe(cause);
    }
  });

  it('objects without a prototype are plain objects', () => {
    expect(native.stringify(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
  });

  it.each<[shown: string, value: unknown, path: readonly (string | number)[]]>([
    ['users[…].fn', { users: { 'ada@example.org': { fn } } }, ['users', 'ada@example.org', 'fn']],
    ['users[…].fn', { users: new Map([['ada', { fn }]]) }, ['users', 'ada', 'fn']],
    ['users[0]', { users: new Map([[fn, 1]]) }, ['users', 0]],
    ['[…][0]', { 'ada lovelace': [fn] }, ['ada lovelace', 0]],
  ])('%s is the place that a message tells, without the data of its path', (shown, value, path) => {
    const error = failure(() => native.stringify(value));
    expect(error.message.startsWith(`${shown} cannot be stored: `)).toBe(true);
    expect(error.valuePath).toEqual(path);
    expect(Object.keys(error)).not.toContain('valuePath');
    expect(inspect(error)).not.toContain('ada');
  });

  it('an error tells no data of the record', () => {
    const secret = 'correct-horse';
    const errors = [
      failure(() => native.parse(`{"a":"${secret}`)),
      failure(() => native.parse(`{"a":{" d":"${secret}"}}`)),
      failure(() => native.stringify({ a: secret, b: Symbol(secret) })),
    ];
    for (const error of errors) expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain(secret);
  });
});

describe('deep nesting', () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
    return value;
  };

  it.each(dialects)('%s: 500 levels of text are kept', (_name, serializer) => {
    const text = serializer.stringify(nested(500));
    expect(serializer.stringify(serializer.parse(text))).toBe(text);
  });

  it.each(dialects)('%s: deeper values and texts are refused', (_name, serializer) => {
    for (const levels of [501, 100_000]) {
      expect(failure(() => serializer.stringify(nested(levels))).message).toMatch(/more than 500 levels/);
      expect(failure(() => serializer.parse('['.repeat(levels) + ']'.repeat(levels))).message).toMatch(
        /more than 500 levels/,
      );
      expect(failure(() => serializer.parse('{"a":'.repeat(levels) + 'NaN' + '}'.repeat(levels))).message).toMatch(
        /more than 500/,
      );
      expect(() => serializer.parse('['.repeat(levels))).toThrow(SessionSerializationError);
    }
  });

  it('what is written can be read at every depth, whatever the innermost value', () => {
    const innermost = [
      NaN,
      10n ** 20n,
      new Date(0),
      Tuple.of(),
      Tuple.of(1),
      new Map([[1, [2]]]),
      new Set([1]),
      { ' t': 1 },
      { ' t': [] },
    ];
    for (const value of innermost) {
      for (let levels = 494; levels <= 501; levels++) {
        let outer: unknown = value;
        for (let level = 0; level < levels; level++) outer = [outer];
        let text: string;
        try {
          text = native.stringify(outer);
        } catch (error) {
          expect(error).toBeInstanceOf(SessionSerializationError);
          continue;
        }
        expect(native.stringify(native.parse(text))).toBe(text);
      }
    }
  });

  it.each([
    ['escapes', '\n'.repeat(5_000_000)],
    ['backslashes', '\\'.repeat(2_000_000)],
    ['numbers that are none', Array.from({ length: 200_000 }, () => NaN)],
    ['plain text', 'a'.repeat(20_000_000)],
  ])('a record of many %s is read as it was written', (_what, value) => {
    expect(isDeepStrictEqual(native.parse(native.stringify({ n: NaN, value })), { n: NaN, value })).toBe(true);
  });

  it('a long text that was cut is refused at once', () => {
    expect(() => native.parse(`{"a":NaN,"b":"${'\\"x'.repeat(300_000)}`)).toThrow(SessionSerializationError);
  });
});

describe('the classes of values', () => {
  it('a Tuple is a frozen array, and what is made of it is an ordinary one', () => {
    const tuple = Tuple.of<unknown>('message', 2);
    expect(Array.isArray(tuple) && Object.isFrozen(tuple)).toBe(true);
    expect([tuple.length, tuple[0], ...tuple]).toEqual([2, 'message', 'message', 2]);
    expect(tuple.map(String)).toStrictEqual(['message', '2']);
    expect(Tuple.from([3])).toStrictEqual(new Tuple([3]));
    expect(tuple).not.toStrictEqual(['message', 2]);
  });

  it('a Uuid is the same whatever it was made from', () => {
    const value = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';
    for (const text of [value, value.toUpperCase(), value.replaceAll('-', ''), `urn:uuid:${value}`, `{${value}}`]) {
      expect(String(new Uuid(text))).toBe(value);
    }
    expect(() => new Uuid('b8ebbf02')).toThrow(SessionSerializationError);
    expect(JSON.stringify([new Uuid(value)])).toBe(`["${value}"]`);
  });

  it('Markup is its HTML as text', () => {
    expect(String(new Markup('<b>'))).toBe('<b>');
    expect(JSON.stringify(new Markup('<b>'))).toBe('"<b>"');
  });
});

describe('options', () => {
  it('an unknown one is refused with what to write', () => {
    const options = { dialect: 'flask' } as unknown as { dialect: 'quart' };
    expect(() => new TaggedJsonSerializer(options)).toThrow(SessionConfigurationError);
    expect(() => new TaggedJsonSerializer(options)).toThrow("dialect must be 'native' or 'quart'");
    expect(() => new TaggedJsonSerializer({ dates: 'unix' as 'iso' })).toThrow("dates must be 'iso' or 'http'");
  });
});

describe('whatever the value', () => {
  it.each([
    ['native', native, nativeValue],
    ['quart', quart, quartValue],
  ] as const)('%s gives it back, in ASCII, and as the same text again', (_name, serializer, values) => {
    fc.assert(
      fc.property(values, (value) => {
        const text = serializer.stringify(value);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        const again = serializer.parse(text);
        // vitest asks `value.constructor` for the type, which may be data here.
        expect(isDeepStrictEqual(again, value)).toBe(true);
        expect(serializer.stringify(again)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(dialects)(
    '%s reads JSON as JSON.parse does, where no tag and no large number is in it',
    (_name, serializer) => {
      const json = fc.jsonValue().filter((value) => !/" |\d{16}/.test(JSON.stringify(value)));
      fc.assert(
        fc.property(json, (value) => {
          const text = JSON.stringify(value, null, 1);
          expect(isDeepStrictEqual(serializer.parse(text), JSON.parse(text))).toBe(true);
        }),
      );
    },
  );

  it.each(dialects)('%s reads any text or refuses it with its own error', (_name, serializer) => {
    const texts = fc.oneof(
      fc.string(),
      taggedJson,
      fc.json(),
      fc.json().map((text) => text.slice(0, -1)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          serializer.parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SessionSerializationError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
