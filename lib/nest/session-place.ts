import type { ArgumentsHost } from '@nestjs/common';

import type { AnyRequest } from '../http/any-request.js';
import { isRequest, type SessionPlace } from '../http/request-slot.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A request of Express, Fastify or Node, or the context that a guard, interceptor, exception filter or gateway gets. */
export type SessionSource = ArgumentsHost | object;

/**
 * Where the session of a request or of a context is: the one file that knows what the context of a controller, a resolver and a
 * gateway looks like.
 * @throws {SessionConfigurationError} when there is no request.
 */
export function placeOf(source: SessionSource): SessionPlace {
  const place = isHost(source) ? placeOfHost(source) : { request: source as AnyRequest };
  if (isRequest(place.request)) return place;
  throw new SessionConfigurationError(
    'There is no request to take a session from: give open() a request, or the context of an HTTP, GraphQL or WebSocket handler.',
  );
}

function isHost(source: SessionSource): source is ArgumentsHost {
  return typeof (source as Partial<ArgumentsHost>).switchToHttp === 'function';
}

function placeOfHost(host: ArgumentsHost): SessionPlace {
  const type = host.getType<string>();
  // Nest passes one array of arguments to the guards, interceptors and parameters of a call, and another one to exception filters.
  const message = host.getArgs();
  switch (type) {
    case 'http':
      return { request: host.switchToHttp().getRequest(), response: host.switchToHttp().getResponse() };
    case 'ws':
      return { request: host.switchToWs().getClient<{ request: AnyRequest }>()?.request, message };
    case 'graphql':
      return { request: host.getArgByIndex<{ req: AnyRequest }>(2)?.req, message };
    default:
      throw new SessionConfigurationError(
        `A context of the type '${type}' has no request to take a session from: sessions are for HTTP, GraphQL and WebSockets.`,
      );
  }
}
