/** The long form of the option `pinning`. */
export interface PinningOptions {
  /**
   * Whether the client must come from the same address (`'exact'`) or only from the same network (`'prefix'`). The network suits
   * clients whose address moves within a provider's range.
   * @default 'exact'
   */
  readonly match?: 'exact' | 'prefix';

  /**
   * With `match: 'prefix'`: how many leading bits of an IPv4 address must agree, a whole number from 1 to 32.
   * @default 24
   */
  readonly ipv4Prefix?: number;

  /**
   * With `match: 'prefix'`: how many leading bits of an IPv6 address must agree, a whole number from 1 to 128. A client
   * usually owns a whole /64 and changes its address within it (RFC 8981).
   * @default 64
   */
  readonly ipv6Prefix?: number;

  /**
   * What happens to a session when its cookie comes from elsewhere. In both cases that request does not get the session.
   * - `'destroy'`: the record is deleted. A stolen cookie is worthless from then on, and its owner has to log in again.
   * - `'reject'`: the record stays, so that a stranger with the cookie cannot log its owner out. That request gets an empty session; if
   *   it writes to it, its response sets a new cookie in the place of the old one.
   * @default 'destroy'
   */
  readonly onMismatch?: 'destroy' | 'reject';
}

/**
 * Whether a session stays with its client's address: `false` (the default), `true` or `'exact'` for the same address, `'prefix'`
 * for the same network, or an object for the details.
 */
export type Pinning = boolean | 'exact' | 'prefix' | PinningOptions;
