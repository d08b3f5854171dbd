import type { ServerResponse } from 'node:http';

import type { SessionEngine } from '../engine/session-engine.js';
import type { LiveSession } from '../session/session-members.js';
import type { AnyRequest, AnyResponse, NodeRequest } from './any-request.js';
import { ExposedSession } from './exposed-session.js';
import { announceOutage } from './outage.js';
import { SessionExchange } from './session-exchange.js';
import type { HttpMessages } from './session-request.js';
import type { MessageConnection } from './signal-scopes.js';

const SLOT = Symbol('nest-session.slot');
const RESPONSE = Symbol('nest-session.response');

/** A symbol property on Node's own request. A WeakMap costs 8 µs more, and Nest's middleware on Fastify sees no other request. */
interface SlotHolder {
  [SLOT]?: RequestSlot;
}

interface SlottedRequest extends NodeRequest, SlotHolder {
  [RESPONSE]?: ServerResponse;
  readonly res?: ServerResponse | null;
  /** Whether the request came by the server's `upgrade` event. */
  readonly upgrade?: boolean;
}

/** A request and what came with it, as a guard, an interceptor or middleware knows them. */
export interface SessionPlace {
  readonly request: AnyRequest;
  readonly response?: AnyResponse | undefined;
  /** Outside HTTP: an object that stands for one message, and for no other message of the same connection. */
  readonly message?: object | undefined;
  /** Outside HTTP: the connection of the message, if it is not the socket of the handshake. */
  readonly connection?: MessageConnection | undefined;
}

/**
 * The sessions of one request: an exchange for each SessionModule that was asked for its session. This file
 * alone turns a request or response of Fastify's into Node's (`.raw`).
 */
export class RequestSlot {
  readonly #http: HttpMessages;
  /** Of several with one name, that of the application whose handler runs comes first. */
  #exchanges: SessionExchange[] = [];

  /** Finds the slot of a request, or of a message, if a session was opened there. */
  static find(place: SessionPlace): RequestSlot | undefined {
    const slot = (messageOf(place) ?? rawOf(place.request))[SLOT];
    if (slot !== undefined) slot.#http.exposed.add(place.request);
    return slot;
  }

  /**
   * Finds or makes the slot to open a session in. With a response the first caller makes it, and all share it. Without one the
   * request is the handshake of a connection that may last for days: then each message has a slot of its own, so that it sees a
   * logout or a timeout.
   */
  static findOrCreate(place: SessionPlace): RequestSlot {
    const request = rawOf(place.request);
    const response = responseOf(place);
    const message = messageOf(place);
    const found = response === undefined ? message?.[SLOT] : request[SLOT];
    const slot =
      found ??
      new RequestSlot({
        request,
        response,
        connection: place.connection,
        exposed: new ExposedSession(request[SLOT]?.exposed),
      });
    if (found === undefined) {
      slot.#http.exposed.add(request);
      request[SLOT] = slot;
      if (message !== undefined) message[SLOT] = slot;
    }
    slot.#http.exposed.add(place.request);
    return slot;
  }

  /** Remembers which response belongs to a request, because Fastify's requests do not know theirs. */
  static pair(request: AnyRequest, response: AnyResponse): void {
    rawOf(request)[RESPONSE] = rawResponseOf(response) as ServerResponse;
  }

  /** For the interceptor: if a store error of the handler's own makes the response a 503, tells the client when to come back. */
  static announceOutage(response: AnyResponse, error: unknown): void {
    const raw = rawResponseOf(response) as ServerResponse;
    if (!raw.headersSent) announceOutage(raw, error);
  }

  private constructor(http: HttpMessages) {
    this.#http = http;
  }

  /** What shows on the request. */
  get exposed(): ExposedSession {
    return this.#http.exposed;
  }

  /** The live session that `@Session()` gives, or `@Session.of(name)`, once it is open. */
  liveNamed(name: string): LiveSession | undefined {
    return this.#exchanges.find(({ engine }) => engine.options.name === name)?.live;
  }

  /** The live session of one SessionModule, once it is open. */
  liveOf(engine: SessionEngine): LiveSession | undefined {
    return this.#exchanges.find((exchange) => exchange.engine === engine)?.live;
  }

