import { types } from 'node:util';

import { isPlainObject, unknownInstance } from './plain-object.js';
import { deeper, UnserializableError, withPath } from './unserializable-error.js';
import { Tuple } from './values/tuple.js';

/** Refuses what `node:v8` cannot keep, or would give back as something else. One check is for one value. */
export class V8Check {
  /** Each shared object is checked once, and a cycle ends. */
  readonly #met = new Set<object>();

  /** @throws {UnserializableError} when a value cannot be kept; the error has its path. */
  check(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'object':
        if (value !== null && !this.#met.has(value)) this.#object(value, depth);
        return;
      case 'function':
      case 'symbol':
        throw new UnserializableError(`a ${typeof value} has no stored form. Keep it outside the session.`);
      default:
    }
  }

  #object(value: object, depth: number): void {
    this.#met.add(value);
    const inner = deeper(depth);
    if (Array.isArray(value) && !(value instanceof Tuple)) this.#array(value, inner);
    else if (types.isMap(value)) this.#map(value, inner);
    else if (types.isSet(value)) this.#items([...value], value, inner);
    else if (isPlainObject(value)) this.#members(Object.keys(value), value, inner);
    else if (types.isNativeError(value)) this.#members(Object.hasOwn(value, 'cause') ? ['cause'] : [], value, inner);
    else if (!isKnownToV8(value)) throw unknownInstance(value, 'Store a plain object instead.');
  }

  /** Stops at the first hole: a few bytes can claim an array of four billion items, and a walk over its holes would not end. */
  #array(items: readonly unknown[], depth: number): void {
    for (let index = 0; index < items.length; index++) {
      if (!(index in items)) {
        throw new UnserializableError('it is an array with holes. Store undefined or null in their place.');
      }
      withPath(index, items, () => this.check(items[index], depth));
    }
    // Named properties, such as those of the result of `RegExp.prototype.exec`.
    this.#members(Object.keys(items).slice(items.length), items, depth);
  }

  #members(keys: readonly string[], object: object, depth: number): void {
    for (const key of keys) {
      withPath(key, object, () => this.check((object as Record<string, unknown>)[key], depth));
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    let index = 0;
    for (const [key, value] of map) {
      const step = typeof key === 'string' ? key : index;
      withPath(step, map, () => this.check(key, depth));
      withPath(step, map, () => this.check(value, depth));
      index++;
    }
  }

  #items(items: readonly unknown[], holder: object, depth: number): void {
    for (const [index, item] of items.entries()) withPath(index, holder, () => this.check(item, depth));
  }
}

function isKnownToV8(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isArrayBuffer(value) ||
    types.isArrayBufferView(value) ||
    (types.isBoxedPrimitive(value) && !types.isSymbolObject(value))
  );
}
