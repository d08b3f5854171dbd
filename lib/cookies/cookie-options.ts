/** The option `cookie`: how the session cookie looks. */
export interface CookieOptions {
  /**
   * The cookie's name, at most 1024 characters. The prefix `__Host-` binds the cookie to this very host; the browser then demands
   * `secure: true`, the path `/` and no domain (RFC 6265bis section 4.1.3).
   * @default 'session'
   */
  readonly name?: string;

  /**
   * The browser sends the cookie to this path and all paths below it. It starts with `/`.
   * @default '/'
   */
  readonly path?: string;

  /**
   * The browser sends the cookie to this domain and all its subdomains. Without a domain, only to the host that set the cookie.
   * @default undefined
   */
  readonly domain?: string;

  /**
   * Whether the browser hides the cookie from scripts in the page.
   * @default true
   */
  readonly httpOnly?: boolean;

  /**
   * Whether the cookie travels over https only. `'auto'`: if the request itself came over https, according to the socket or to a
   * trusted proxy. With `true`, a request over plain http gets no session.
   * @default 'auto'
   */
  readonly secure?: boolean | 'auto';

  /**
   * Whether the browser sends the cookie with requests that other sites cause: `'strict'` never, `'lax'` only when the user
   * follows a link, `'none'` always, which needs `secure: true`.
   * @default 'lax'
   */
  readonly sameSite?: 'lax' | 'strict' | 'none';

  /**
   * Whether the cookie survives closing the browser, for as long as the session lives. `false`: the cookie has no expiry, and the
   * browser forgets it when it closes; the session still expires in the store.
   * @default true
   */
  readonly persistent?: boolean;

  /**
   * Whether an embedded page gets its own cookie under each top-level site (CHIPS). Needs `secure: true`.
   * @default undefined
   */
  readonly partitioned?: boolean;

  /**
   * Which cookies Chromium drops first when a site has too many: those with a low priority.
   * @default undefined
   */
  readonly priority?: 'low' | 'medium' | 'high';
}

type WithoutDefault = 'domain' | 'partitioned' | 'priority';

/** {@link CookieOptions} with every default filled in. */
export type ResolvedCookie = Required<Omit<CookieOptions, WithoutDefault>> & Pick<CookieOptions, WithoutDefault>;
