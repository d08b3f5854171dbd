import { SessionConfigurationError, SessionTooLargeError } from '../../session.errors.js';
import { checkedTtl } from '../session-store.js';

/** Most bytes of a key in UTF-8: https://github.com/memcached/memcached/blob/master/doc/protocol.txt */
export const MEMCACHED_KEY_MAX_BYTES = 250;
/** Most bytes of a value. An item is 1 MiB with its key and header, and the driver takes a server that refuses one for dead. */
export const MEMCACHED_VALUE_MAX_BYTES = 1_000_000;
/** Seconds of 30 days. */
const LONGEST_RELATIVE = 30 * 24 * 60 * 60;

// Blanks and control characters end a key on the wire, and a lone surrogate has no UTF-8 of its own.
const UNSENDABLE = /[\s\p{Cc}\p{Cs}]/u;
// The driver puts the key into the command with `String.prototype.replace`, which takes these for patterns: `a$$` became `a$`.
const ALIASED = /\$[$&`']/;
// The driver answers `gets` with an object that has the value under its key and the version under `cas`.
const TAKEN: readonly string[] = ['cas', '__proto__'];

/**
 * The key, if Memcached and its driver do not confuse it with another key.
 * @param namespace what a client of yours puts before each key.
 * @throws {SessionConfigurationError} when they would; the message does not quote the key.
 */
export function checkedKey(key: string, namespace = ''): string {
  const full = namespace + key;
  if (full === '' || Buffer.byteLength(full) > MEMCACHED_KEY_MAX_BYTES) {
    throw new SessionConfigurationError(
      `A Memcached key has 1 to ${MEMCACHED_KEY_MAX_BYTES} bytes: shorten keyPrefix or the key.`,
    );
  }
  if (UNSENDABLE.test(full)) {
    throw new SessionConfigurationError(
      'A Memcached key has no blanks and no control characters: change keyPrefix or the key.',
    );
  }
  if (ALIASED.test(full) || TAKEN.includes(full)) {
    throw new SessionConfigurationError(
      "The Memcached driver would take the key for another one: avoid $$, $&, $` and $' in it, and cas or __proto__ as the whole.",
    );
  }
  return key;
}

/**
 * The value, if it is sure to fit.
 * @throws {SessionTooLargeError} when it may not fit, before the store sends anything.
 */
export function checkedValue(value: string): string {
  // The driver puts a backslash before each line break.
  const lineBreaks = value.match(/[\r\n]/g)?.length ?? 0;
  if (Buffer.byteLength(value) + lineBreaks <= MEMCACHED_VALUE_MAX_BYTES) return value;
  throw new SessionTooLargeError(
    `Memcached holds values of up to ${MEMCACHED_VALUE_MAX_BYTES} bytes: keep less in the session, or use another store.`,
  );
}

/** The driver's value as text again: it turns a value that another program flagged into a number, object or Buffer. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(JSON.stringify(value));
}

/**
 * The lifetime as Memcached takes it: it reads a number above 30 days as a time since 1970, by the server's clock. See
 * "Expiration times" in https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 * @param ttl seconds, or `undefined` for a value that stays.
 */
export function lifetimeOf(ttl: number | undefined): number {
  if (ttl === undefined) return 0;
  return checkedTtl(ttl) > LONGEST_RELATIVE ? Math.floor(Date.now() / 1000) + ttl : ttl;
}
