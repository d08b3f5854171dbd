import { types } from 'node:util';
import { UnserializableError } from './unserializable-error.js';
import { deeper } from './nesting-depth.js';
import { isPlainObject, unknownInstance } from './plain-object.js';
import { Tuple } from './values/tuple.js';

/** Refuses what `node:v8` cannot keep, or would give back as something else. Used for one value and thrown away. */
export class V8Check {
  /** Shared objects are looked at once, and cycles end. */
  readonly #met = new Set<object>();

  /** @throws {UnserializableError} that knows the path. */
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

  /** A few bytes may say that an array has four billion items, of which none is there: who walks over it does not come back. */
  #array(items: readonly unknown[], depth: number): void {
    for (let index = 0; index < items.length; index++) {
      if (!(index in items))
        throw new UnserializableError('it is an array with holes. Store undefined or null in their place.');
      this.#member(() => items[index], index, items, depth);
    }
    // What `RegExp.prototype.exec` gives, for one, has properties with names.
    this.#members(Object.keys(items).slice(items.length), items, depth);
  }

  #members(keys: readonly string[], object: object, depth: number): void {
    for (const key of keys) this.#member(() => (object as Record<string, unknown>)[key], key, object, depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    let index = 0;
    for (const [key, value] of map) {
      const step = typeof key === 'string' ? key : index;
      this.#member(() => key, step, map, depth);
      this.#member(() => value, step, map, depth);
      index++;
    }
  }

  #items(items: readonly unknown[], holder: object, depth: number): void {
    for (const [index, item] of items.entries()) this.#member(() => item, index, holder, depth);
  }

  #member(read: () => unknown, key: string | number, holder: object, depth: number): void {
    try {
      this.check(read(), depth);
    } catch (error) {
      throw UnserializableError.within(error, key, holder);
    }
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
