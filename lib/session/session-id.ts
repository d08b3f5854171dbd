import { randomBytes } from 'node:crypto';

/** How many ids of one request are looked up. A page on a sibling domain can set cookies of our name, but not cost many reads. */
export const MAX_IDS = 4;

/** What every session id looks like: letters, digits, `-` and `_`, so that it needs no escaping in a cookie or a store key. */
const WELL_FORMED = /^[A-Za-z0-9_-]{16,128}$/;

/** A new session id: 192 random bits in base64url, 32 characters. OWASP asks for at least 128 bits of entropy (ASVS 5.0, 7.2.3). */
export function generateSessionId(): string {
  return randomBytes(24).toString('base64url');
}

/** Whether a text can be a session id. One that cannot never reaches the store. */
export function isWellFormedId(text: string): boolean {
  return WELL_FORMED.test(text);
}
