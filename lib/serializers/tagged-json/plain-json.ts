import { MAX_NESTING } from '../../session/max-nesting.js';
import { isPlainNumber } from './json-number.js';

const SPACE = 32;

/**
 * Whether the value and plain JSON mean the same, so that the engine's own `JSON` can do the work: nothing in it is tagged or
 * looks like a tag, nothing is lost or nested too deeply. One cheap walk that allocates nothing, for both directions.
 */
export function isPlainJson(value: unknown): boolean {
  return value !== undefined && isPlain(value, 0);
}

function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return isPlainNumber(value);
    case 'object':
      return value === null || isPlainContainer(value, depth + 1);
    default:
      return false;
  }
}

function isPlainContainer(value: object, depth: number): boolean {
  if (depth > MAX_NESTING || (value as { toJSON?: unknown }).toJSON !== undefined) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return isPlainRecord(value as Record<string, unknown>, depth);
  return prototype === Array.prototype && isPlainArray(value as readonly unknown[], depth);
}

function isPlainArray(items: readonly unknown[], depth: number): boolean {
  // oxlint-disable-next-line typescript/prefer-for-of -- an index visits holes as well and is twice as fast here
  for (let index = 0; index < items.length; index++) {
    if (!isPlain(items[index], depth)) return false;
  }
  return true;
}

function isPlainRecord(object: Readonly<Record<string, unknown>>, depth: number): boolean {
  for (const key in object) {
    // Every tag starts with a space; whether this key is one is left to those who know the tags.
    if (key.charCodeAt(0) === SPACE || !isPlain(object[key], depth)) return false;
  }
  return true;
}
