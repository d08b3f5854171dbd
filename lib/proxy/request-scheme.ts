import type { TrustFunction } from './proxy-trust.js';
import type { RawRequest } from './raw-request.js';

/** What Express and Fastify tell of the scheme, each by its own trust setting; a bare Node request has none. */
export interface SchemedRequest {
  readonly protocol?: string | undefined;
}

/**
 * Whether the client's request came over TLS, so that a `Secure` cookie can reach it.
 *
 * Without `trust` the adapter's word counts, or the socket's where there is no adapter. With it, the leftmost value of
 * `X-Forwarded-Proto` counts, as in Express, if the socket's peer is a trusted proxy; else the socket's word.
 */
export function isSecureRequest(request: SchemedRequest, rawRequest: RawRequest, trust?: TrustFunction): boolean {
  const told = trust ? forwardedScheme(rawRequest, trust) : request.protocol;
  return told ? isSecureScheme(told) : rawRequest.socket?.encrypted === true;
}

/** Whether the request says of itself that its client used TLS. Any client can write that: it counts only from a trusted proxy. */
export function claimsToBeSecure({ headers }: RawRequest): boolean {
  return isSecureScheme(firstOf(headers['x-forwarded-proto']));
}

function forwardedScheme(rawRequest: RawRequest, trust: TrustFunction): string {
  // A peer on a Unix socket has no address; it is the hop nearest to the server all the same.
  if (!trust(rawRequest.socket?.remoteAddress ?? '', 0)) return '';
  return firstOf(rawRequest.headers['x-forwarded-proto']);
}

function firstOf(header: string | string[] | undefined): string {
  return String(header ?? '').split(',', 1)[0] ?? '';
}

function isSecureScheme(scheme: string): boolean {
  // Some proxies name the scheme of a WebSocket handshake by its own name.
  return ['https', 'wss'].includes(scheme.trim().toLowerCase());
}