  /** Opens the session of one SessionModule. */
  open(engine: SessionEngine): Promise<LiveSession> {
    return this.#exchangeOf(engine).open();
  }

  /** Opens the session of a SessionModule whose application serves the request: that of `@Session()` and `request.session`. */
  async openAhead(engine: SessionEngine): Promise<void> {
    const exchange = this.#exchangeOf(engine);
    await exchange.open();
    // An application may be mounted in another one, whose middleware has opened its own session first.
    if (this.#exchanges[0] !== exchange) {
      this.#exchanges = [exchange, ...this.#exchanges.filter((other) => other !== exchange)];
    }
    exchange.showFirst();
  }

  /** Notes that Nest will make the response from the handler's value, so that it is no static file. */
  expectNestResponse(): void {
    for (const exchange of this.#exchanges) exchange.expectNestResponse();
  }

  /**
   * For the interceptor: saves every session of the request.
   * @returns a promise of the saves; `undefined` when there is nothing to wait for.
   */
  commit(): Promise<unknown> | undefined {
    if (this.#exchanges.length === 1) return this.#exchanges[0]?.commit();
    return together(this.#exchanges.map((exchange) => exchange.commit()));
  }

  /** Whether no response follows: this is a message of a connection that outlives its request. */
  get isMessage(): boolean {
    return this.#http.response === undefined;
  }

  /** Whether a save failed that a resolver has reported to the client. */
  get hasFailed(): boolean {
    return this.#exchanges.some((exchange) => exchange.hasFailed);
  }

  /**
   * For a resolver, or a handler of messages: saves every session. A failure is the error of this handler alone, so that others of the
   * same request go on, and save for themselves.
   * @returns a promise of the saves; `undefined` when there is nothing to wait for.
   */
  settle(): Promise<unknown> | undefined {
    return together(this.#exchanges.map((exchange) => exchange.settle()));
  }

  /** For a message: it has been handled, so nothing is saved for it from here on. */
  afterEnd(): void {
    for (const exchange of this.#exchanges) exchange.afterEnd();
  }

  /** For the interceptor: saves what a handler changed before it threw. Never rejects. */
  async commitAfterError(thrown: unknown): Promise<void> {
    await Promise.all(this.#exchanges.map((exchange) => exchange.commitAfterError(thrown)));
  }

  #exchangeOf(engine: SessionEngine): SessionExchange {
    for (const exchange of this.#exchanges) if (exchange.engine === engine) return exchange;
    const exchange = new SessionExchange(engine, this.#http);
    this.#exchanges.push(exchange);
    return exchange;
  }
}

/** One promise of all saves; `undefined` when there is none to wait for. */
function together(saves: readonly (Promise<void> | undefined)[]): Promise<unknown> | undefined {
  const saving = saves.filter((each) => each !== undefined);
  return saving.length === 0 ? undefined : Promise.all(saving);
}

/** Whether this is a request of Express, Fastify or Node, and no other object that an application may hand over by mistake. */
export function isRequest(request: AnyRequest | undefined): boolean {
  const raw: unknown = request?.raw ?? request;
  return typeof raw === 'object' && raw !== null && 'headers' in raw;
}

/** Whether this is the handshake of a socket: its connection may last for days, and sends no response. */
export function isHandshake(request: AnyRequest): boolean {
  return rawOf(request).upgrade === true;
}

function rawOf(request: AnyRequest): SlottedRequest {
  return (request.raw ?? request) as SlottedRequest;
}

function rawResponseOf(response: AnyResponse | undefined): ServerResponse | undefined {
  return response?.raw ?? (response as ServerResponse | undefined);
}

/** The response of a request. Express puts it on the request; for Fastify, {@link RequestSlot.pair} has remembered it. */
function responseOf({ request, response }: SessionPlace): ServerResponse | undefined {
  const raw = rawOf(request);
  // @fastify/websocket makes a response for a handshake, which leaves only where the upgrade is refused.
  if (isHandshake(raw)) return undefined;
  // engine.io sets `res` of a polling handshake to null after the response.
  return rawResponseOf(response) ?? raw[RESPONSE] ?? raw.res ?? undefined;
}

/** The object that holds the slot of a message. Over HTTP the request holds it, so there is none. */
function messageOf(place: SessionPlace): SlotHolder | undefined {
  return responseOf(place) === undefined ? place.message : undefined;
}
