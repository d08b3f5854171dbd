/** What a signed cookie value turned out to hold. */
export interface UnsignedCookie {
  /** The session id. */
  readonly id: string;
  /** Whether an older secret than the first verified it, so that the cookie should be signed anew. */
  readonly rotated: boolean;
}

/** Makes and checks the value of the session cookie. Synchronous, because the cookie is written as the head is formed. */
export interface CookieSigner {
  /** The cookie's value for this id. */
  sign(id: string): string;
  /** The id, or `undefined` when the value is not one that `sign` made with any of the secrets. Never throws. */
  unsign(cookie: string): UnsignedCookie | undefined;
}
