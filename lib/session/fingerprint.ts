import { FingerprintWriter } from './fingerprint-writer.js';
import { MAX_NESTING } from './max-nesting.js';

/** A list of up to this many objects is faster to search than a set. */
const SHORT_LIST = 16;

/**
 * A text that changes with everything in the value that any serializer could store: values with the same text are the same to all
 * serializers. A serializer's own text would not do, because an encrypted text differs each time.
 * @returns the text; `undefined` when there is none, as for a function, or for an instance of a class without `toJSON`, which may
 * hold in private fields what its serializer stores.
 */
export function fingerprint(value: unknown): string | undefined {
  try {
    // No text of the writer is JSON, so the two never collide.
    return new PlainWalk().isPlain(value, 0) ? JSON.stringify(value) : new FingerprintWriter().write(value);
  } catch {
    // A getter or a `toJSON` of the application has thrown.
    return undefined;
  }
}

/**
 * Whether JavaScript's own JSON shows all of a value: no `undefined`, no hole, nothing held twice. One walk, as every read takes
 * it.
 */
class PlainWalk {
  readonly #first: object[] = [];
  #others: Set<object> | undefined;

  isPlain(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
      case 'object':
        return value === null || this.#isPlainContainer(value, depth + 1);
      default:
        return false;
    }
  }

  #isPlainContainer(value: object, depth: number): boolean {
    if (depth > MAX_NESTING || (value as { toJSON?: unknown }).toJSON !== undefined || this.#isKnown(value))
      return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.#isPlainRecord(value as Record<string, unknown>, depth);
    return prototype === Array.prototype && this.#isPlainArray(value as readonly unknown[], depth);
  }

  #isPlainRecord(object: Readonly<Record<string, unknown>>, depth: number): boolean {
    for (const key in object) if (!this.isPlain(object[key], depth)) return false;
    return true;
  }

  #isPlainArray(items: readonly unknown[], depth: number): boolean {
    // Fewer keys: it has holes. More: it has named properties.
    if (Object.keys(items).length !== items.length) return false;
    for (const item of items) if (!this.isPlain(item, depth)) return false;
    return true;
  }

  /** Whether the object was met before, because it is shared or holds itself. Notes that it is met now. */
  #isKnown(value: object): boolean {
    if (this.#first.includes(value) || this.#others?.has(value) === true) return true;
    if (this.#first.length < SHORT_LIST) this.#first.push(value);
    else (this.#others ??= new Set()).add(value);
    return false;
  }
}
