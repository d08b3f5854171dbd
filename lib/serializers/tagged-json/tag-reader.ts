import { deeper, UnserializableError } from '../unserializable-error.js';
import { Markup } from '../values/markup.js';
import { Tuple } from '../values/tuple.js';
import { Uuid } from '../values/uuid.js';
import { parseDate } from './date-text.js';
import { TAG, tagsOf, type Dialect, type Tag } from './tags.js';

type Decode = (value: unknown) => unknown;

const BIGINT = /^-?\d+$/;

/** How to decode the value under each tag. Stricter than Python, which reads forms that no program writes: a malformed tag is corruption. */
const DECODERS: Readonly<Record<Tag, Decode>> = {
  [TAG.dict]: unescapeDict,
  [TAG.tuple]: (value) => new Tuple(asArray(value)),
  [TAG.bytes]: (value) => decodeBytes(asString(value)),
  [TAG.markup]: (value) => new Markup(asString(value)),
  [TAG.uuid]: (value) => decodeUuid(asString(value)),
  [TAG.date]: (value) => parseDate(asString(value)) ?? malformed('the text under the tag is no date'),
  [TAG.bigint]: (value) => (BIGINT.test(asString(value)) ? BigInt(asString(value)) : malformed('it is no integer')),
  [TAG.map]: (value) => new Map(asArray(value).map(asPair)),
  [TAG.set]: (value) => new Set(asArray(value)),
};

/** Turns parsed JSON into the values that its tags stand for, children first. One reader is for one text. */
export class TagReader {
  readonly #tags: ReadonlySet<string>;
  #sawRoundedInteger = false;

  constructor(dialect: Dialect) {
    this.#tags = tagsOf(dialect);
  }

  /** Whether a number may be an integer that `JSON.parse` has rounded: the text must then be parsed exactly. */
  get sawRoundedInteger(): boolean {
    return this.#sawRoundedInteger;
  }

  /**
   * @param json the result of a JSON parser; it is changed in place.
   * @throws {UnserializableError} when a tag is malformed; the error has its path.
   */
  read(json: unknown, depth = 0): unknown {
    if (typeof json === 'number') return this.#number(json);
    if (typeof json !== 'object' || json === null) return json;
    if (Array.isArray(json)) return this.#items(json, deeper(depth));
    const object = json as Record<string, unknown>;
    const keys = Object.keys(object);
    const tag = keys.length === 1 ? keys[0] : undefined;
    if (tag === undefined || !this.#tags.has(tag)) return this.#record(object, keys, deeper(depth));
    return DECODERS[tag as Tag](this.read(object[tag], deeper(depth)));
  }

  #number(value: number): number {
    // JSON.parse reads an integer of more than 308 digits as Infinity.
    const isWhole = Number.isInteger(value) || !Number.isFinite(value);
    if (isWhole && !Number.isSafeInteger(value)) this.#sawRoundedInteger = true;
    return value;
  }

  #items(items: unknown[], depth: number): unknown[] {
    let index = 0;
    try {
      for (; index < items.length; index++) items[index] = this.read(items[index], depth);
    } catch (error) {
      throw UnserializableError.within(error, index, items);
    }
    return items;
  }

  #record(object: Record<string, unknown>, keys: readonly string[], depth: number): object {
    for (const key of keys) {
      try {
        // Assigning is safe even to `__proto__`, because the parser made each key an own property.
        object[key] = this.read(object[key], depth);
      } catch (error) {
        throw UnserializableError.within(error, key, object);
      }
    }
    return object;
  }
}

function unescapeDict(value: unknown): object {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return malformed('the tag holds no object');
  }
  const entries: [string, unknown][] = Object.entries(value);
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) return malformed('the tag must hold an object with one key');
  // A computed key never sets the prototype, not even `__proto__`.
  return { [entry[0].slice(0, -2)]: entry[1] };
}

function decodeBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node skips characters that are no base64; encoding the bytes again shows whether it did.
  return bytes.toString('base64') === text ? bytes : malformed('the text under the tag is no padded base64');
}

function decodeUuid(text: string): Uuid {
  try {
    return new Uuid(text);
  } catch {
    return malformed('the text under the tag is no UUID');
  }
}

function asString(value: unknown): string {
  return typeof value === 'string' ? value : malformed('the tag holds no string');
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : malformed('the tag holds no array');
}

function asPair(value: unknown): readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : malformed('the tag holds no pairs');
}

function malformed(what: string): never {
  throw new UnserializableError(`it is malformed, ${what}.`);
}
