import type { HeadHeaders } from './head-headers.js';

/** Adds `Cookie` to the Vary header: the response depends on the request's cookies (RFC 9110, section 12.5.5). */
export function varyByCookie(headers: HeadHeaders): void {
  const present = headers.getHeader('vary');
  if (present === undefined) {
    headers.setHeader('Vary', 'Cookie');
    return;
  }
  const text = Array.isArray(present) ? present.join(', ') : String(present);
  if (!/(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(text)) headers.setHeader('Vary', `${text}, Cookie`);
}
