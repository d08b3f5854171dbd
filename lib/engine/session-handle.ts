import { hash } from 'node:crypto';

/** How long a handle is: 132 bits. */
const LENGTH = 22;

/**
 * The handle of a session: names it where its id must not be shown, and opens nothing. It is the same for as long as the id is.
 * @param name the key of the session's record, without `keyPrefix`.
 */
export function handleOf(name: string): string {
  return hash('sha256', `nest-session handle ${name}`, 'base64url').slice(0, LENGTH);
}
