import { hash } from 'node:crypto';

/**
 * The handle of a session: it names one without being its cookie. It stays as long as the session has its id.
 * @param name the key of its record, without the prefix.
 */
export function handleOf(name: string): string {
  // A hash again, as without `hashIds` the name is the id.
  return hash('sha256', `nest-session handle ${name}`, 'base64url').slice(0, 22);
}
