import { stringifySetCookie, type SetCookie } from 'cookie';

import type { ResolvedCookie } from './cookie-options.js';

/** Epoch seconds of the last moment of the year 9999: an HTTP date has four digits for the year (RFC 9110 section 5.6.7). */
const LAST_SECOND = 253_402_300_799;

/** What a session cookie says beside its value and its configured attributes. */
export interface SessionCookieState {
  /** Epoch seconds; `undefined` leaves the expiry out, as `persistent: false` does. */
  readonly expiresAt: number | undefined;
  /** Whether the expiry stands there in spite of `persistent: false`. */
  readonly isRemembered?: boolean;
  /** Epoch seconds. */
  readonly now: number;
  /** Whether this line says `Secure`, after `'auto'` is decided. */
  readonly secure: boolean;
}

/**
 * The `Set-Cookie` line that carries a session.
 *
 * A persistent cookie gets both `Max-Age` and `Expires` from the one expiry. Browsers themselves shorten a lifetime of more than
 * 400 days (RFC 6265bis section 5.5), so the line has the lifetime as it is.
 * @param value the session id, as the signer signed it.
 */
export function serializeCookie(cookie: ResolvedCookie, value: string, state: SessionCookieState): string {
  const { expiresAt, isRemembered = false, now, secure } = state;
  const expiry = (cookie.persistent || isRemembered) && expiresAt !== undefined ? expiryAttributes(expiresAt, now) : {};
  return stringifySetCookie({ ...attributes(cookie, secure), ...expiry, value }, { encode });
}

/**
 * The `Set-Cookie` line that makes the browser forget the session. It repeats the name, path, domain and partition, by which
 * the browser finds the cookie (RFC 6265 section 5.3), and `Secure`, without which browsers ignore `__Host-` names.
 */
export function removalCookie(cookie: ResolvedCookie, secure: boolean): string {
  return stringifySetCookie({ ...attributes(cookie, secure), value: '', maxAge: 0, expires: new Date(0) });
}

function attributes(cookie: ResolvedCookie, secure: boolean): Omit<SetCookie, 'value'> {
  const { persistent: _persistent, ...attributesAsConfigured } = cookie;
  return { ...attributesAsConfigured, secure };
}

function expiryAttributes(expiresAt: number, now: number): Pick<SetCookie, 'maxAge' | 'expires'> {
  const end = Math.min(expiresAt, LAST_SECOND);
  // At least 1: Max-Age=0 would remove the cookie of a session that still has a fraction of a second to live.
  return { maxAge: Math.max(1, Math.ceil(end - now)), expires: new Date(Math.ceil(end) * 1000) };
}

/** Escapes only what a cookie cannot hold (RFC 6265 section 4.1.1), because other programs read the id without unescaping it. */
function encode(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g, encodeURIComponent);
}
