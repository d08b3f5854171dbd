import type { ServerResponse } from 'node:http';

/** Adds `Cookie` to the Vary header: the response depends on the request's cookies (RFC 9110, section 12.5.5). */
export function varyByCookie(response: ServerResponse): void {
  const present = response.getHeader('vary');
  if (present === undefined) {
    response.setHeader('Vary', 'Cookie');
    return;
  }
  const text = Array.isArray(present) ? present.join(', ') : String(present);
  if (!/(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(text)) response.setHeader('Vary', `${text}, Cookie`);
}
