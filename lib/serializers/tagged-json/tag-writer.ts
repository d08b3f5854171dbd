import { types } from 'node:util';
import type { DateForm, Dialect } from './dialect.js';
import { formatNumber } from './json-number.js';
import { quote } from './json-string.js';
import { Markup } from '../values/markup.js';
import { UnserializableError } from '../unserializable-error.js';
import { deeper } from '../nesting-depth.js';
import { isPlainObject, unknownInstance } from '../plain-object.js';
import { TAG, tagsOf } from './tags.js';
import { Tuple } from '../values/tuple.js';
import { Uuid } from '../values/uuid.js';
import { formatWireDate } from '../values/wire-date.js';

const SPACE = 32;

const MISFITS: Readonly<Record<string, string>> = {
  function: 'a function has no stored form. Keep it outside the session.',
  symbol: 'a symbol has no stored form. Store a string instead.',
  undefined: 'undefined has no stored form. Store null instead.',
};

/** Writes tagged JSON, in one pass. Throws a {@link UnserializableError} where a value has no form in its dialect. */
export class TagWriter {
  readonly #dialect: Dialect;
  readonly #dates: DateForm;
  readonly #tags: ReadonlySet<string>;

  constructor(dialect: Dialect, dates: DateForm) {
    this.#dialect = dialect;
    this.#dates = dates;
    this.#tags = tagsOf(dialect);
  }

  write(value: unknown): string {
    return this.#value(resolve(value, ''), 0);
  }

  /** `depth` counts the levels of the text around this value. */
  #value(value: unknown, depth: number): string {
    switch (typeof value) {
      case 'string':
        return quote(value);
      case 'number':
        return formatNumber(value);
      case 'boolean':
        return value ? 'true' : 'false';
      case 'bigint':
        return this.#dialect === 'quart' ? String(value) : tagged(TAG.bigint, `"${value}"`, depth);
      case 'object':
        return value === null ? 'null' : this.#object(value, depth);
      default:
        throw new UnserializableError(MISFITS[typeof value]);
    }
  }

  #object(value: object, depth: number): string {
    if (Array.isArray(value)) {
      return value instanceof Tuple
        ? tagged(TAG.tuple, this.#items(value, depth + 1), depth)
        : this.#items(value, depth);
    }
    if (isPlainObject(value)) return this.#record(value, depth);
    if (types.isMap(value)) return this.#map(value, depth);
    if (types.isSet(value)) return this.#set(value, depth);
    return this.#leaf(value, depth);
  }

  #leaf(value: object, depth: number): string {
    if (types.isDate(value)) {
      return tagged(TAG.date, quote(formatWireDate(value, this.#dialect, this.#dates)), depth);
    }
    if (types.isUint8Array(value)) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return tagged(TAG.bytes, `"${bytes.toString('base64')}"`, depth);
    }
    if (value instanceof Markup) return tagged(TAG.markup, quote(value.html), depth);
    if (value instanceof Uuid) return tagged(TAG.uuid, quote(value.value.replaceAll('-', '')), depth);
    throw unknownInstance(value, 'Store a plain object, or give the class a toJSON method.');
  }

  #record(object: Readonly<Record<string, unknown>>, depth: number): string {
    const keys = Object.keys(object);
    if (keys.some(mayBeTag)) return this.#lookalike(object, keys, depth);
    const inner = deeper(depth);
    let text = '';
    let key = '';
    try {
      for (key of keys) {
        const value = resolve(object[key], key);
        if (value !== undefined) text += `${text === '' ? '' : ','}${quote(key)}:${this.#value(value, inner)}`;
      }
    } catch (error) {
      throw UnserializableError.within(error, key, object);
    }
    return `{${text}}`;
  }

  /** An object that would be read as a tagged value, should the tag be the only one of its keys that is written. */
  #lookalike(object: Readonly<Record<string, unknown>>, keys: readonly string[], depth: number): string {
    const entries = keys
      .map((key) => [key, resolveMember(object, key)] as const)
      .filter(([, value]) => value !== undefined);
    const isEscaped = entries.length === 1 && entries.some(([key]) => this.#tags.has(key));
    const inner = deeper(isEscaped ? depth + 1 : depth);
    const members = entries.map(([key, value]) => {
      try {
        return `${quote(isEscaped ? `${key}__` : key)}:${this.#value(value, inner)}`;
      } catch (error) {
        throw UnserializableError.within(error, key, object);
      }
    });
    const text = `{${members.join(',')}}`;
    return isEscaped ? tagged(TAG.dict, text, depth) : text;
  }

  #items(items: readonly unknown[], depth: number, holder: object = items): string {
    const inner = deeper(depth);
    let text = '';
    let index = 0;
    try {
      for (; index < items.length; index++)
        text += `${index === 0 ? '' : ','}${this.#item(items[index], index, inner)}`;
    } catch (error) {
      throw UnserializableError.within(error, index, holder);
    }
    return `[${text}]`;
  }

  /** Undefined becomes null, as in JSON: leaving it out would move all that follow. */
  #item(item: unknown, index: number, depth: number): string {
    return this.#value(resolve(item, index) ?? null, depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): string {
    this.#refuseUnderQuart('a Map', 'a plain object or an array of pairs');
    const inner = deeper(deeper(depth + 1));
    const pairs = Array.from(map, ([key, value], index) => {
      try {
        return `[${this.#item(key, 0, inner)},${this.#item(value, 1, inner)}]`;
      } catch (error) {
        throw UnserializableError.within(error, typeof key === 'string' ? key : index, map);
      }
    });
    return tagged(TAG.map, `[${pairs.join(',')}]`, depth);
  }

  #set(set: ReadonlySet<unknown>, depth: number): string {
    this.#refuseUnderQuart('a Set', 'an array');
    return tagged(TAG.set, this.#items([...set], depth + 1, set), depth);
  }

  #refuseUnderQuart(kind: string, remedy: string): void {
    if (this.#dialect === 'quart') {
      throw new UnserializableError(
        `${kind} has no form that Python reads. Store ${remedy} instead, or use the native dialect.`,
      );
    }
  }
}

function tagged(tag: string, text: string, depth: number): string {
  deeper(depth);
  return `{"${tag}":${text}}`;
}

function mayBeTag(key: string): boolean {
  return key.charCodeAt(0) === SPACE;
}

function resolveMember(object: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return resolve(object[key], key);
  } catch (error) {
    throw UnserializableError.within(error, key, object);
  }
}

/** What stands for the value: itself, or what its `toJSON` gives. Kinds that have a tag keep it though they have a `toJSON`. */
function resolve(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === 'function' && !hasTag(value) ? toJSON.call(value, String(key)) : value;
}

function hasTag(value: object): boolean {
  return types.isDate(value) || types.isUint8Array(value) || value instanceof Markup || value instanceof Uuid;
}
