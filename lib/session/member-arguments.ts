import { parseDuration } from '../duration.js';
import { shown } from '../shown.js';
import { LONGEST_LIFETIME } from './session-record.js';

const MOST_METHODS = 20;
const LONGEST_METHOD = 64;

/**
 * What `remember` is given, in seconds.
 * @throws {TypeError} when it is neither a duration of at most ten years nor `false`.
 */
export function checkedLifetime(lifetime: unknown): number | false {
  if (lifetime === false) return false;
  const seconds = parseDuration(lifetime);
  if (seconds !== undefined && seconds <= LONGEST_LIFETIME) return seconds;
  throw new TypeError(
    `remember: the lifetime is ${shown(lifetime)}: write a string with a unit such as '30d', or seconds as a number above 0, of at most 10 years; or false, for as long as the browser is open.`,
  );
}

/**
 * The methods that `signedIn` is given, as a list of its own.
 * @throws {TypeError} when `amr` is no list of short texts.
 */
export function checkedMethods(options: unknown): readonly string[] | undefined {
  const { amr } = Object(options) as { readonly amr?: unknown };
  const isObject = options === undefined || (typeof options === 'object' && options !== null);
  if (isObject && amr === undefined) return undefined;
  if (isObject && Array.isArray(amr) && amr.length <= MOST_METHODS && amr.every(isMethod)) return [...amr];
  throw new TypeError(
    `signedIn: write { amr }, a list of up to ${MOST_METHODS} texts of 1 to ${LONGEST_METHOD} characters, such as ['pwd', 'otp'] (RFC 8176), or nothing.`,
  );
}

function isMethod(method: unknown): method is string {
  return typeof method === 'string' && method.length >= 1 && method.length <= LONGEST_METHOD;
}
