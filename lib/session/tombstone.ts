import { randomBytes } from 'node:crypto';

/**
 * How long a tombstone stands, in seconds. It has to outlive the requests that were under way with the old id while a session was
 * regenerated or destroyed.
 */
export const TOMBSTONE_SECONDS = 30;

/** What a tombstone begins with. No serializer writes this, and no other program takes it for a session: it is not JSON. */
export const TOMBSTONE_MARK = 'nest-session tombstone ';

/** A new tombstone, to stand where a record was. No two are alike, so that a store that sends one twice recognises its own. */
export function newTombstone(): string {
  return TOMBSTONE_MARK + randomBytes(9).toString('base64url');
}

/** Whether the text is a tombstone and not a record. */
export function isTombstone(text: string): boolean {
  return text.startsWith(TOMBSTONE_MARK);
}
