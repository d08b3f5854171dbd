import { types } from 'node:util';

import { MAX_NESTING } from './max-nesting.js';

/** The properties of an error that are not enumerable, or that it inherits. */
const ERROR_PARTS = ['name', 'message', 'stack', 'cause', 'errors'] as const;

type Members = Readonly<Record<string, unknown>>;

/** Thrown for a value that cannot be told from another one. Made once, as its stack is of no use. */
const NO_TEXT = new Error('The value has no text.');

/**
 * Writes a text of a value in which each part carries its kind and its length, so that no two values have the same text. The text
 * is only compared, never read. A writer serves one value and is then thrown away.
 */
export class FingerprintWriter {
  /** Objects in the order in which they were met. The text refers to shared objects and cycles by that number. */
  readonly #known = new Map<object, number>();

  /** @throws {unknown} when a getter or `toJSON` throws, its error; when the value has no text, one of the writer's own. */
  write(value: unknown): string {
    return this.#value(value, 0);
  }

  #value(value: unknown, depth: number): string {
    switch (typeof value) {
      case 'string':
        return written('s', value);
      case 'number':
        return Object.is(value, -0) ? 'i-0;' : `i${value};`;
      case 'object':
        return value === null ? 'z' : this.#object(value, depth);
      case 'boolean':
      case 'bigint':
      case 'undefined':
        return `${typeof value} ${value};`;
      default:
        throw NO_TEXT;
    }
  }

  #object(value: object, depth: number): string {
    const known = this.#known.get(value);
    if (known !== undefined) return `@${known};`;
    if (depth >= MAX_NESTING) throw NO_TEXT;
    this.#known.set(value, this.#known.size);
    const name = written('(', className(value));
    if (Array.isArray(value)) return `${name}${this.#array(value, depth + 1)})`;
    const content = this.#content(value, depth + 1);
    return `${name}${content ?? this.#instance(value, depth + 1)})`;
  }

  /** What a built-in object holds beside its properties; `undefined` for any other object. */
  #content(value: object, depth: number): string | undefined {
    if (types.isDate(value)) return `${value.getTime()};${this.#members(value, depth)}`;
    if (types.isAnyArrayBuffer(value)) return bytesOf(value);
    if (ArrayBuffer.isView(value)) return bytesOf(value.buffer, value.byteOffset, value.byteLength);
    if (types.isMap(value)) return this.#items([...value].flat(), depth) + this.#members(value, depth);
    if (types.isSet(value)) return this.#items([...value], depth) + this.#members(value, depth);
    if (types.isRegExp(value)) return written('r', String(value)) + this.#members(value, depth);
    if (types.isBoxedPrimitive(value)) return this.#value(value.valueOf(), depth) + this.#members(value, depth);
    if (types.isNativeError(value)) return this.#error(value, depth);
    return undefined;
  }

  /**
   * A class may keep part of its content in private fields, which a serializer of the application's may store. So an instance has a
   * text only if its `toJSON` tells all there is.
   */
  #instance(value: object, depth: number): string {
    const { toJSON } = value as { readonly toJSON?: unknown };
    const isPlain = hasPlainPrototype(value);
    const json = typeof toJSON === 'function' ? `j${this.#value(toJSON.call(value, ''), depth)}` : '';
    if (json !== '' && !isPlain) return json;
    if (!isPlain) throw NO_TEXT;
    return json + this.#members(value, depth, json !== '');
  }

  #error(error: Error, depth: number): string {
    const parts = ERROR_PARTS.filter((part) => part in error);
    const texts = parts.map((part) => written('p', part) + this.#value((error as unknown as Members)[part], depth));
    return texts.join('') + this.#members(error, depth);
  }

  /** @param overlooksMethods whether functions are not data, as in an object whose own properties include a `toJSON`. */
  #members(object: object, depth: number, overlooksMethods = false): string {
    let text = '';
    for (const key of Object.keys(object)) {
      const value = (object as Members)[key];
      if (!overlooksMethods || typeof value !== 'function') text += written('p', key) + this.#value(value, depth);
    }
    return text;
  }

  #array(items: readonly unknown[], depth: number): string {
    const { length } = items;
    const keys = Object.keys(items);
    const isDense = keys.length === length && (length === 0 || keys[length - 1] === String(length - 1));
    // There may be billions of holes, so the text names the keys that exist instead.
    return isDense ? this.#items(items, depth) : `${length};${this.#members(items, depth)}`;
  }

  #items(items: readonly unknown[], depth: number): string {
    let text = `${items.length}:`;
    for (const item of items) text += this.#value(item, depth);
    return text;
  }
}

function written(kind: string, text: string): string {
  return `${kind}${text.length}:${text}`;
}

function bytesOf(buffer: ArrayBufferLike, start = 0, length = buffer.byteLength): string {
  return written('b', Buffer.from(buffer, start, length).toString('latin1'));
}

function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
  const made = prototype?.constructor;
  return typeof made === 'function' ? made.name : '';
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
