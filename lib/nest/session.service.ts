import type { ArgumentsHost } from '@nestjs/common';

import type { SessionEngine } from '../engine/session-engine.js';
import type { AnyRequest } from '../http/any-request.js';
import { RequestSlot, type SessionPlace } from '../http/request-slot.js';
import type { LiveSession, SessionData } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A request of Express, Fastify or Node, or the context that a guard, interceptor, filter or gateway is given. */
export type SessionSource = ArgumentsHost | object;

/** Opens sessions where there is no parameter to decorate: in middleware, guards, interceptors, filters and gateways. */
export class SessionService {
  readonly #engine: SessionEngine;

  constructor(engine: SessionEngine) {
    this.#engine = engine;
  }

  /**
   * The session of a request or context. Over HTTP the first call on a request opens it, with at most one store command; all
   * others get the same object. It is saved by itself before the answer leaves.
   *
   * In a gateway each message opens the session anew from the handshake, with one store command, so that it sees a logout or a
   * timeout; guards, interceptors and parameters of one message get the same object, and an exception filter opens anew. There is no answer: call `save()` there. With
   * the handshake request itself, and no context, each call opens anew.
   * @throws {SessionStoreError} when the back-end fails.
   * @throws {SessionConfigurationError} when this is no request, as in a microservice, or, with `pinning`, when the client's address
   * cannot be told.
   */
  async open<T extends object = SessionData>(source: SessionSource): Promise<LiveSession<T>> {
    return (await RequestSlot.for(placeOf(source)).open(this.#engine)) as LiveSession<T>;
  }

  /** The session that was opened before on this request or for this message, or `undefined`. Never contacts the store. */
  current<T extends object = SessionData>(source: SessionSource): LiveSession<T> | undefined {
    return RequestSlot.of(placeOf(source))?.liveOf(this.#engine) as LiveSession<T> | undefined;
  }

  /** Opens the session that `@Session()` and `request.session` give to the handler of this context. */
  async openAhead(context: ArgumentsHost): Promise<void> {
    await RequestSlot.for(placeOf(context)).openAhead(this.#engine);
  }
}

function placeOf(source: SessionSource): SessionPlace {
  const place = isHost(source) ? placeOfHost(source) : { request: source as AnyRequest };
  const raw = (place.request as AnyRequest | undefined)?.raw ?? place.request;
  if (typeof raw === 'object' && raw !== null && 'headers' in raw) return place;
  throw new SessionConfigurationError(
    'There is no request to take a session from: give open() a request, or the context of an HTTP, GraphQL or WebSocket handler.',
  );
}

function isHost(source: SessionSource): source is ArgumentsHost {
  return typeof (source as Partial<ArgumentsHost>).switchToHttp === 'function';
}

function placeOfHost(host: ArgumentsHost): SessionPlace {
  const type = host.getType<string>();
  // Nest gives the guards, interceptors and parameters of one call the same array of arguments, and exception filters another one.
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
