import { describe, expect, it } from 'vitest';
import type { ResolvedCookie } from '../../../lib/cookies/cookie-options.js';
import { validateCookie } from '../../../lib/cookies/cookie-rules.js';
import { SessionConfigurationError } from '../../../lib/session.errors.js';

/** The default cookie with some options changed, also to what only JavaScript lets a user write. */
function cookieWith(options: { [Key in keyof ResolvedCookie]?: unknown }): ResolvedCookie {
  const plain = { name: 'session', path: '/', httpOnly: true, secure: 'auto', sameSite: 'lax', persistent: true };
  return { ...plain, ...options } as ResolvedCookie;
}

describe('validateCookie', () => {
  it.each([
    {},
    { secure: false },
    { sameSite: 'none', secure: true },
    { sameSite: 'strict', persistent: false, httpOnly: false },
    { partitioned: true, secure: true },
    { partitioned: false },
    { priority: 'medium' },
    { name: '__Host-session', secure: true },
    { name: '__Secure-session', secure: true, domain: 'example.com', path: '/app' },
    { name: 'my__Host-session' },
    { name: 'n'.repeat(1024) },
    { domain: '.example.com', path: '/a b/~c%20' },
    { domain: 'localhost' },
  ])('%j is accepted', (options) => {
    expect(() => validateCookie(cookieWith(options))).not.toThrow();
  });

  it.each([
    [{ sameSite: 'none', secure: false }, "sameSite: 'none' needs secure: true"],
    [{ sameSite: 'none', secure: 'auto' }, "sameSite: 'none' needs secure: true"],
    [{ partitioned: true, secure: 'auto' }, 'partitioned: true needs secure: true'],
    [{ partitioned: true, secure: false }, 'partitioned: true needs secure: true'],
    [{ name: '__Host-s' }, "the name '__Host-s' needs secure: true"],
    [{ name: '__secure-s', secure: false }, "the name '__secure-s' needs secure: true"],
    [{ name: '__HOST-s', secure: true, path: '/app' }, "needs path: '/'"],
    [{ name: '__Host-s', secure: true, domain: 'example.com' }, 'leave cookie.domain out'],
    [{ sameSite: 'Lax' }, "cookie.sameSite is 'Lax': write one of 'lax', 'strict', 'none'."],
    [{ sameSite: false }, 'cookie.sameSite is false'],
    [{ sameSite: undefined }, 'cookie.sameSite is undefined'],
    [{ secure: 'true' }, "cookie.secure is 'true': write one of 'auto', true, false."],
    [{ httpOnly: 'false' }, "cookie.httpOnly is 'false': write one of true, false."],
    [{ persistent: 0 }, 'cookie.persistent is 0'],
    [{ partitioned: 'yes', secure: true }, "cookie.partitioned is 'yes'"],
    [{ priority: 'urgent' }, "cookie.priority is 'urgent': write one of 'low', 'medium', 'high'."],
    [{ path: 'app' }, "cookie.path is 'app'"],
    [{ path: '' }, "cookie.path is ''"],
    [{ path: null }, 'cookie.path is null'],
    [{ path: '/a;b' }, "the path '/a;b'"],
    [{ path: '/café' }, 'a path in ASCII'],
    [{ name: '' }, "the name ''"],
    [{ name: 'n'.repeat(1025) }, 'cookie.name has 1025 characters'],
    [{ name: 'a b' }, "the name 'a b'"],
    [{ name: 'a=b' }, "the name 'a=b'"],
    [{ name: 'a;b' }, "the name 'a;b'"],
    [{ name: 'a\r\nb' }, 'write a name without blanks'],
    [{ domain: 'exa mple.com' }, "the domain 'exa mple.com'"],
    [{ domain: 'https://example.com' }, "a domain such as 'example.com'"],
    [{ domain: 'example.com; Path=/x' }, 'the domain'],
  ])('%j is refused, and the message says what to write', (options, message) => {
    expect(() => validateCookie(cookieWith(options))).toThrow(SessionConfigurationError);
    expect(() => validateCookie(cookieWith(options))).toThrow(message);
  });
});
