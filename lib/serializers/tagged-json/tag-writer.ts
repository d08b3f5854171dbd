import { types } from 'node:util';

import { isPlainObject, unknownInstance } from '../plain-object.js';
import { deeper, UnserializableError, withPath } from '../unserializable-error.js';
import { Markup } from '../values/markup.js';
import { Tuple } from '../values/tuple.js';
import { Uuid } from '../values/uuid.js';
import { formatDate, type DateForm } from './date-text.js';
import { formatNumber, quote } from './json-scalars.js';
import { mayBeTag, TAG, tagsOf, type Dialect } from './tags.js';

const NO_STORED_FORM: Readonly<Record<string, string>> = {
  function: 'a function has no stored form. Keep it outside the session.',
  symbol: 'a symbol has no stored form. Store a string instead.',
  undefined: 'undefined has no stored form. Store null instead.',
};

/** Writes tagged JSON, in one pass. */
export class TagWriter {
  readonly #dialect: Dialect;
  readonly #dates: DateForm;
  readonly #tags: ReadonlySet<string>;

  constructor(dialect: Dialect, dates: DateForm) {
    this.#dialect = dialect;
    this.#dates = dates;
    this.#tags = tagsOf(dialect);
  }

  /** @throws {UnserializableError} when a value has no form in the dialect; the error has its path. */
  write(value: unknown): string {
    return this.#value(substituteOf(value, ''), 0);
  }

  /** @param depth how many levels of the text are around this value. */
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
        throw new UnserializableError(NO_STORED_FORM[typeof value]);
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
      return tagged(TAG.date, quote(formatDate(value, this.#dialect, this.#dates)), depth);
    }
    if (types.isUint8Array(value)) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return tagged(TAG.bytes, `"${bytes.toString('base64')}"`, depth);
    }
    if (value instanceof Markup) return tagged(TAG.markup, quote(value.html), depth);
    if (value instanceof Uuid) return tagged(TAG.uuid, quote(value.value.replaceAll('-', '')), depth);
    throw unknownInstance(value, 'Store a plain object, such as { ...dto }, or give the class a toJSON method.');
  }

  #record(object: Readonly<Record<string, unknown>>, depth: number): string {
    const keys = Object.keys(object);
    if (keys.some(mayBeTag)) return this.#lookalike(object, keys, depth);
    const inner = deeper(depth);
    let text = '';
    let key = '';
    try {
      for (key of keys) {
        const value = substituteOf(object[key], key);
        if (value !== undefined) text += `${text === '' ? '' : ','}${quote(key)}:${this.#value(value, inner)}`;
      }
    } catch (error) {
      throw UnserializableError.within(error, key, object);
    }
    return `{${text}}`;
  }

  /** Writes an object that would read as a tagged value if the tag is its only key with a value. It is then escaped as a `dict`. */
  #lookalike(object: Readonly<Record<string, unknown>>, keys: readonly string[], depth: number): string {
    const entries = keys
      .map((key) => [key, withPath(key, object, () => substituteOf(object[key], key))] as const)
      .filter(([, value]) => value !== undefined);
    const isEscaped = entries.length === 1 && entries.some(([key]) => this.#tags.has(key));
    const inner = deeper(isEscaped ? depth + 1 : depth);
    const members = entries.map(([key, value]) =>
      withPath(key, object, () => `${quote(isEscaped ? `${key}__` : key)}:${this.#value(value, inner)}`),
    );
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

  /** `undefined` becomes null, as in JSON: leaving it out would move all items after it. */
  #item(item: unknown, index: number, depth: number): string {
    return this.#value(substituteOf(item, index) ?? null, depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): string {
    this.#refuseUnderQuart('a Map', 'a plain object or an array of pairs');
    const inner = deeper(deeper(depth + 1));
    const pairs = Array.from(map, ([key, value], index) =>
      withPath(
        typeof key === 'string' ? key : index,
        map,
        () => `[${this.#item(key, 0, inner)},${this.#item(value, 1, inner)}]`,
      ),
    );
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

/** What is written for the value: itself, or the result of its `toJSON`. A value with a tag keeps the tag, even if it has a `toJSON`. */
function substituteOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === 'function' && !hasTag(value) ? toJSON.call(value, String(key)) : value;
}

function hasTag(value: object): boolean {
  return types.isDate(value) || types.isUint8Array(value) || value instanceof Markup || value instanceof Uuid;
}
