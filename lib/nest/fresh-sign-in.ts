/**
 * The body of the 403 with which `@FreshSignIn()` refuses, for a front end that then asks the user to sign in again. It says what the
 * challenge of RFC 9470 says to the client of an OAuth resource: `code` is its `insufficient_user_authentication`, `maxAge` its
 * `max_age`. GraphQL has it in `extensions`, with the code as `reason`; a gateway in its exception.
 */
export interface FreshSignInRequired {
  readonly statusCode: 403;
  readonly error: 'Forbidden';
  readonly code: 'FRESH_SIGN_IN_REQUIRED';
  readonly message: string;
  /** How long ago the last sign-in may be, in seconds. */
  readonly maxAge: number;
  /** When the user last signed in, as ISO 8601 has it; `null` when the session does not tell. */
  readonly signedInAt: string | null;
  /** The methods that the sign-in needs (RFC 8176), where the route asks for any. */
  readonly amr?: readonly string[];
}

/** What a route asks of the last sign-in. */
export interface FreshSignInDemand {
  /** Seconds. */
  readonly maxAge: number;
  readonly amr: readonly string[];
}
