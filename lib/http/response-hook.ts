import type { ServerResponse } from 'node:http';

import { forbidSharedStorage } from './cache-control.js';
import { sendErrorResponse } from './error-response.js';
import { FormedHead } from './formed-head.js';
import { PassedHeaders, setHeaders, type HeadHeaders, type WriteHeadHeaders } from './head-headers.js';

/** What the hook needs from an exchange. None of these methods throws. */
export interface HookedExchange {
  /** Called when the head is about to be formed: adds headers. The hook holds every byte back until the promise settles. */
  beforeHead(response: ServerResponse, headers: HeadHeaders): Promise<void> | undefined;
  /** Called when the last byte is about to be sent, after the head. The hook holds it back until the promise settles. */
  beforeEnd(): Promise<void> | undefined;
  /** Called when the response has ended. Nothing is saved for it from here on. */
  afterEnd(): void;
  /** The Set-Cookie lines as they should stand in the head, by all that is known now. */
  cookieLines(): readonly string[];
  /** Called when the hook has replaced the route's Cache-Control, which let shared caches store the response with the cookie. */
  replacedCacheControl(): void;
  /** What becomes of a response that has begun to leave when a save fails. */
  readonly onLateSaveError: 'destroy' | 'send';
  /** Called when a save has failed that the exception filters cannot see, with what became of the response. */
  reportSaveError(error: unknown, outcome: SaveErrorOutcome): void;
}

/** What became of a response whose session could not be saved: the error took its place, it was cut off, or it was sent as it is. */
export type SaveErrorOutcome = 'replaced' | 'destroy' | 'send';

/** The methods that the hook stands before, in the form in which it passes calls on. */
export interface ResponseMethods {
  writeHead(this: ServerResponse, ...args: unknown[]): ServerResponse;
  write(this: ServerResponse, ...args: unknown[]): boolean;
  end(this: ServerResponse, ...args: unknown[]): ServerResponse;
  flushHeaders(this: ServerResponse): void;
  on(this: ServerResponse, ...args: unknown[]): ServerResponse;
}

/** What a hook stands before. */
export interface HookedMethods {
  /** The methods as the hook found them. It passes calls on to these, so that other hooks keep working. */
  readonly found: ResponseMethods;
  /** The methods of the response's class, which no other library has replaced on this one response. */
  readonly plain: ResponseMethods;
}

/**
 * Stands before the four methods through which all bytes of one response pass: the head and the end wait for the save, no matter
 * what sends them. On HTTP/2 the head does not wait.
 */
export class ResponseHook {
  readonly #response: ServerResponse;
  /** One for each SessionModule that was asked for its session. */
  readonly #exchanges: HookedExchange[];
  readonly #original: ResponseMethods;
  readonly #plain: ResponseMethods;
  /** Present once the head has cookies of ours, or a held response was released. */
  #head: FormedHead | undefined;
  /**
   * Calls that wait for the save, in order. They continue inside this hook: one that was installed later, such as a compressor's,
   * has handled them already.
   */
  #held: (() => void)[] = [];
  /** Listeners to call when writing may go on. */
  #writers: Set<unknown> | undefined;
  /** The last held write found its stream full. That stream emits 'drain' itself. */
  #isFull = false;
  /** How many saves the held bytes wait for. */
  #saves = 0;
  /** The saves that failed, of those that the held bytes wait for. */
  #failed: { readonly exchange: HookedExchange; readonly error: unknown }[] = [];
  #hasBegunToLeave = false;
  /** The connection was destroyed, or an error was sent in place of the response. */
  #mustNotLeave = false;
  #prepared = false;
  /** The application's own headers, where they were passed on without being set on the response. */
  #given: WriteHeadHeaders | undefined;
  #endAsked = false;
  #hasEnded = false;

  constructor(response: ServerResponse, exchange: HookedExchange, { found, plain }: HookedMethods) {
    this.#response = response;
    this.#exchanges = [exchange];
    this.#original = found;
    this.#plain = plain;
    if (response.writableEnded) this.#noteEnd();
  }

