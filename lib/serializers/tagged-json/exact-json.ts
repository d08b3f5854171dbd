import { defineData } from '../../session/session-record.js';
import { deeper } from '../unserializable-error.js';
import { endOfString } from './json-scalars.js';

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INTEGER = /^-?\d+$/;

const WORDS: readonly (readonly [word: string, value: unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
];

/**
 * Like `JSON.parse`, but reads NaN and the infinities, which `JSON.parse` refuses, and returns large integers, which `JSON.parse`
 * rounds, as `bigint`. Many times slower, so only for a text that holds one of these.
 * @throws {SyntaxError} when the text is no JSON.
 * @throws {UnserializableError} when it is nested too deeply.
 */
export function parseExactJson(text: string): unknown {
  return new ExactParser(text).parse();
}

/** Reads one text, from its beginning to its end. */
class ExactParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw notJson();
    return value;
  }

  #value(depth: number): unknown {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '{':
        return this.#object(deeper(depth));
      case '[':
        return this.#array(deeper(depth));
      default:
        return this.#word();
    }
  }

  #object(depth: number): object {
    const object: Record<string, unknown> = {};
    this.#list('}', () => {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw notJson();
      const key = this.#string();
      if (!this.#takes(':')) throw notJson();
      defineData(object, key, this.#value(depth));
    });
    return object;
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#list(']', () => items.push(this.#value(depth)));
    return items;
  }

  /** Reads the items between a bracket and the one that closes it. */
  #list(end: string, readOne: () => void): void {
    this.#at++;
    if (this.#takes(end)) return;
    do readOne();
    while (this.#takes(','));
    if (!this.#takes(end)) throw notJson();
  }

  #string(): string {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    // The engine's own parser knows the escapes, and which characters a string cannot have.
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #word(): unknown {
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const number = this.#match(NUMBER);
    if (number === '') throw notJson();
    const value = Number(number);
    return INTEGER.test(number) && !Number.isSafeInteger(value) ? BigInt(number) : value;
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    const isThere = this.#text[this.#at] === character;
    if (isThere) this.#at++;
    return isThere;
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}

function notJson(): SyntaxError {
  return new SyntaxError('The text is not JSON.');
}
