import { MAX_NESTING } from '../../session/max-nesting.js';

const SPACE = 32;

/**
 * Whether plain JSON means the same as the value, so that the engine's own `JSON` can do the work: nothing in it is tagged or
 * looks like a tag, nothing is lost or nested too deeply. For both directions; a cheap walk that allocates nothing. `undefined`
 * is plain, because a member that is undefined is left out either way.
 */
export function isPlainJson(value: unknown, depth = 0): boolean {
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

/** Whether every reader takes the number's plain decimal form for the same number: not so with -0, NaN and large integers. */
export function isPlainNumber(value: number): boolean {
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isSafe && (value !== 0 || 1 / value > 0);
}

function isPlainContainer(value: object, depth: number): boolean {
  if (depth > MAX_NESTING || (value as { toJSON?: unknown }).toJSON !== undefined) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return isPlainArray(value as readonly unknown[], depth);
  if (prototype !== Object.prototype) return false;
  const object = value as Readonly<Record<string, unknown>>;
  for (const key in object) {
    // Every tag starts with a space. The tag writer and reader decide whether this key is one.
    if (key.charCodeAt(0) === SPACE || !isPlainJson(object[key], depth)) return false;
  }
  return true;
}

function isPlainArray(items: readonly unknown[], depth: number): boolean {
  // oxlint-disable-next-line typescript/prefer-for-of -- an index visits holes as well and is twice as fast here
  for (let index = 0; index < items.length; index++) {
    if (!isPlainJson(items[index], depth)) return false;
  }
  return true;
}
