import type { ArgumentsHost } from '@nestjs/common';

import type { AnyRequest } from '../http/any-request.js';
import { isRequest, type SessionPlace } from '../http/request-slot.js';
import type { MessageConnection } from '../http/signal-scopes.js';
import { SessionConfigurationError } from '../session.errors.js';
import { messageOf } from './message-scope.js';

/** A request of Express, Fastify or Node, or the context that a guard, interceptor, exception filter or gateway gets. */
export type SessionSource = ArgumentsHost | object;

/** A `Socket` of socket.io. */
interface SocketIoClient {
  readonly request: AnyRequest;
  readonly conn?: MessageConnection;
}

/** The types of Nest's contexts that come with a request. */
const TYPES: readonly string[] = ['http', 'ws', 'graphql'];

/**
 * Where the session of a request or of a context is: the one file that knows what the context of a controller, a resolver and a
 * gateway looks like.
 * @throws {SessionConfigurationError} when there is no request.
 */
export function placeOf(source: SessionSource): SessionPlace {
  const place = findPlace(source);
  if (place !== undefined) return place;
  if (isHost(source) && !TYPES.includes(source.getType<string>())) {
    throw new SessionConfigurationError(
      `A context of the type '${source.getType<string>()}' has no request to take a session from: sessions are for HTTP, GraphQL and WebSockets.`,
    );
  }
  throw new SessionConfigurationError(
    'There is no request to take a session from: give open() a request, or the context of an HTTP, GraphQL or WebSocket handler.',
  );
}

/** The same; `undefined` when there is no request. */
export function findPlace(source: SessionSource): SessionPlace | undefined {
  const place = isHost(source) ? placeOfHost(source) : { request: source as AnyRequest };
  return isRequest(place?.request) ? (place as SessionPlace) : undefined;
}

function isHost(source: SessionSource): source is ArgumentsHost {
  return typeof (source as Partial<ArgumentsHost>).switchToHttp === 'function';
}

function placeOfHost(host: ArgumentsHost): Partial<SessionPlace> | undefined {
  const type = host.getType<string>();
  switch (type) {
    case 'http':
      return { request: host.switchToHttp().getRequest(), response: host.switchToHttp().getResponse() };
    case 'ws':
      return placeOfMessage(host);
    case 'graphql':
      // The info object is that of one resolver call.
      return {
        request: host.getArgByIndex<{ req: AnyRequest }>(2)?.req,
        message: host.getArgByIndex<object | undefined>(3) ?? host.getArgs(),
      };
    default:
      return undefined;
  }
}

function placeOfMessage(host: ArgumentsHost): Partial<SessionPlace> {
  const client = host.switchToWs().getClient<SocketIoClient | undefined>();
  // Not the client itself: a browser can send events of any name to socket.io's, also one that is named 'close'.
  return { request: client?.request, connection: client?.conn, message: messageOf(host) };
}
