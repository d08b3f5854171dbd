import type { RawRequest, TrustFunction } from './proxy-trust.js';

/** The scheme according to Express or Fastify, by their own trust setting; a bare Node request has none. */
export interface SchemedRequest {
  readonly protocol?: string | undefined;
}

/**
 * Whether the client's request came over TLS, so that a `Secure` cookie can reach the client.
 *
 * Without `trust` the adapter's scheme counts, or the socket's if there is no adapter. With `trust`, and if the socket's peer is
 * a trusted proxy, the leftmost value of `X-Forwarded-Proto` counts, as in Express; otherwise the socket's.
 */
export function isSecureRequest(request: SchemedRequest, rawRequest: RawRequest, trust?: TrustFunction): boolean {
  const scheme = trust ? forwardedScheme(rawRequest, trust) : request.protocol;
  return scheme ? isSecureScheme(scheme) : rawRequest.socket?.encrypted === true;
}

/** Whether the request itself claims that its client used TLS. Any client can write that: it counts only from a trusted proxy. */
export function claimsToBeSecure({ headers }: RawRequest): boolean {
  return isSecureScheme(firstOf(headers['x-forwarded-proto']));
}

function forwardedScheme(rawRequest: RawRequest, trust: TrustFunction): string {
  // A peer on a Unix socket has no address, but is still the hop nearest to the server.
  if (!trust(rawRequest.socket?.remoteAddress ?? '', 0)) return '';
  return firstOf(rawRequest.headers['x-forwarded-proto']);
}

function firstOf(header: string | string[] | undefined): string {
  return String(header ?? '').split(',', 1)[0] ?? '';
}

function isSecureScheme(scheme: string): boolean {
  // Some proxies write the scheme of a WebSocket handshake as 'wss'.
  return ['https', 'wss'].includes(scheme.trim().toLowerCase());
}
