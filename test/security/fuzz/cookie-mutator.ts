import type { SeededRandom } from './seeded-random.js';

/** What cookies are made from. */
export interface CookieIngredients {
  /** Our cookie's name, and names that are only like it. */
  readonly name: string;
  /** Values that open something, or did once. */
  readonly values: readonly string[];
}

/** What Node's HTTP parser lets through in a header; everything else it answers with 400 by itself. */
const THROUGH_NODE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What Node takes of a request's head, with room for the rest of it. */
export const HUGE = 15_000;

const LENGTHS = [0, 1, 15, 16, 17, 31, 32, 33, 43, 64, 127, 128, 129, 255, 256, 4096, 8000];

/** What has made a parser stumble somewhere. */
const JUNK = [
  '%',
  '%%',
  '%0',
  '%00',
  '%0d%0a',
  '%0d%0aSet-Cookie:%20session=x',
  '%2e',
  '%2E%2e%2f',
  '%E0%A4%A',
  '%c0%ae',
  '%ff',
  '%u0041',
  '%3B',
  '%22',
  '"',
  '""',
  '\\"',
  '\\',
  '\\073',
  ',',
  ' ',
  '\t',
  '=',
  '==',
  '.',
  '..',
  '../',
  '/',
  ':',
  '*',
  '$Version=1',
  '{',
  '[]',
  '\x80',
  '\xa0',
  '\xad',
  '\xff',
  '\xc3\xa9',
  '\xef\xbb\xbf',
  '\xf0\x9f\x92\xa9',
  '<script>',
  "' OR 1=1 --",
  '$where',
  '\u0085',
] as const;

const NAMES_IN_CODE = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'then',
  '__defineGetter__',
  'undefined',
  'null',
  'NaN',
  'true',
  '0',
  '-1',
  '[object Object]',
  'j:{"id":1}',
  's:',
  's%3A',
  'session:',
  'sess:',
  'nest-session tombstone ',
];

/** Makes `Cookie` headers, in latin1, that range from sound to absurd. */
export class CookieMutator {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  header(given: CookieIngredients): string {
    const random = this.#random;
    const count = random.oneIn(60) ? 1 + random.below(400) : random.pick([1, 1, 1, 1, 2, 2, 3, 5, 12]);
    const pairs = Array.from({ length: count }, () => this.#pair(given));
    let header = pairs.join(random.pick(['; ', '; ', '; ', ';', ' ; ', ';;', ';\t', ',', ', ']));
    if (random.oneIn(12)) header = this.#changed(header);
    if (random.oneIn(100)) header = this.#huge(header);
    return header.slice(0, HUGE);
  }

  /** Whether Node hands this header to the application at all. */
  static passesNode(header: string): boolean {
    return THROUGH_NODE.test(header);
  }

  #pair(given: CookieIngredients): string {
    const random = this.#random;
    if (random.oneIn(20)) return random.pick([...JUNK, ...NAMES_IN_CODE]);
    const name = random.oneIn(8) ? this.#name(given.name) : given.name;
    return `${name}${random.oneIn(40) ? random.pick([' = ', '', '==', '=\t', ' =']) : '='}${this.#value(given)}`;
  }

  #name(name: string): string {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        return random.pick(['__Host-', '__Secure-', '\xa0', ' ', '\t', '$', '"', '%73']) + name;
      case 1:
        return name + random.pick(['[]', '[id]', '.id', ' ', '\t', '%00', '\xa0', '2', '"']);
      case 2:
        return name.toUpperCase();
      case 3:
        return random.pick(NAMES_IN_CODE);
      case 4:
        return this.#changed(name);
      default:
        return '';
    }
  }

  #value({ values }: CookieIngredients): string {
    const random = this.#random;
    let value = random.oneIn(10) ? this.#madeUp() : random.pick(values);
    for (let times = random.pick([0, 1, 1, 1, 2, 3, 6]); times > 0; times--) value = this.#mutated(value, values);
    return value;
  }

  #madeUp(): string {
    const random = this.#random;
    const alphabet = random.pick([undefined, undefined, 'A', '-', '_', '.', '=', '%', '"', '\xff', '0123456789']);
    return random.oneIn(4) ? random.pick(NAMES_IN_CODE) : random.text(random.pick(LENGTHS), alphabet);
  }

  #mutated(value: string, values: readonly string[]): string {
    const random = this.#random;
    const dot = value.lastIndexOf('.');
    const [id, signature] = dot === -1 ? [value, ''] : [value.slice(0, dot), value.slice(dot + 1)];
    const other = random.pick(values);
    switch (random.below(16)) {
      case 0:
        return value.slice(0, random.below(value.length + 1));
      case 1:
        return value.slice(random.below(value.length + 1));
      case 2:
        return `"${value}"`;
      case 3:
        return random.pick([`"${value}`, `${value}"`, `\\"${value}\\"`, `'${value}'`]);
      case 4:
        return encodeURIComponent(Buffer.from(value, 'latin1').toString('utf8'));
      case 5:
        return this.#escaped(value);
      case 6:
        return random.pick([id, `${id}.`, `.${signature}`, `${signature}.${id}`, `${id}..${signature}`]);
      case 7:
        return `${value}${signature === '' ? value : `.${signature}`}`;
      case 8:
        return `${id}.${other.slice(other.lastIndexOf('.') + 1)}`;
      case 9:
        return random.pick([`s:${value}`, `s%3A${value}`, `session:${value}`, `session:${id}`, `sess:${id}`]);
      case 10:
        return `${value}${random.pick(['=', '==', '%3D', '.', 'A', '\xa0', ' '])}`;
      case 11:
        return Buffer.from(value, 'latin1').toString(random.pick(['base64', 'base64url', 'hex'] as const));
      case 12:
        return random.pick([value.toLowerCase(), value.toUpperCase(), Array.from(value).toReversed().join('')]);
      default:
        return this.#changed(value);
    }
  }

  /** One place of a text is another one, or gone, or there twice. */
  #changed(text: string): string {
    const random = this.#random;
    const at = random.below(text.length + 1);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    switch (random.below(6)) {
      case 0:
        return before + after.slice(1 + random.below(3));
      case 1:
        return before + random.pick(JUNK) + after;
      case 2:
        return before + random.text(1) + after.slice(1);
      case 3:
        return before + String.fromCharCode(random.below(256)) + after.slice(random.below(2));
      case 4:
        return before + after.slice(0, random.below(9)) + after;
      default:
        return before + String.fromCharCode((after.charCodeAt(0) || 65) ^ (1 << random.below(7))) + after.slice(1);
    }
  }

  #escaped(text: string): string {
    const at = this.#random.below(text.length);
    const code = (text.charCodeAt(at) || 65).toString(16).padStart(2, '0');
    return `${text.slice(0, at)}%${this.#random.oneIn(2) ? code : code.toUpperCase()}${text.slice(at + 1)}`;
  }

  #huge(header: string): string {
    const random = this.#random;
    const filler = random.pick(['a', ';', '=', '%', '"', ' ', '; session=', 'session=a; ', '%41', '\xff', '.', ',']);
    const filling = filler.repeat(Math.ceil(HUGE / filler.length)).slice(0, Math.max(0, HUGE - header.length - 2));
    return random.oneIn(2) ? `${header}; ${filling}` : `${filling}; ${header}`;
  }
}
