import type { ArgumentsHost } from '@nestjs/common';

import { RequestSlot, type AnyRequest, type AnyResponse, type RequestSlotParts } from '../http/request-slot.js';
import type { LiveSession, SessionData } from '../session/session.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A request of Express, Fastify or Node, or the context that a guard, interceptor, filter or gateway is given. */
export type SessionSource = ArgumentsHost | object;

/** Where a session is opened, and who must be told of the answer. */
interface Exchange {
  readonly request: AnyRequest;
  readonly response?: AnyResponse | undefined;
}

/** Opens sessions where there is no parameter to decorate: in middleware, guards, interceptors, filters and gateways. */
export class SessionService {
  readonly #parts: RequestSlotParts;

  constructor(parts: RequestSlotParts) {
    this.#parts = parts;
  }

  /**
   * The session of a request or context. The first call on a request opens it, with at most one store command; all others get
   * the same object. It is saved by itself before the answer leaves. In a gateway there is no answer: call `save()` there.
   * @throws {SessionStoreError} when the back-end fails.
   * @throws {SessionConfigurationError} when this is no request.
   */
  async open<T extends object = SessionData>(source: SessionSource): Promise<LiveSession<T>> {
    const { request, response } = exchangeOf(source);
    return (await RequestSlot.for(this.#parts, request, response).open()) as LiveSession<T>;
  }

  /** The session that was opened before on this request, or `undefined`. Never contacts the store. */
  current<T extends object = SessionData>(source: SessionSource): LiveSession<T> | undefined {
    return RequestSlot.of(exchangeOf(source).request)?.live as LiveSession<T> | undefined;
  }
}

function exchangeOf(source: SessionSource): Exchange {
  const exchange = isHost(source) ? exchangeOfHost(source) : { request: source as AnyRequest };
  const raw = exchange.request?.raw ?? exchange.request;
  if (typeof raw === 'object' && raw !== null && 'headers' in raw) return exchange;
  throw new SessionConfigurationError(
    'There is no request to take a session from: give open() a request or a context.',
  );
}

function isHost(source: SessionSource): source is ArgumentsHost {
  return typeof (source as Partial<ArgumentsHost>).switchToHttp === 'function';
}

function exchangeOfHost(host: ArgumentsHost): Exchange {
  switch (host.getType<string>()) {
    case 'ws':
      return { request: host.switchToWs().getClient<{ request: AnyRequest }>().request };
    case 'graphql':
      return { request: host.getArgByIndex<{ req: AnyRequest }>(2).req };
    default:
      return { request: host.switchToHttp().getRequest(), response: host.switchToHttp().getResponse() };
  }
}
