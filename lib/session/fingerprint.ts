import { FingerprintWriter } from './fingerprint-writer.js';
import { MAX_NESTING } from './max-nesting.js';

/** Up to so many objects a list is searched faster than a set. */
const SHORT_LIST = 16;

/**
 * A text of our own that changes with everything in the value that any serializer could store; two values with one text are the
 * same to all of them. A serializer's own text would not do: encrypted, it differs each time. `undefined`: there is no such text, as
 * for a function, or for an instance of a class without `toJSON`, which may hold in private fields what its serializer stores.
 */
export function fingerprint(value: unknown): string | undefined {
  try {
    // No text of the writer's is JSON, so the two never meet.
    return new PlainWalk().isPlain(value, 0) ? JSON.stringify(value) : new FingerprintWriter().write(value);
  } catch {
    // A getter or a toJSON method of the user's.
    return undefined;
  }
}

/** Whether the engine's own JSON tells all of a value: no undefined, no hole, nothing held twice. One walk, as it is taken at every read. */
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
    // Fewer: it has holes. More: it has properties with names.
    if (Object.keys(items).length !== items.length) return false;
    for (const item of items) if (!this.isPlain(item, depth)) return false;
    return true;
  }

  /** Whether the object was met before: then it is shared, or holds itself. From here on it is. */
  #isKnown(value: object): boolean {
    if (this.#first.includes(value) || this.#others?.has(value) === true) return true;
    if (this.#first.length < SHORT_LIST) this.#first.push(value);
    else (this.#others ??= new Set()).add(value);
    return false;
  }
}
