import { serialize } from 'node:v8';

import { Markup, Tuple, Uuid, V8Serializer, type SessionSerializer } from '../../../lib/index.js';
import type { SeededRandom } from './seeded-random.js';

/** Lies in everything that is planted, and must never be logged. */
export const PLANTED = 'planted-by-the-fuzz';

const NOW = (): number => Date.now() / 1000;

const RESERVED = ['_created', '_seen', '_addr', '_permanent', '_lifetime', '_signed_in', '_listed'];
const MEMBERS = [
  'id',
  'isNew',
  'signal',
  'regenerate',
  'destroy',
  'save',
  'reload',
  'touch',
  'remember',
  'signedIn',
  'update',
];
const KEYS = [
  ...RESERVED,
  ...MEMBERS,
  '__proto__',
  'constructor',
  'prototype',
  'toJSON',
  'then',
  'toString',
  'hasOwnProperty',
  'n',
  'list',
  'user',
  '',
  ' ',
  ' t__',
];
const TAGS = [' di', ' t', ' b', ' m', ' u', ' d', ' n', ' map', ' set', ' x'];

/** What stands in a back-end that is shared with others. */
const FOREIGN = [
  '',
  ' ',
  'null',
  'true',
  '0',
  '-1',
  '"text"',
  '[]',
  '[1]',
  '{}',
  'NaN',
  '{"a":NaN,"b":-Infinity}',
  'undefined',
  '\ufeff{"user":"ada"}',
  "{'user':'ada'}",
  '{"user":"ada",}',
  '// a comment\n{"user":"ada"}',
  '{"user":"ada"}{"user":"eve"}',
  '{"user":"ada"}\0\0\0',
  '\0\0\0\0',
  'a:1:{s:4:"user";s:3:"ada";}',
  '\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.',
  '\x81\xa4user\xa3ada',
  '<html><body>502 Bad Gateway</body></html>',
  '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"passport":{"user":1}}',
  'eyJ1c2VyIjoiYWRhIn0:1rYk0x:c2lnbmF0dXJl',
  'nest-session tombstone',
  'nest-session tombstone ',
  'nest-session tombstone 1sCwWM2Pgdnh',
  'nest-session tombstone {"user":"ada"}',
  ' nest-session tombstone 1sCwWM2Pgdnh',
  '"nest-session tombstone 1sCwWM2Pgdnh"',
  'Nest-Session Tombstone 1sCwWM2Pgdnh',
  '{" t":[1,2]}',
  '{" map":[["user","ada"]]}',
  '{" set":["user"]}',
  '{" d":"2026-01-01T00:00:00.000Z"}',
  '{" di":{"user__":"ada"}}',
  '{" di":{"__proto____":{"user":"ada"}}}',
  '/wAAAA==',
  '/w9vIgR1c2VyIgNhZGF7AQ==',
];

const HOSTILE_TEXTS = [
  '',
  '\0',
  '\ud800',
  '\udc00\ud800',
  '\u2028',
  '\x7f',
  'NaN',
  '9007199254740993',
  '__proto__',
  '127.0.0.1',
  '::ffff:127.0.0.1',
  '999.1.1.1',
  '2026-13-45T99:99:99Z',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'AAA',
  'AAA=',
  'x'.repeat(10_000),
];

const HOSTILE_NUMBERS = [
  0,
  -0,
  -1,
  1.5,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e21,
  8.64e15,
  8.64e15 + 1,
  NaN,
  Infinity,
  -Infinity,
];

