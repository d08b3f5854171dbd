import type { IncomingMessage } from 'node:http';

import proxyAddr from 'proxy-addr';

import { SessionConfigurationError } from '../session.errors.js';
import type { RawRequest, TrustFunction } from './proxy-trust.js';

/** The client's address according to Express or Fastify, by their own trust setting; a bare Node request has none. */
export interface AddressedRequest {
  readonly ip?: string | undefined;
}

/**
 * The client's address as a text, as it was written: it may hold a port or be no address at all.
 *
 * Without `trust` the adapter's address counts. The socket's never does: its peer may be a proxy, and all clients would then
 * look the same.
 * @param trust the compiled option `trustProxy`; `X-Forwarded-For` is then followed from the socket outwards, as far as
 * each hop is trusted.
 * @throws {SessionConfigurationError} when the address is unknown; the message says what to configure.
 */
export function clientAddress(request: AddressedRequest, rawRequest: RawRequest, trust?: TrustFunction): string {
  const address = trust ? forwardedAddress(rawRequest, trust) : request.ip;
  if (address !== undefined) return address;
  throw new SessionConfigurationError(
    `Sessions are pinned, but the client has no address: ${remedyFor(request, trust)}.`,
  );
}

function remedyFor(request: AddressedRequest, trust: TrustFunction | undefined): string {
  if (trust) {
    return 'a peer on a Unix socket is on no list of addresses, so write `trustProxy` as a hop count, such as 1';
  }
  if ('ip' in request) return 'behind a proxy on a Unix socket set `trustProxy` to a hop count, or turn `pinning` off';
  return 'a request that does not come through Express or Fastify, such as the handshake of a gateway, needs `trustProxy`: set it (0 where no proxy stands before the server)';
}

function forwardedAddress(rawRequest: RawRequest, trust: TrustFunction): string | undefined {
  const forwardedFor = String(rawRequest.headers['x-forwarded-for'] ?? '');
  // proxy-addr reads only these two properties, and fails on a request without a socket.
  const seen = {
    headers: { 'x-forwarded-for': forwardedFor },
    socket: { remoteAddress: rawRequest.socket?.remoteAddress ?? '' },
  };
  return proxyAddr(seen as unknown as IncomingMessage, trust) || undefined;
}
