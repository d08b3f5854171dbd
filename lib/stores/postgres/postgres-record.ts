import { getRandomValues } from 'node:crypto';

import { SessionConfigurationError, SessionTooLargeError } from '../../session.errors.js';
import { checkedTtl } from '../session-store.js';

/** Most characters of a key as the table has it: an entry of a B-tree has up to 2704 bytes. */
export const POSTGRES_KEY_MAX_LENGTH = 2500;
/** Most bytes of a value in UTF-8: 256 MiB. PostgreSQL takes messages and fields of up to 1 GiB, and Node texts of half of that. */
export const POSTGRES_VALUE_MAX_BYTES = 256 * 1024 * 1024;
/** Seconds; more than a point in time of PostgreSQL could hold. */
const LONGEST = 100_000_000_000;

const VERSION = /^-?\d{1,19}$/;

// A backslash, and what is not printable ASCII.
const ESCAPED = /[^\x20-\x5b\x5d-\x7e]/g;

/**
 * The key as the table has it: as it is, except that whatever is not printable ASCII, and the backslash, is `\u` and four hexadecimal
 * digits. So each key of JavaScript has a text of its own in every encoding of a database, also one with U+0000.
 * @throws {SessionConfigurationError} when the key is too long; the message does not quote it.
 */
export function keyText(key: string): string {
  const text = key.replace(ESCAPED, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (text.length <= POSTGRES_KEY_MAX_LENGTH) return text;
  throw new SessionConfigurationError(
    `A key in PostgreSQL has up to ${POSTGRES_KEY_MAX_LENGTH} characters, and each that is not ASCII counts as six: shorten keyPrefix or the key.`,
  );
}

/**
 * The value's UTF-8.
 * @throws {SessionTooLargeError} when it is too large, before the store sends anything.
 */
export function valueBytes(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length <= POSTGRES_VALUE_MAX_BYTES) return bytes;
  throw new SessionTooLargeError(
    `PostgresStore keeps values of up to ${POSTGRES_VALUE_MAX_BYTES} bytes: keep less in the session.`,
  );
}

/** The value whose UTF-8 this is in Base64. */
export function valueOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

/** The lifetime in seconds, or `null` for a value that stays. */
export function lifetimeText(ttl: number | undefined): string | null {
  return ttl === undefined ? null : String(Math.min(checkedTtl(ttl), LONGEST));
}

/** A version that no record has had. */
export function newVersion(): string {
  return String(getRandomValues(new BigInt64Array(1))[0]);
}

/** A version as the table has it; `null`, which no record has, for one that is not of this store. */
export function versionText(version: unknown): string | null {
  const isVersion = typeof version === 'string' && VERSION.test(version);
  return isVersion && BigInt.asIntN(64, BigInt(version)) === BigInt(version) ? version : null;
}
