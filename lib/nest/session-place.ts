import type { ArgumentsHost } from '@nestjs/common';

import type { AnyRequest } from '../http/any-request.js';
import { isRequest, RequestSlot, type SessionPlace } from '../http/request-slot.js';
import { SessionConfigurationError } from '../session.errors.js';
import { connectionOf, handshakeOf, isWs } from './gateway-client.js';
import { messageOf } from './message-scope.js';

/**
 * A request of Express, Fastify or Node; the context that a guard, interceptor, exception filter or gateway gets; the context of a
 * GraphQL operation; or the client of a gateway, a `Socket` of socket.io or a `WebSocket` of ws.
 */
export type SessionSource = ArgumentsHost | object;

/** What may hold the request in the context of a GraphQL operation. */
interface GraphqlContext {
  /** Nest's drivers put the request here; over a socket, Apollo's puts the context of `graphql-ws`. */
  readonly req?: AnyRequest | GraphqlContext;
  /** Mercurius over a socket. */
  readonly request?: AnyRequest;
  /** `graphql-ws`. */
  readonly extra?: { readonly request?: AnyRequest };
}

/** What `graphql` tells a resolver about the field that it resolves. */
interface FieldInfo {
  readonly path?: FieldPath;
}

interface FieldPath {
  readonly prev?: FieldPath | undefined;
}

/** What Nest gives the middleware of a field. */
export interface FieldCall {
  readonly context: unknown;
  readonly info: FieldInfo;
}

/** A place whose request may be missing. */
type Found = Omit<SessionPlace, 'request'> & { readonly request: AnyRequest | undefined };

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
  if (isHost(source) && source.getType<string>() === 'graphql') {
    throw new SessionConfigurationError(
      'There is no request in the context of the GraphQL operation to take a session from: let the `context` option give it as `req`, such as `({ req }) => ({ req })`, and that of the subscriptions over graphql-ws as `({ extra }) => ({ req: extra.request })`.',
    );
  }
  const isGateway = isHost(source) ? source.getType<string>() === 'ws' : isWs(source);
  throw new SessionConfigurationError(
    isGateway
      ? 'The client of this gateway has no handshake request to take a session from: use the adapter of @nestjs/platform-socket.io or @nestjs/platform-ws; one of your own has to give handleConnection() the request after the client. A gateway must not assign handleConnection as a property.'
      : 'There is no request to take a session from: give open() a request, the client of a gateway, or the context of an HTTP, GraphQL or WebSocket handler.',
  );
}

/** The same; `undefined` when there is no request. */
export function findPlace(source: SessionSource): SessionPlace | undefined {
  const place = isHost(source) ? placeOfHost(source) : placeOfObject(source);
  return isRequest(place?.request) ? (place as SessionPlace) : undefined;
}

/** The slot that was made before for this source; `undefined` when there is none, or no request. */
export function findSlot(source: SessionSource): RequestSlot | undefined {
  const place = findPlace(source);
  return place && RequestSlot.find(place);
}

/** The place of a field's middleware; `undefined` when there is no request. */
export function placeOfField({ context, info }: FieldCall): SessionPlace | undefined {
  const request = requestIn(context);
  return request && { request, message: executionOf(info) };
}

/** Whether the context of a resolver is that of a field of the operation itself, and not of one below it. */
export function isRootField(host: ArgumentsHost): boolean {
  return argumentsOf(host).info?.path?.prev === undefined;
}

/**
 * What stands for the field of the operation itself, above the one that this context resolves: one object for all fields below it, and
 * a new one for each execution. `undefined` outside GraphQL.
 */
export function operationFieldOf(host: ArgumentsHost): object | undefined {
  const info = host.getType<string>() === 'graphql' ? argumentsOf(host).info : undefined;
  return info && executionOf(info);
}

function isHost(source: SessionSource): source is ArgumentsHost {
  return typeof (source as Partial<ArgumentsHost>).switchToHttp === 'function';
}

function placeOfHost(host: ArgumentsHost): Found | undefined {
  const type = host.getType<string>();
  switch (type) {
    case 'http':
      return { request: host.switchToHttp().getRequest(), response: host.switchToHttp().getResponse() };
    case 'ws':
      return placeOfMessage(host);
    case 'graphql':
      return placeOfResolver(host);
    default:
      return undefined;
  }
}

function placeOfMessage(host: ArgumentsHost): Found {
  const place = placeOfClient(host.switchToWs().getClient<object | undefined>() ?? {});
  return { ...place, message: place.message ?? host.getArgs() };
}

function placeOfObject(source: object): Found {
  if (isRequest(source)) return { request: source, message: messageOf((client) => handshakeOf(client) === source) };
  const request = requestIn(source);
  return request === undefined || connectionOf(source) !== undefined ? placeOfClient(source) : { request };
}

/** The place of the message of a client for which the code runs. Outside of one each call opens anew. */
function placeOfClient(client: object): Found {
  return {
    request: handshakeOf(client),
    // Not the client itself: a browser can send events of any name to socket.io's, also one that is named 'close'.
    connection: connectionOf(client),
    message: messageOf((other) => other === client),
  };
}

function placeOfResolver(host: ArgumentsHost): Found {
  const { context, info } = argumentsOf(host);
  return { request: requestIn(context), message: info && executionOf(info) };
}

/** The arguments of a resolver. Those of `__resolveReference` and `__resolveType` have no arguments of the field before the context. */
function argumentsOf(host: ArgumentsHost): { readonly context: unknown; readonly info: FieldInfo | undefined } {
  const [second, third, fourth] = [1, 2, 3].map((index) => host.getArgByIndex<unknown>(index));
  return isInfo(third) ? { context: second, info: third } : { context: third, info: fourth as FieldInfo | undefined };
}

function isInfo(value: unknown): value is FieldInfo {
  return typeof value === 'object' && value !== null && 'parentType' in value && 'path' in value;
}

/**
 * The object that stands for one execution, such as an event of a subscription. The context is the same for all events. The path of
 * a field leads back to that of the operation's own field, which `graphql` makes anew for each execution.
 */
function executionOf(info: FieldInfo): object {
  let path = info.path;
  while (path?.prev !== undefined) path = path.prev;
  return path ?? info;
}

/** The request itself, or the one that the context of a GraphQL operation holds. */
function requestIn(holder: unknown): AnyRequest | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  if (isRequest(holder)) return holder;
  const { req, request, extra } = holder as GraphqlContext;
  return [req, request, extra?.request, (req as GraphqlContext | undefined)?.extra?.request].find(isRequest);
}