/** In JSON text only: what no JavaScript value would write. */
const HOSTILE_TOKENS = [
  '1e999',
  '-1e999',
  '9'.repeat(400),
  '0.'.padEnd(400, '1'),
  '12345678901234567890',
  '01',
  '.5',
  'NaN',
  '-Infinity',
  '"\\ud800"',
  '"\\u0000"',
  '"\\x41"',
  '{"__proto__":{"polluted":true}}',
  '{"a":1,"a":2}',
  '{" t":[],"b":1}',
  '[,]',
  'undefined',
  `${'['.repeat(3000)}${']'.repeat(3000)}`,
  `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
  `${'{" t":['.repeat(600)}${']}'.repeat(600)}`,
];

type Tree = unknown;

/** Makes stored texts that range from sound records to noise. */
export class RecordMutator {
  readonly #random: SeededRandom;
  readonly #serializer: SessionSerializer;

  constructor(random: SeededRandom, serializer: SessionSerializer) {
    this.#random = random;
    this.#serializer = serializer;
  }

  /** A text that lies, or could lie, under a session's key. */
  text(): string {
    const random = this.#random;
    if (random.oneIn(8)) return random.pick(FOREIGN);
    // Noise to one serializer is what the other one reads.
    const isOfV8 = this.#serializer instanceof V8Serializer;
    if (isOfV8 ? !random.oneIn(3) : random.oneIn(20)) return this.#ofV8();
    switch (random.below(4)) {
      case 0:
        return this.#written(this.#record());
      case 1:
        return this.#badBytes(this.#written(this.#record()));
      case 2:
        return this.#badText(this.#jsonOf(this.#record()));
      default:
        return this.#jsonOf(this.#hostile(this.#record()));
    }
  }

  /** The bytes of such a text, which need be no UTF-8. */
  bytes(): Buffer {
    const random = this.#random;
    const bytes = Buffer.from(this.text(), random.oneIn(3) ? 'latin1' : 'utf8');
    if (bytes.length === 0 || random.oneIn(2)) return bytes;
    for (let times = 1 + random.below(4); times > 0; times--) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }

  /** What a session of ours could hold. */
  #record(): Record<string, unknown> {
    const random = this.#random;
    const now = NOW();
    const record: Record<string, unknown> = { note: PLANTED };
    if (!random.oneIn(6)) record['_created'] = now - random.below(1000);
    if (!random.oneIn(6)) record['_seen'] = now - random.below(1000);
    if (random.oneIn(3)) record['_addr'] = random.pick(['127.0.0.1', '10.0.0.1', '::1']);
    if (random.oneIn(4)) record['_permanent'] = random.oneIn(2);
    if (random.oneIn(4)) record['_lifetime'] = random.pick<unknown>([false, 60, 1e300, -1, '30d']);
    if (random.oneIn(4)) record['_signed_in'] = random.pick<unknown>([{ at: now }, { at: 1e300, amr: [1] }, 'now']);
    for (let count = random.below(4); count > 0; count--)
      record[random.pick(['user', 'list', 'n', 'a b', 'é'])] = this.#value(0);
    return record;
  }

  #value(depth: number): unknown {
    const random = this.#random;
    switch (random.below(depth > 3 ? 8 : 14)) {
      case 0:
        return random.text(random.below(20));
      case 1:
        return random.below(1000);
      case 2:
        return random.pick(HOSTILE_NUMBERS);
      case 3:
        return random.pick([true, false, null]);
      case 4:
        return new Date(random.below(2 ** 31) * 1000);
      case 5:
        return random.bytes(random.below(12));
      case 6:
        return random.pick(HOSTILE_TEXTS);
      case 7:
        return random.pick([new Uuid('12345678-1234-5678-1234-567812345678'), new Markup('<b>'), 2n ** 70n, -5n]);
      case 8:
        return Array.from({ length: random.below(4) }, () => this.#value(depth + 1));
      case 9:
        return new Tuple([this.#value(depth + 1)]);
      case 10:
        return new Map([[this.#value(depth + 1), this.#value(depth + 1)]]);
      case 11:
        return new Set([this.#value(depth + 1)]);
      case 12:
        return { [random.pick([...KEYS, ...TAGS])]: this.#value(depth + 1) };
      default:
        return { a: this.#value(depth + 1), b: this.#value(depth + 1) };
    }
  }

  /** As our own serializer writes it, or else as plain JSON. */
  #written(value: unknown): string {
    try {
      return this.#serializer.stringify(value);
    } catch {
      return this.#jsonOf(value);
    }
  }

  #jsonOf(value: unknown): string {
    const plain = (_key: string, each: unknown): unknown => (typeof each === 'bigint' ? String(each) : each);
    return JSON.stringify(value, plain) ?? 'null';
  }

  /** Somewhere in it something stands that does not belong there. */
  #hostile(record: Record<string, unknown>): Tree {
    const random = this.#random;
    for (let times = 1 + random.below(3); times > 0; times--) {
      const key = random.pick(KEYS);
      // Plain assignment would change the prototype and write nothing.
      Object.defineProperty(record, key, {
        value: this.#hostileValue(),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return record;
  }

  #hostileValue(): unknown {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return random.pick(HOSTILE_TEXTS);
      case 1:
        return random.pick(HOSTILE_NUMBERS);
      case 2:
        return { [random.pick(TAGS)]: this.#value(2) };
      case 3:
        return { [random.pick(TAGS)]: { [random.pick([...TAGS, ...KEYS])]: this.#value(2) } };
      case 4:
        return this.#nested(random.pick([5, 400, 497, 498, 499, 500, 501, 502, 900]));
      case 5:
        return NOW() + random.pick([-1e9, -3601, -601, -599, 60, 1e6, 1e12]);
      case 6:
        return random.pick([null, true, false, [], {}, [[]], { a: {} }]);
      default:
        return this.#value(0);
    }
  }

  #nested(levels: number): unknown {
    const random = this.#random;
    const kind = random.below(4);
    let value: unknown = random.pick([1, [], {}, '']);
    for (let level = 0; level < levels; level++) {
      if (kind === 0) value = [value];
      else if (kind === 1) value = { a: value };
      else if (kind === 2) value = { [random.pick(TAGS)]: [value] };
      else value = { ' di': { ' t__': value } };
    }
    return value;
  }

  #badText(json: string): string {
    const random = this.#random;
    const at = random.below(json.length + 1);
    switch (random.below(4)) {
      case 0:
        return json.slice(0, at);
      case 1:
        return json.replace(/(?<=:)("[^"]*"|[\d.]+|true|false|null)/, () => random.pick(HOSTILE_TOKENS));
      case 2:
        return json.slice(0, -1) + `,${JSON.stringify(random.pick(KEYS))}:${random.pick(HOSTILE_TOKENS)}}`;
      default:
        return json.slice(0, at) + random.pick(['"', '{', '}', '[', ']', ',', ':', '\\', '\0', ' ']) + json.slice(at);
    }
  }

  #badBytes(text: string): string {
    const random = this.#random;
    const encoding = random.pick(['utf8', 'latin1', 'base64'] as const);
    let bytes = Buffer.from(text, encoding);
    for (let times = 1 + random.below(5); times > 0 && bytes.length > 0; times--) {
      const at = random.below(bytes.length);
      switch (random.below(4)) {
        case 0:
          bytes[at] = random.below(256);
          break;
        case 1:
          bytes = bytes.subarray(0, at);
          break;
        case 2:
          bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(3), bytes.subarray(at)]);
          break;
        default:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
      }
    }
    return bytes.toString(encoding);
  }

  /** What node:v8 can hold, sound or not; another serializer takes it for noise. */
  #ofV8(): string {
    const random = this.#random;
    const cycle: Record<string, unknown> = { note: PLANTED };
    cycle['self'] = cycle;
    const values = [
      this.#value(0),
      Object(1) as object,
      Object('x') as object,
      Object(1n) as object,
      new Error(PLANTED),
      new RangeError(PLANTED, { cause: cycle }),
      /a+/gi,
      new Date(NaN),
      new Float64Array([1.5]),
      new DataView(new ArrayBuffer(8)),
      new ArrayBuffer(4),
      Object.assign([1, 2], { extra: 1 }),
      Object.assign([], { 5: 1 }),
      cycle,
      undefined,
    ].filter((value) => !(value instanceof Uuid || value instanceof Markup || value instanceof Tuple));
    const record = {
      ...(random.oneIn(2) ? this.#times() : {}),
      note: PLANTED,
      [random.pick(KEYS)]: random.pick(values),
    };
    const bytes = serialize(random.oneIn(6) ? random.pick(values) : record);
    if (random.oneIn(2)) bytes[2 + random.below(bytes.length - 2)] = random.below(256);
    return bytes.toString('base64');
  }

  #times(): object {
    return { _created: NOW() - 10, _seen: NOW() - 5 };
  }
}
