import type { ServerResponse } from 'node:http';

import type { OpenSession } from '../engine/open-session.js';
import type { SessionEngine } from '../engine/session-engine.js';
import type { LiveSession } from '../session/session-members.js';
import { isReported } from '../session.errors.js';
import type { HeadHeaders } from './head-headers.js';
import { announceOutage } from './outage.js';
import { installResponseHook } from './install-response-hook.js';
import type { HookedExchange, SaveErrorOutcome } from './response-hook.js';
import { SessionRequest, type HttpMessages } from './session-request.js';
import { setCookieLines } from './set-cookie-lines.js';
import { isStaticFileResponse } from './static-file-response.js';
import { varyByCookie } from './vary.js';

/** What a log says of a response whose session could not be saved. */
const FATE: Readonly<Record<SaveErrorOutcome, string>> = {
  replaced: 'an error was sent in place of its response',
  destroy: 'its response was cut off',
  send: 'its response was sent all the same',
};

/** One request, its response and its session in one SessionModule: opens, saves, and tells the response hook what to send. */
export class SessionExchange implements HookedExchange {
  readonly engine: SessionEngine;
  readonly #request: SessionRequest;
  readonly #response: ServerResponse | undefined;
  #opening: Promise<LiveSession> | undefined;
  #opened: OpenSession | undefined;
  /** The error that was reported, to the application or to the log. The session is not saved after that. */
  #reportedError: unknown;
  /** The error of the save that the interceptor has passed on to the application. */
  #unsaved: unknown;
  #isNestResponse = false;
  #hasEnded = false;

  constructor(engine: SessionEngine, http: HttpMessages) {
    this.engine = engine;
    this.#request = new SessionRequest(http, engine.options, engine.logger);
    this.#response = http.response;
  }

  /** The live session, once it is open. */
  get live(): LiveSession | undefined {
    return this.#opened?.live;
  }

