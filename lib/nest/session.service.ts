import type { ArgumentsHost } from '@nestjs/common';

import type { SessionEngine } from '../engine/session-engine.js';
import { RequestSlot } from '../http/request-slot.js';
import type { DefaultData, LiveSession } from '../session/session-members.js';
import type { CurrentPlace } from './current-place.js';
import { placeOf, type SessionSource } from './session-place.js';

let readEngine: (service: SessionService) => SessionEngine;
let readCurrent: (service: SessionService) => CurrentPlace;

/** Opens sessions where there is no parameter to decorate: in services, middleware, guards, interceptors, exception filters and gateways. */
export class SessionService {
  static {
    readEngine = (service) => service.#engine;
    readCurrent = (service) => service.#current;
  }

  readonly #engine: SessionEngine;
  readonly #current: CurrentPlace;

  constructor(engine: SessionEngine, current: CurrentPlace) {
    this.#engine = engine;
    this.#current = current;
  }

  /** The `name` of the SessionModule whose sessions this service opens. */
  get name(): string {
    return this.#engine.options.name;
  }

  /** The property of the request under which the session shows; `false` when it shows nowhere. */
  get exposedAs(): string | false {
    return this.#engine.options.exposeAs;
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
   * Opens the session of the request that the calling code runs in, so that a service needs no request passed to it. The first call
   * opens the session and all share it, as with {@link open}. Needs the option `context: true`.
   *
   * Node follows the request through promises, timers and event emitters, also after the response. A change that is made then is
   * saved by `save()` alone, and a new session not at all.
   * @throws {SessionConfigurationError} when the option is off, or when the code runs outside any request, as in a cron job.
   * @throws {SessionStoreError} and the other errors of {@link open}.
   */
  async current<T extends object = DefaultData>(): Promise<LiveSession<T>> {
    return (await RequestSlot.findOrCreate(this.#current.get()).open(this.#engine)) as LiveSession<T>;
  }

  /**
   * The session that was opened before on this request or for this message, or `undefined`. Never calls the store.
   * @param source the request or the context.
   */
  opened<T extends object = DefaultData>(source: SessionSource): LiveSession<T> | undefined {
    return RequestSlot.find(placeOf(source))?.liveOf(this.#engine) as LiveSession<T> | undefined;
  }

  /** Opens the session that `@Session()` gives to the handler of this context. */
  openAhead(context: ArgumentsHost): Promise<void> {
    return RequestSlot.findOrCreate(placeOf(context)).openAhead(this.#engine);
  }
}

/** The engine of a service, for the test kit. No member of the class, as an application has no use for it. */
export function engineOf(service: SessionService): SessionEngine {
  return readEngine(service);
}

/** The current place of the SessionModule of a service. */
export function currentPlaceOf(service: SessionService): CurrentPlace {
  return readCurrent(service);
}
