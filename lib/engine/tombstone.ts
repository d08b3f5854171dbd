import { randomBytes } from 'node:crypto';

/**
 * How long a tombstone stands, in seconds. It has to outlive the requests that were under way, still with the old id, while a
 * session was regenerated or destroyed.
 */
export const TOMBSTONE_SECONDS = 30;

/** No serializer's text begins like this, and no other program takes it for a session: it is not JSON. */
const MARK = 'nest-session tombstone ';

/** What stands where a record was. No two are alike, so a store that sends one twice knows its own again. */
export function newTombstone(): string {
  return MARK + randomBytes(9).toString('base64url');
}

/** Whether the text is a tombstone and no record. */
export function isTombstone(text: string): boolean {
  return text.startsWith(MARK);
}
