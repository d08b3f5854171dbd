import type { ServerResponse } from 'node:http';

/** Says that the answer depends on the request's cookies (RFC 9110, section 12.5.5), beside whatever else it depends on. */
export function varyByCookie(response: ServerResponse): void {
  const present = response.getHeader('vary');
  if (present === undefined) {
    response.setHeader('Vary', 'Cookie');
    return;
  }
  const text = Array.isArray(present) ? present.join(', ') : String(present);
  if (!/(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(text)) response.setHeader('Vary', `${text}, Cookie`);
}
