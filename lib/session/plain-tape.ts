import { MAX_NESTING } from './max-nesting.js';

/**
 * What a value holds, in one row: texts, numbers and so on as they are, and the marks below around objects and arrays. Two values
 * have the same tape exactly if `JSON.stringify` writes the same text for both; a tape takes less time than that text.
 */
export type PlainTape = readonly unknown[];

const RECORD = Symbol('record');
const END = Symbol('end of a record');
const ARRAY = Symbol('array');

/**
 * The tape of a value.
 * @returns `undefined` where JavaScript's own JSON does not show all of the value: with `undefined`, a hole, something held twice, an
 * instance of a class, and so on.
 */
export function plainTape(value: unknown): PlainTape | undefined {
  const writer = new TapeWriter();
  try {
    return writer.write(value, 0) ? writer.tape : undefined;
  } catch {
    // A getter of the application has thrown.
    return undefined;
  }
}

export function isSameTape(one: PlainTape, other: PlainTape): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** Writes the tape of one value, as far as it is plain. One walk, as every read of an object takes it. */
class TapeWriter {
  readonly tape: unknown[] = [];
  readonly #met = new Set<object>();

  /** @returns whether the value is plain. */
  write(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) return false;
        break;
      case 'object':
        if (value !== null) return this.#container(value, depth + 1);
        break;
      case 'string':
      case 'boolean':
        break;
      default:
        return false;
    }
    this.tape.push(value);
    return true;
  }

  #container(value: object, depth: number): boolean {
    if (depth > MAX_NESTING || (value as { toJSON?: unknown }).toJSON !== undefined || this.#isKnown(value))
      return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.#record(value as Record<string, unknown>, depth);
    return prototype === Array.prototype && this.#array(value as readonly unknown[], depth);
  }

  #record(object: Readonly<Record<string, unknown>>, depth: number): boolean {
    this.tape.push(RECORD);
    for (const key in object) {
      this.tape.push(key);
      if (!this.write(object[key], depth)) return false;
    }
    this.tape.push(END);
    return true;
  }

  #array(items: readonly unknown[], depth: number): boolean {
    // Fewer keys: it has holes. More: it has named properties.
    if (Object.keys(items).length !== items.length) return false;
    this.tape.push(ARRAY, items.length);
    for (const item of items) if (!this.write(item, depth)) return false;
    return true;
  }

  /** Whether the object was met before, because it is shared or holds itself. Notes that it is met now. */
  #isKnown(value: object): boolean {
    const before = this.#met.size;
    return this.#met.add(value).size === before;
  }
}
