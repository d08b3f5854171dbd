import type { HeadHeaders } from './head-headers.js';

/** Keeps a response from every cache (RFC 9111, section 5.2.2.5). */
const NO_STORE = 'no-store';

/** Finds a directive that keeps a response from shared caches. It must be whole: `private="field"` covers that field alone. */
const KEPT_PRIVATE = /(?:^|,)\s*(?:no-store|private)\s*(?:,|$)/i;
/** A quoted value. Nothing in it is a directive. */
const QUOTED = /"(?:[^"\\]|\\.)*"?/g;

/** Headers that some shared caches obey instead of Cache-Control (RFC 9213, and its forerunners). */
const TARGETED = /^(?:surrogate-control|(?:.+-)?cdn-cache-control)$/i;

/**
 * Keeps every shared cache from storing this response. It sets the cookie, and a cache would hand one client's session to another
 * (RFC 9111, section 7.3).
 * @returns whether the route's own Cache-Control would have let a shared cache store it, and was replaced.
 */
export function forbidSharedStorage(headers: HeadHeaders): boolean {
  for (const name of headers.getHeaderNames()) if (TARGETED.test(name)) headers.removeHeader(name);
  const present = headers.getHeader('cache-control');
  const text = Array.isArray(present) ? present.join(', ') : String(present ?? '');
  if (isKeptPrivate(text)) return false;
  headers.setHeader('Cache-Control', NO_STORE);
  return text !== '';
}

/**
 * Does the same to a head that Node has formed already, as text.
 * @returns the head to send.
 */
export function forbidSharedStorageIn(head: string): string {
  const lines = head.split('\r\n').filter((line) => !TARGETED.test(nameOf(line)));
  const present = lines.filter((line) => /^cache-control$/i.test(nameOf(line)));
  if (present.some((line) => isKeptPrivate(line.slice(line.indexOf(':') + 1)))) return lines.join('\r\n');
  const [status = '', ...others] = lines.filter((line) => !present.includes(line));
  return [status, `Cache-Control: ${NO_STORE}`, ...others].join('\r\n');
}

function isKeptPrivate(directives: string): boolean {
  return KEPT_PRIVATE.test(directives.replace(QUOTED, '""'));
}

function nameOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf(':')));
}
