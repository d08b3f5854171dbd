import type { AnyRequest } from './any-request.js';

/** What Express and Fastify know of the route that serves a request. */
type RoutedRequest = AnyRequest & {
  /** Express. */
  readonly route?: { readonly path?: unknown };
  /** Fastify. */
  readonly routeOptions?: { readonly url?: unknown };
};

/**
 * The pattern of the route that serves the request, such as `/reset/:token`. A log never names the path itself: it may hold a
 * secret, such as that token.
 * @param requests the objects that stand for the request. The framework's own knows the route.
 * @returns the pattern; `undefined` when no router has found a route.
 */
export function routePattern(requests: readonly AnyRequest[]): string | undefined {
  for (const request of requests) {
    const { route, routeOptions } = request as RoutedRequest;
    const pattern = route?.path ?? routeOptions?.url;
    if (typeof pattern === 'string') return pattern;
  }
  return undefined;
}
