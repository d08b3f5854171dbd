import { removalCookie, serializeCookie } from '../cookies/session-cookie.js';
import type { OpenSession } from '../engine/open-session.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionRequest } from './session-request.js';

/** The Set-Cookie lines of a response that sets or expires the session cookie, with those that remove the cookies in its way. */
export function setCookieLines(
  session: OpenSession,
  request: SessionRequest,
  { signer, migration }: ResolvedOptions,
): readonly string[] {
  const { cookie } = request;
  const secure = request.isCookieSecure();
  const removals = [...twinRemovals(request, secure), ...migrationRemovals(request, migration, secure)];
  if (session.cookieAction === 'expire') return [removalCookie(cookie, secure), ...removals];
  const { id, expiresAt, isRemembered } = session;
  const value = signer?.sign(id, request.incoming) ?? id;
  return [serializeCookie(cookie, value, { expiresAt, isRemembered, now: Date.now() / 1000, secure }), ...removals];
}

/**
 * Removes the cookie that was set before the option `cookie.domain` changed. A browser keeps a cookie with a domain and one without
 * apart (RFC 6265, section 5.3) and sends both, so the old one would stand beside the new one for good.
 */
function twinRemovals({ cookie, cookies, host }: SessionRequest, secure: boolean): readonly string[] {
  if (cookies.length < 2) return [];
  if (cookie.domain !== undefined) return [removalCookie({ ...cookie, domain: undefined }, secure)];
  return isDomain(host) && !/^__host-/i.test(cookie.name) ? [removalCookie({ ...cookie, domain: host }, secure)] : [];
}

/** Removes the cookie of the library whose sessions are migrated, unless ours replaces it: same name, domain and path. */
function migrationRemovals(
  { cookie, migrationCookies }: SessionRequest,
  migration: ResolvedOptions['migration'],
  secure: boolean,
): readonly string[] {
  if (migration === undefined || migrationCookies.length === 0) return [];
  const { name, path, domain } = migration.cookie;
  if (name === cookie.name && path === cookie.path && domain === cookie.domain) return [];
  return [removalCookie({ ...cookie, name, path, domain, partitioned: undefined }, secure)];
}

/** Whether the host is a name with a dot and a letter after the last one: browsers set no domain for addresses and bare names. */
function isDomain(host: string): boolean {
  return /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/i.test(host);
}
