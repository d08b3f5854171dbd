import { SessionTooLargeError } from '../../session.errors.js';

/** Most bytes of a value. Memcached's items are 1 MiB with key and head, and the driver takes a refused one for a dead server. */
export const MEMCACHED_VALUE_MAX_BYTES = 1_000_000;

/**
 * The value, if it is sure to fit.
 * @throws {SessionTooLargeError} otherwise, before anything is sent.
 */
export function checkedValue(value: string): string {
  // The driver puts a backslash before each line break.
  const lineBreaks = value.match(/[\r\n]/g)?.length ?? 0;
  if (Buffer.byteLength(value) + lineBreaks <= MEMCACHED_VALUE_MAX_BYTES) return value;
  throw new SessionTooLargeError(
    `Memcached holds values of up to ${MEMCACHED_VALUE_MAX_BYTES} bytes: keep less in the session, or use another store.`,
  );
}

/** What the driver made of a value, as text again: one that another program flagged comes as a number, object or Buffer. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(JSON.stringify(value));
}