  /** Opens the session. All callers share one opening and one object. */
  open(): Promise<LiveSession> {
    // No longer the first one, perhaps: a regenerate with a callback puts another in its place.
    if (this.#opened !== undefined) return Promise.resolve(this.#opened.live);
    return (this.#opening ??= this.#open());
  }

  /** Makes the request show this session, in place of the one that another application may have shown. */
  showFirst(): void {
    if (this.#opened !== undefined) this.#request.showFirst(this.#opened.live);
  }

  /** Notes that Nest will make the response from the handler's value, so that it is no static file. */
  expectNestResponse(): void {
    this.#isNestResponse = true;
  }

  /**
   * For the interceptor: Nest will make the response from the handler's value. Saves before that, so that the exception filters see
   * a failure.
   * @returns a promise of the save; `undefined` when there is nothing to wait for.
   */
  commit(): Promise<void> | undefined {
    this.expectNestResponse();
    return this.#commit();
  }

  /** Whether the application was given an error of the session, after which the hook saves nothing. */
  get hasFailed(): boolean {
    return this.#reportedError !== undefined;
  }

  /**
   * For a resolver, or a handler of messages: saves what it changed. A failure is its error and not the whole response's. What could
   * not be saved for one resolver is tried again by the next, which must not report as saved what stands behind it.
   * @returns a promise of the save; `undefined` when there is nothing to wait for.
   */
  settle(): Promise<void> | undefined {
    this.expectNestResponse();
    return this.#opened?.commit()?.then(
      () => (this.#reportedError = undefined),
      (error: unknown) => {
        this.#reportedError = error;
        throw error;
      },
    );
  }

  /**
   * For the interceptor: saves what a handler changed before it threw. The client still gets the handler's error. Never rejects.
   */
  async commitAfterError(thrown: unknown): Promise<void> {
    this.#reportedError ??= this.#opened?.watchedFailure;
    try {
      await this.#commit();
    } catch (error) {
      // The log tells of an outage by itself; then it is news only that the response is a success all the same.
      if (error !== thrown && isReported(error)) return;
      // Nothing is passed on: the application has the handler's error, and the log has this one.
      this.#unsaved = undefined;
      // The handler has already thrown this error.
      if (error === thrown) return;
      this.engine.logger.error(`The session of ${this.#request.route()} could not be saved. ${describe(error)}`);
    }
  }

  beforeHead(response: ServerResponse, headers: HeadHeaders): Promise<void> | undefined {
    const maySave = this.#maySave();
    if (response.statusCode === 503) announceOutage(headers, this.#reportedError);
    const opened = this.#opened;
    if (opened === undefined) return undefined;
    this.#request.warnOfOverwritten();
    if (this.#unsaved !== undefined && response.statusCode < 400) this.#logSwallowed(response.statusCode);
    varyByCookie(headers);
    if (this.#isStaticFile(response, headers)) opened.withholdCookie('static-file');
    const saving = maySave ? opened.commit() : undefined;
    const headIsSent = (): void => opened.withholdCookie('head-sent');
    if (saving === undefined) headIsSent();
    else saving.then(headIsSent, headIsSent);
    return saving;
  }

  beforeEnd(): Promise<void> | undefined {
    return this.#reportedError === undefined ? this.#opened?.commit() : undefined;
  }

  afterEnd(): void {
    this.#hasEnded = true;
    // No function of this exchange: it would keep the whole response alive for as long as the data.
    if (this.#opened !== undefined) this.#opened.data.isOver = true;
  }

  cookieLines(): readonly string[] {
    const opened = this.#opened;
    return opened === undefined || opened.cookieAction === 'none'
      ? []
      : setCookieLines(opened, this.#request, this.engine.options);
  }

  replacedCacheControl(): void {
    this.engine.logger.warnOnce(
      `${this.#request.route()} sets the session cookie under a Cache-Control with which a shared cache would hand the cookie to others: sent 'no-store' instead. Write 'private' or 'no-store' there, or leave the session alone.`,
    );
  }

  get onLateSaveError(): 'destroy' | 'send' {
    return this.engine.options.onLateSaveError;
  }

  reportSaveError(error: unknown, outcome: SaveErrorOutcome): void {
    // Reported once: the end of the response must not try to save again and again.
    this.#reportedError = error;
    // The log of an outage does not tell that a client takes a response for a success.
    if (outcome !== 'send' && isReported(error)) return;
    this.engine.logger.error(
      `The session of ${this.#request.route()} could not be saved, and ${FATE[outcome]}. ${describe(error)}`,
    );
  }

  #logSwallowed(status: number): void {
    this.engine.logger.error(
      `The session of ${this.#request.route()} could not be saved, but an interceptor or exception filter of the application responds with ${status} all the same. ${describe(this.#unsaved)}`,
    );
  }

  async #open(): Promise<LiveSession> {
    const response = this.#response;
    if (response !== undefined) installResponseHook(response, this);
    try {
      const opened = await this.engine.open(this.#request);
      if (response?.headersSent === true) opened.withholdCookie('head-sent');
      this.#opened = opened;
      if (this.#hasEnded) this.afterEnd();
      this.#request.show(opened.live);
      return opened.live;
    } catch (error) {
      this.#reportedError = error;
      throw error;
    }
  }

  #commit(): Promise<void> | undefined {
    if (this.#opened === undefined || !this.#maySave()) return undefined;
    return this.#opened.commit()?.catch((error: unknown) => {
      this.#reportedError = error;
      this.#unsaved = error;
      throw error;
    });
  }

  /**
   * Whether to save: not once an error was reported. A response with a status of 400 or more reports a failed destroy or regenerate
   * that the application has waited for, which this method then notes: that response goes out as it is. One that reports success
   * does not.
   */
  #maySave(): boolean {
    const isError = (this.#response?.statusCode ?? 0) >= 400;
    if (isError) this.#reportedError ??= this.#opened?.watchedFailure;
    return this.#reportedError === undefined;
  }

  #isStaticFile(response: ServerResponse, headers: HeadHeaders): boolean {
    return !this.engine.options.staticFiles && !this.#isNestResponse && isStaticFileResponse(response, headers);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
