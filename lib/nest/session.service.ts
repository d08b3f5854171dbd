import type { ArgumentsHost } from '@nestjs/common';

import type { SessionEngine } from '../engine/session-engine.js';
import type { AnyRequest } from '../http/any-request.js';
import { isRequest, RequestSlot, type SessionPlace } from '../http/request-slot.js';
import type { DefaultData, LiveSession } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A request of Express, Fastify or Node, or the context that a guard, interceptor, exception filter or gateway gets. */
export type SessionSource = ArgumentsHost | object;

/** Opens sessions where there is no parameter to decorate: in middleware, guards, interceptors, exception filters and gateways. */
export class SessionService {
  readonly #engine: SessionEngine;

  constructor(engine: SessionEngine) {
    this.#engine = engine;
  }

  /**
   * Opens the session of a request or context.
   *
   * Over HTTP the first call on a request opens the session, usually with one store command: one for each cookie of its name, up to
   * four. All later calls get the same object. The library saves it before the response leaves.
   *
   * In a gateway each message opens the session anew from the handshake, so that it sees a logout or a timeout. The guards,
   * interceptors and parameters of one message get the same object; an exception filter opens anew. There is no response, so call
   * `save()` yourself. Given the handshake request instead of a context, each call opens anew.
   * @param source the request or the context.
   * @throws {SessionStoreError} when the back-end fails.
   * @throws {SessionConfigurationError} when there is no request, as in a microservice, or, with `pinning`, when the request has no
   * address.
   * @throws {SessionAddressError} when `pinning` is on and a trusted proxy gave an address that is no IP address.
   */
  async open<T extends object = DefaultData>(source: SessionSource): Promise<LiveSession<T>> {
    return (await RequestSlot.findOrCreate(placeOf(source)).open(this.#engine)) as LiveSession<T>;
  }

  /**
   * The session that was opened before on this request or for this message, or `undefined`. Never calls the store.
   * @param source the request or the context.
   */
  current<T extends object = DefaultData>(source: SessionSource): LiveSession<T> | undefined {
    return RequestSlot.find(placeOf(source))?.liveOf(this.#engine) as LiveSession<T> | undefined;
  }

  /** Opens the session that `@Session()` and `request.session` give to the handler of this context. */
  openAhead(context: ArgumentsHost): Promise<void> {
    return RequestSlot.findOrCreate(placeOf(context)).openAhead(this.#engine);
  }
}

function placeOf(source: SessionSource): SessionPlace {
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
