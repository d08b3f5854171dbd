import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { removalCookie, serializeCookie } from '../cookies/session-cookie.js';
import type { OpenSession } from '../engine/open-session.js';
import type { SessionMigration } from '../migration/session-migration.js';

/** What the lines depend on beside the session. */
export interface AnswerCookiesParts {
  readonly cookie: ResolvedCookie;
  readonly signer: CookieSigner | undefined;
  /** Whether the client's request came over TLS. */
  readonly isSecure: () => boolean;
  /** The cookie of the library that was used before, when the request carries it. */
  readonly oldCookie: SessionMigration['cookie'] | undefined;
  /** The name of the host, when the request carries several cookies of our name: one of them may have been set for it as a domain. */
  readonly ambiguousHost: string | undefined;
}

/** The Set-Cookie lines of an answer: the session's own, and the removal of what stands in its way. */
export class AnswerCookies {
  readonly #parts: AnswerCookiesParts;

  constructor(parts: AnswerCookiesParts) {
    this.#parts = parts;
  }

  /** The lines as the session stands now. */
  linesFor(opened: OpenSession): readonly string[] {
    if (opened.cookieNeed === 'none') return [];
    const { cookie, signer, isSecure } = this.#parts;
    const secure = cookie.secure === 'auto' ? isSecure() : cookie.secure;
    const removals = [...this.#removalsOfTwins(secure), ...this.#removalsOfOld(secure)];
    if (opened.cookieNeed === 'expire') return [removalCookie(cookie, secure), ...removals];
    const value = signer?.sign(opened.id) ?? opened.id;
    return [
      serializeCookie(cookie, value, { expiresAt: opened.expiresAt, now: Date.now() / 1000, secure }),
      ...removals,
    ];
  }

  /**
   * A browser keeps a cookie with a domain and one without apart (RFC 6265, section 5.3), and sends both. After the option
   * `cookie.domain` has changed, the one that was set before it would stand beside the new one for good.
   */
  #removalsOfTwins(secure: boolean): readonly string[] {
    const { cookie, ambiguousHost } = this.#parts;
    if (ambiguousHost === undefined) return [];
    if (cookie.domain !== undefined) return [removalCookie({ ...cookie, domain: undefined }, secure)];
    return isDomain(ambiguousHost) && !/^__host-/i.test(cookie.name)
      ? [removalCookie({ ...cookie, domain: ambiguousHost }, secure)]
      : [];
  }

  /** Removes the cookie of the library that was used before, unless ours takes its place: same name, domain and path. */
  #removalsOfOld(secure: boolean): readonly string[] {
    const { cookie, oldCookie } = this.#parts;
    if (oldCookie === undefined) return [];
    const { name, path, domain } = cookie;
    if (oldCookie.name === name && oldCookie.path === path && oldCookie.domain === domain) return [];
    return [removalCookie({ ...cookie, ...oldCookie, partitioned: undefined }, secure)];
  }
}

/** A name of letters with a dot in it: a browser sets no domain for an address or a bare name. */
function isDomain(host: string): boolean {
  return /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/i.test(host);
}
