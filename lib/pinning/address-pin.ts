import ipaddr from 'ipaddr.js';

import { canonicalAddress } from '../ip-address.js';

/** How many leading bits of two addresses must agree. */
export interface PrefixLengths {
  /** Bits of an IPv4 address, 1 to 32. */
  readonly ipv4: number;
  /** Bits of an IPv6 address, 1 to 128. */
  readonly ipv6: number;
}

/** Options of an {@link AddressPin}. */
export interface AddressPinOptions {
  /** Compares whole addresses, or the networks that they are in. */
  readonly match: 'exact' | PrefixLengths;
}

const WHOLE: PrefixLengths = { ipv4: 32, ipv6: 128 };

/** Decides whether a client may use a session that is pinned to an address. */
export class AddressPin {
  readonly #bits: PrefixLengths;

  constructor(options: AddressPinOptions) {
    this.#bits = options.match === 'exact' ? WHOLE : options.match;
  }

  /**
   * Whether the presented address is the pinned one, or lies in the same network.
   *
   * Makes both texts canonical, because another program may have written the record with another spelling. A text that is no
   * address matches nothing, not even itself: two clients behind a proxy that calls them both `unknown` are not one client. An
   * IPv4 and an IPv6 address never match.
   */
  matches(pinned: string, presented: string): boolean {
    const owner = parse(pinned);
    const client = parse(presented);
    if (!owner || !client || owner.kind() !== client.kind()) return false;
    return client.match(owner, this.#bits[owner.kind()]);
  }
}

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const address = canonicalAddress(text);
  return address === undefined ? undefined : ipaddr.parse(address);
}