  /** Adds the exchange of another session that is opened for the same response. */
  add(exchange: HookedExchange): void {
    if (this.#exchanges.includes(exchange)) return;
    this.#exchanges.push(exchange);
    if (this.#hasEnded) exchange.afterEnd();
  }

  /**
   * Notes who listens for 'drain'. A compressor that was installed before this hook keeps those listeners on a stream of its own,
   * where our 'drain' does not reach them: a writer that was told to wait for the save would wait for ever.
   */
  on(args: unknown[]): ServerResponse {
    const [event, listener] = args;
    if (event === 'drain' && (this.#isHolding || !this.#response.headersSent))
      (this.#writers ??= new Set()).add(listener);
    return this.#original.on.apply(this.#response, args);
  }

  writeHead(args: unknown[]): ServerResponse {
    const response = this.#response;
    const [status] = args;
    // Passes on at once what Node refuses, so that Node throws before anything is saved.
    if (response.headersSent || !isStatus(status)) return this.#original.writeHead.apply(response, args);
    const reason = typeof args[1] === 'string' ? [args[1]] : [];
    const given = (reason.length > 0 ? args[2] : (args[1] ?? args[2])) as WriteHeadHeaders | undefined;
    const passed = this.#passOn(given);
    response.statusCode = Number(status);
    this.#prepare(passed ?? response);
    const formed = this.#original.writeHead.call(response, status, ...reason, ...(passed ? [passed.all] : []));
    this.#head?.keepFromSharedCaches();
    return formed;
  }

  /** Passes the headers on as one object, with room for ours, or sets them on the response. */
  #passOn(given: WriteHeadHeaders | undefined): PassedHeaders | undefined {
    const passed = this.#prepared ? undefined : PassedHeaders.of(this.#response, given);
    if (passed === undefined) setHeaders(this.#response, given);
    else this.#given = given;
    return passed;
  }

  write(args: unknown[]): boolean {
    // Passes on at once what Node refuses: an error thrown after the save would reach no caller.
    if (!isChunk(args[0])) return this.#original.write.apply(this.#response, args);
    if (!this.#response.headersSent) this.#formHead();
    if (!this.#isHolding) {
      this.#hasBegunToLeave = true;
      return this.#original.write.apply(this.#response, args);
    }
    this.#held.push(() => {
      this.#isFull = !this.write(args);
    });
    return false;
  }

  flushHeaders(): void {
    if (!this.#response.headersSent) this.#formHead();
    if (this.#isHolding) this.#held.push(() => this.flushHeaders());
    else {
      this.#hasBegunToLeave = true;
      this.#original.flushHeaders.call(this.#response);
    }
  }

  end(args: unknown[]): ServerResponse {
    const response = this.#response;
    if (args[0] && typeof args[0] !== 'function' && !isChunk(args[0])) return this.#original.end.apply(response, args);
    if (response.headersSent) this.#saveBeforeEnd();
    else {
      this.#prepare(response);
      if (this.#isHolding) this.#formHeadOf(args);
    }
    if (!this.#isHolding) {
      this.#noteEnd();
      return this.#original.end.apply(response, args);
    }
    this.#held.push(() => void this.end(args));
    // The sender must see that the response has ended, or it would send another one.
    Object.defineProperty(response, 'writableEnded', { get: () => true, configurable: true });
    return response;
  }

  /** Saves once only: a value whose text differs each time would otherwise be saved for ever. */
  #saveBeforeEnd(): void {
    if (this.#endAsked || this.#isHolding || this.#response.writableEnded) return;
    this.#endAsked = true;
    for (const exchange of this.#exchanges) this.#holdFor(exchange, exchange.beforeEnd());
  }

  #noteEnd(): void {
    this.#hasEnded = true;
    for (const exchange of this.#exchanges) exchange.afterEnd();
  }

  /** Runs once, just before the head is formed: adds the session's headers, and starts the save that the bytes wait for. */
  #prepare(headers: HeadHeaders): void {
    if (this.#prepared) return;
    this.#prepared = true;
    // The lines are asked for after the save has begun, because only then is it known which are needed.
    for (const exchange of this.#exchanges) this.#holdFor(exchange, exchange.beforeHead(this.#response, headers));
    const lines = this.#cookieLines();
    if (lines.length === 0) return;
    if (forbidSharedStorage(headers)) for (const exchange of this.#exchanges) exchange.replacedCacheControl();
    this.#head = new FormedHead(this.#response);
    this.#head.addCookies(headers, lines);
  }

  #cookieLines(): readonly string[] {
    const lines: string[] = [];
    for (const exchange of this.#exchanges) lines.push(...exchange.cookieLines());
    return lines;
  }

  /** Whether bytes are held back, until the save is done or for ever. */
  get #isHolding(): boolean {
    return this.#saves > 0 || this.#mustNotLeave;
  }

  #formHead(): void {
    this.#response.writeHead(this.#response.statusCode);
  }

  /** Forms the head of a response whose whole body is known. Node would give it a Content-Length, and so does the hook. */
  #formHeadOf([chunk, encoding]: unknown[]): void {
    const response = this.#response;
    const isFramed = ['content-length', 'transfer-encoding', 'trailer'].some((name) => response.hasHeader(name));
    if (!isFramed && mayHaveBody(response)) response.setHeader('Content-Length', byteLength(chunk, encoding));
    this.#formHead();
  }

  /** Holds every byte back until this save is done. */
  #holdFor(exchange: HookedExchange, save: Promise<void> | undefined): void {
    if (save === undefined) return;
    this.#saves++;
    save
      .catch((error: unknown) => void this.#failed.push({ exchange, error }))
      .then(() => {
        if (--this.#saves > 0) return;
        if (this.#failed.length > 0) this.#reportFailures();
        if (!this.#mustNotLeave) this.#release();
      })
      // A held call that throws would leave the client waiting.
      .catch((error: unknown) => this.#response.destroy(error as Error));
  }

  /** Lets the client see the error of a failed save. If the response has begun to leave, it can only be cut off, or go on. */
  #reportFailures(): void {
    const failed = this.#failed;
    this.#failed = [];
    const outcome = this.#failWith(
      failed[0]?.error,
      failed.some(({ exchange }) => exchange.onLateSaveError === 'destroy'),
    );
    this.#mustNotLeave = outcome !== 'send';
    for (const { exchange, error } of failed) exchange.reportSaveError(error, outcome);
  }

  #failWith(error: unknown, mustNotSend: boolean): SaveErrorOutcome {
    const response = this.#response;
    if (!this.#hasBegunToLeave && (this.#head ??= new FormedHead(response)).retract()) {
      Reflect.deleteProperty(response, 'writableEnded');
      setHeaders(response, this.#given);
      sendErrorResponse(response, error, this.#plain);
      return 'replaced';
    }
    if (!mustNotSend) return 'send';
    response.destroy();
    return 'destroy';
  }

  #release(): void {
    const response = this.#response;
    Reflect.deleteProperty(response, 'writableEnded');
    (this.#head ??= new FormedHead(response)).correctCookies(this.#cookieLines());
    const held = this.#held;
    this.#held = [];
    while (held.length > 0 && !this.#isHolding) held.shift()?.();
    if (this.#isHolding) this.#held.push(...held);
    // `writableNeedDrain` does not tell whether writers wait: on the response of Fastify's inject() it stays true.
    else if (!response.writableEnded && !this.#isFull) this.#tellWriters();
  }

  #tellWriters(): void {
    const response = this.#response;
    const reached: readonly unknown[] = response.rawListeners('drain');
    response.emit('drain');
    const writers = this.#writers ?? [];
    this.#writers = undefined;
    for (const writer of writers) if (!reached.includes(writer)) (writer as () => void).call(response);
  }
}

function isChunk(chunk: unknown): boolean {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

function isStatus(status: unknown): boolean {
  return Number.isInteger(Number(status)) && Number(status) >= 100 && Number(status) <= 999;
}

function mayHaveBody({ req, statusCode }: ServerResponse): boolean {
  return req?.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304 && statusCode >= 200;
}

function byteLength(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}
