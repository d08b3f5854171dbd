import { isIP } from 'node:net';

import proxyAddr from 'proxy-addr';

import { canonicalAddress } from '../ip-address.js';
import { SessionConfigurationError } from '../session.errors.js';

/**
 * Which proxies may tell the client's address and scheme (`X-Forwarded-For`, `X-Forwarded-Proto`):
 * - a list of addresses, CIDR ranges or the names `loopback`, `linklocal` and `uniquelocal`, as an array or with commas
 *   in one string: the safest form, because a client that connects directly is not on the list;
 * - a number: that many hops in front of the server, at any address (0 trusts no proxy);
 * - `true`: every proxy, so that the client itself chooses its address, unless the outermost proxy overwrites the header.
 */
export type TrustProxy = true | number | string | readonly string[];

/** Whether the address, `hop` steps away from the server (0 is its immediate peer), is a trusted proxy. */
export type TrustFunction = (address: string, hop: number) => boolean;

/**
 * The parts of Node's own request (`http`, `https`, `http2`, a WebSocket handshake, the imitation that `inject()` makes) that tell
 * the client's address and scheme. A closed connection has lost its address, and a fake request may have no socket at all.
 */
export interface RawRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket?: {
    readonly remoteAddress?: string | undefined;
    /** `true` on a TLS socket, and on no other. */
    readonly encrypted?: boolean | undefined;
  } | null;
}

const NAMED_RANGES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Compiles the option `trustProxy`, once, at start-up.
 * @throws {SessionConfigurationError} when it is neither a hop count, nor a list of addresses, ranges and names, nor `true`.
 */
export function compileTrust(trustProxy: TrustProxy): TrustFunction {
  if (trustProxy === true) return () => true;
  if (typeof trustProxy === 'number') return trustHops(trustProxy);
  const entries = typeof trustProxy === 'string' ? trustProxy.split(',').map((entry) => entry.trim()) : trustProxy;
  if (Array.isArray(entries) && entries.length > 0) return trustRanges(entries);
  throw new SessionConfigurationError(
    "trustProxy is neither a hop count nor a list: write 1, '10.0.0.0/8', ['loopback', '10.0.0.0/8'] or true, or leave it out.",
  );
}

function trustHops(count: number): TrustFunction {
  if (Number.isInteger(count) && count >= 0) return (_address, hop) => hop < count;
  throw new SessionConfigurationError(
    `trustProxy is ${count}: write how many proxies stand before the server as a whole number, such as 1.`,
  );
}

function trustRanges(entries: readonly string[]): TrustFunction {
  const wrong = entries.find((entry) => !isRange(entry));
  if (wrong !== undefined) throw new SessionConfigurationError(`trustProxy holds '${wrong}': ${remedyFor(wrong)}.`);
  const isInRange = proxyAddr.compile([...entries]);
  // Canonical, because some proxies append their port, and proxy-addr would then take the proxy for the client.
  return (address, hop) => isInRange(canonicalAddress(address) ?? '', hop);
}

function remedyFor(entry: string): string {
  if (/^\d+$/.test(entry)) return `write a hop count as a number, trustProxy: ${Number(entry)}`;
  return "write an address, a CIDR range such as '10.0.0.0/8', or one of the names loopback, linklocal, uniquelocal";
}

function isRange(entry: unknown): boolean {
  if (typeof entry !== 'string') return false;
  if (NAMED_RANGES.includes(entry)) return true;
  // Only whole addresses: proxy-addr would read a mistaken '1' as 0.0.0.1, and '10/8' as 0.0.0.10/8.
  if (isIP(entry.split('/', 1)[0] ?? '') === 0) return false;
  try {
    proxyAddr.compile(entry);
    return true;
  } catch {
    return false;
  }
}
