import { types } from 'node:util';
import { Misfit } from './misfit.js';
import { nest } from './nesting.js';
import { isPlainObject, unknownInstance } from './plain-object.js';
import { Tuple } from './tuple.js';

const WIDE = /[^\0-\xff]/;

/**
 * A deep copy in which equal values look alike to `node:v8` as well. That writes how a value happens to lie in memory: 1 as an
 * integer or as a double, by what its array or property held before, and ASCII in one byte or in two, by what it was cut from.
 */
export class CanonicalCopy {
  /** Copies by original, so that shared objects stay shared and cycles end. */
  readonly #copies = new Map<object, object>();

  of(value: unknown, depth = 0): unknown {
    switch (typeof value) {
      case 'number':
        return canonicalNumber(value);
      case 'string':
        return WIDE.test(value) ? value : Buffer.from(value, 'latin1').toString('latin1');
      case 'object':
        return value === null ? null : (this.#copies.get(value) ?? this.#object(value, depth));
      case 'function':
      case 'symbol':
        throw new Misfit(`a ${typeof value} has no stored form. Keep it outside the session.`);
      default:
        return value;
    }
  }

  #object(value: object, depth: number): object {
    const inner = nest(depth);
    if (Array.isArray(value) && !(value instanceof Tuple)) return this.#array(value, inner);
    if (types.isMap(value)) return this.#map(value, inner);
    if (types.isSet(value)) return this.#set(value, inner);
    if (isPlainObject(value)) return this.#record(value, inner);
    if (isKnownToV8(value)) return value;
    throw unknownInstance(value, 'Store a plain object instead.');
  }

  #record(object: Readonly<Record<string, unknown>>, depth: number): object {
    // Without a prototype an object is a dictionary, whose values do not take the type of what was there before.
    const copy = this.#remember(object, Object.create(null) as Record<string, unknown>);
    for (const key of Object.keys(object)) copy[key] = this.#member(() => object[key], key, object, depth);
    return copy;
  }

  #array(items: readonly unknown[], depth: number): object {
    // An array that has held undefined never packs its numbers as doubles.
    const copy = this.#remember(items, items.length === 0 ? [] : [undefined as unknown]);
    for (const [index, item] of items.entries()) copy[index] = this.#member(() => item, index, items, depth);
    return copy;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): object {
    const copy = this.#remember(map, new Map<unknown, unknown>());
    let index = 0;
    for (const [key, value] of map) {
      const step = typeof key === 'string' ? key : index;
      copy.set(
        this.#member(() => key, step, map, depth),
        this.#member(() => value, step, map, depth),
      );
      index++;
    }
    return copy;
  }

  #set(set: ReadonlySet<unknown>, depth: number): object {
    const copy = this.#remember(set, new Set<unknown>());
    let index = 0;
    for (const item of set) copy.add(this.#member(() => item, index++, set, depth));
    return copy;
  }

  #remember<T extends object>(original: object, copy: T): T {
    this.#copies.set(original, copy);
    return copy;
  }

  #member(read: () => unknown, key: string | number, holder: object, depth: number): unknown {
    try {
      return this.of(read(), depth);
    } catch (error) {
      throw Misfit.within(error, key, holder);
    }
  }
}

function canonicalNumber(value: number): number {
  // Several bit patterns are NaN.
  if (Number.isNaN(value)) return Number.NaN;
  const integer = value | 0;
  return Object.is(integer, value) ? integer : value;
}

function isKnownToV8(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isArrayBuffer(value) ||
    types.isArrayBufferView(value) ||
    types.isBoxedPrimitive(value)
  );
}
