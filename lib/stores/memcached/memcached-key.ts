import { SessionConfigurationError } from '../../session.errors.js';

/** Most bytes of a key in UTF-8: https://github.com/memcached/memcached/blob/master/doc/protocol.txt */
export const MEMCACHED_KEY_MAX_BYTES = 250;

// Blanks and control characters end a key on the wire, and a lone surrogate has no UTF-8 of its own.
const UNSENDABLE = /[\s\p{Cc}\p{Cs}]/u;
// The driver puts the key into the command with `String.prototype.replace`, which takes these for patterns: `a$$` became `a$`.
const ALIASED = /\$[$&`']/;
// The driver answers `gets` with an object that has the value under its key and the version under `cas`.
const TAKEN: readonly string[] = ['cas', '__proto__'];

/**
 * The key, if Memcached and its driver keep it apart from every other one.
 * @param namespace what a client of yours puts before each key.
 * @throws {SessionConfigurationError} otherwise; the message does not quote the key.
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
