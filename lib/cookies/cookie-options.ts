/** The option `cookie`: how the session cookie looks. */
export interface CookieOptions {
  /**
   * The cookie's name. `__Host-` in front binds it to this very host; the browser then demands `secure: true`, the path `/`
   * and no domain (RFC 6265bis section 4.1.3). At most 1024 characters.
   * @default 'session'
   */
  readonly name?: string;

  /**
   * The browser sends the cookie to this path and what lies below it. It starts with `/`.
   * @default '/'
   */
  readonly path?: string;

  /**
   * The browser sends the cookie to this domain and all its subdomains. Without it, to the host that set it and no other.
   * @default undefined
   */
  readonly domain?: string;

  /**
   * Whether scripts in the page are kept from reading the cookie.
   * @default true
   */
  readonly httpOnly?: boolean;

  /**
   * Whether the cookie travels over https alone. `'auto'`: where the request itself came over https, as told by the socket
   * or by a trusted proxy. With `true`, a request over plain http gets no session.
   * @default 'auto'
   */
  readonly secure?: boolean | 'auto';

  /**
   * Whether the cookie goes along with requests that other sites cause: `'strict'` never, `'lax'` only when the user
   * follows a link, `'none'` always, which needs `secure: true`.
   * @default 'lax'
   */
  readonly sameSite?: 'lax' | 'strict' | 'none';

  /**
   * Whether the cookie outlives the browser window, for as long as the session lives. `false`: it has no expiry, and the
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
   * Which cookies Chromium drops first when a site has too many.
   * @default undefined
   */
  readonly priority?: 'low' | 'medium' | 'high';
}

type WithoutDefault = 'domain' | 'partitioned' | 'priority';

/** {@link CookieOptions} after the defaults are laid in. */
export type ResolvedCookie = Required<Omit<CookieOptions, WithoutDefault>> & Pick<CookieOptions, WithoutDefault>;
