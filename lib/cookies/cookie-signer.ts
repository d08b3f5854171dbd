import type { IncomingMessage } from 'node:http';

/** What a signer finds in a cookie value whose signature holds. */
export interface UnsignedCookie {
  /** The session id. */
  readonly id: string;
  /** Whether an older secret than the first verified the cookie, so that it should be signed again. */
  readonly rotated: boolean;
}

/** Makes and checks the value of the session cookie. Synchronous, because the cookie is written while the head is formed. */
export interface CookieSigner {
  /**
   * The cookie's value for this id.
   * @param request Node's own request, for an application whose tenants have secrets of their own.
   */
  sign(id: string, request: IncomingMessage): string;
  /**
   * The id; `undefined` when `sign` did not make the value with any of the secrets. Never throws.
   * @param request Node's own request.
   */
  unsign(cookie: string, request: IncomingMessage): UnsignedCookie | undefined;
}
