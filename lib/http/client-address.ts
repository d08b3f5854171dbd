import type { IncomingMessage } from 'node:http';
import proxyAddr from 'proxy-addr';
import type { TrustFunction } from '../pinning/proxy-trust.js';
import type { RawRequest } from './raw-request.js';

/** What Express and Fastify tell of the client's address, each by its own trust setting; a bare Node request has none. */
export interface AddressedRequest {
  readonly ip?: string | undefined;
}

/**
 * The text that names the client's address, as it stands: it may hold a port or be no address at all. `undefined` when
 * nobody can tell.
 *
 * Without `trust` the adapter is asked. The socket is asked only where there is no adapter, such as in a WebSocket handshake:
 * where there is one and it does not know, the socket's peer may be a proxy, and every client would look the same.
 *
 * @param trust the compiled option `trustProxy`; `X-Forwarded-For` is then followed from the socket outwards, as far as
 * each hop is trusted.
 */
export function clientAddress(
  request: AddressedRequest,
  rawRequest: RawRequest,
  trust?: TrustFunction,
): string | undefined {
  if (trust) return forwardedAddress(rawRequest, trust);
  return 'ip' in request ? request.ip : rawRequest.socket?.remoteAddress;
}

function forwardedAddress(rawRequest: RawRequest, trust: TrustFunction): string | undefined {
  const forwardedFor = String(rawRequest.headers['x-forwarded-for'] ?? '');
  // proxy-addr reads these two properties alone, and stumbles over a request without a socket.
  const seen = {
    headers: { 'x-forwarded-for': forwardedFor },
    socket: { remoteAddress: rawRequest.socket?.remoteAddress ?? '' },
  };
  return proxyAddr(seen as unknown as IncomingMessage, trust) || undefined;
}
