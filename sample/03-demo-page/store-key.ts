import { createHash } from 'node:crypto';

export const KEY_PREFIX = 'demo-page:';

/**
 * The key of a session's record in the store. It holds a hash of the id and not the id, so a page may show it, and a leaked
 * dump of the store opens no session.
 */
export function storeKey(sessionId: string): string {
  return KEY_PREFIX + createHash('sha256').update(sessionId).digest('base64url');
}
