import type { ServerResponse } from 'node:http';

import { cookieValues } from '../cookies/cookie-header.js';
import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { pathMatches, requestPath } from '../cookies/cookie-path.js';
import type { CookieObstacle } from '../engine/cookie-obstacle.js';
import type { OpenSession } from '../engine/open-session.js';
import type { SessionEngine } from '../engine/session-engine.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { canonicalAddress } from '../ip-address.js';
import type { LiveSession } from '../session/session-members.js';
import { SessionAddressError } from '../session.errors.js';
import { AnswerCookies } from './answer-cookies.js';
import type { AnyRequest, NodeRequest } from './any-request.js';
import { clientAddress } from '../proxy/client-address.js';
import type { ExposedSession } from './exposed-session.js';
import { announceOutage } from './outage.js';
import { claimsToBeSecure, isSecureRequest } from '../proxy/request-scheme.js';
import { installResponseHook, type HookedAnswer } from './response-hook.js';
import { routePattern } from './route-pattern.js';
import { isStaticFileAnswer } from './static-file-answer.js';
import { varyByCookie } from './vary.js';

/** What every exchange of one SessionModule shares. */
export interface SessionExchangeParts {
  readonly engine: SessionEngine;
  readonly options: Pick<
    ResolvedOptions,
    'cookieFor' | 'signer' | 'trust' | 'staticFiles' | 'onLateSaveError' | 'writesPermanent' | 'migration'
  >;
  readonly logger: SessionLogger;
}

/** One request and its response, as far as they are known. */
export interface HttpMessages {
  readonly request: NodeRequest;
  /** Absent outside HTTP, as for the handshake of a gateway. */
  readonly response: ServerResponse | undefined;
  readonly exposed: ExposedSession;
}

/** One request, its response and its session in one SessionModule: opens, saves, and tells the response hook what to send. */
export class SessionExchange implements HookedAnswer {
  readonly parts: SessionExchangeParts;
  readonly #http: HttpMessages;
  readonly #cookie: ResolvedCookie;
  /** Whether the browser sends and takes the cookie at the path it asked for. */
  readonly #isInPath: boolean;
  /** The values of our cookie, and of that of the library that was used before. */
  readonly #cookies: readonly string[];
  readonly #migrationCookies: readonly string[];
  #opening: Promise<OpenSession> | undefined;
  #opened: OpenSession | undefined;
  /** The error that the application has been given; the session is not saved after that. */
  #reported: unknown;
  #isNestAnswer = false;

  constructor(parts: SessionExchangeParts, http: HttpMessages) {
    this.parts = parts;
    this.#http = http;
    this.#cookie = parts.options.cookieFor(http.request);
    this.#isInPath = pathMatches(pathOf(http.request), this.#cookie.path);
    const { cookie: header } = http.request.headers;
    const oldName = parts.options.migration?.cookie.name;
    this.#cookies = this.#isInPath ? cookieValues(header, this.#cookie.name) : [];
    this.#migrationCookies = oldName === undefined ? [] : cookieValues(header, oldName);
  }

  /** The live session, once it is open. */
  get live(): LiveSession | undefined {
    return this.#opened?.live;
  }

  /** Opens the session; all who ask share one opening and one object. */
  async open(): Promise<LiveSession> {
    this.#opening ??= this.#open();
    return (await this.#opening).live;
  }

  /** For handlers that read `request.session`: it is this one from here on, though another module may have shown its own. */
  showLive(): void {
    if (this.#opened !== undefined) this.#http.exposed.show(this.#opened.live, this);
  }

  /** For the interceptor: the handler's value will be the answer, so it cannot be a static file. */
  answeredByNest(): void {
    this.#isNestAnswer = true;
  }

  /**
   * For the interceptor: saves before the answer is formed, so that a failure is an error that the filters see. `undefined` when
   * there is nothing to wait for.
   */
  commit(): Promise<void> | undefined {
    if (this.#opened === undefined || this.#reported !== undefined || this.#isToldFailure()) return undefined;
    return this.#opened.commit()?.catch((error: unknown) => {
      this.#reported = error;
      throw error;
    });
  }

  /** For the interceptor: what a handler changed before it threw is kept too. Its own error stays the one that is answered. */
  async commitAfterError(thrown: unknown): Promise<void> {
    this.#reported ??= this.#opened?.toldFailure;
    try {
      await this.commit();
    } catch (error) {
      // A logout that failed, say, and that the handler has waited for.
      if (error === thrown) return;
      this.parts.logger.error(`The session of ${this.#route} could not be saved. ${describe(error)}`);
    }
  }

  beforeHead(): Promise<void> | undefined {
    const response = this.#http.response as ServerResponse;
    const isSavedNow = !this.#isToldFailure() && this.#reported === undefined;
    if (response.statusCode === 503) announceOutage(response, this.#reported);
    const opened = this.#opened;
    if (opened === undefined) return undefined;
    this.#warnOfNull();
    varyByCookie(response);
    if (this.#isStaticFile(response)) opened.withholdCookie('static-file');
    const saving = isSavedNow ? opened.commit() : undefined;
    const bar = (): void => opened.withholdCookie('head-sent');
    if (saving === undefined) bar();
    else saving.then(bar, bar);
    return saving;
  }

  beforeEnd(): Promise<void> | undefined {
    return this.#reported === undefined ? this.#opened?.commit() : undefined;
  }

  cookieLines(): readonly string[] {
    const opened = this.#opened;
    if (opened === undefined || opened.cookieNeed === 'none') return [];
    const { options } = this.parts;
    const oldCookie = this.#migrationCookies.length === 0 ? undefined : options.migration?.cookie;
    return new AnswerCookies({
      cookie: this.#cookie,
      signer: options.signer,
      isSecure: () => this.#isSecureForCookie,
      oldCookie,
      ambiguousHost: this.#cookies.length > 1 ? this.#host : undefined,
    }).linesFor(opened);
  }

  replacedCacheControl(): void {
    this.parts.logger.warnOnce(
      `${this.#route} sets the session cookie under a Cache-Control with which a shared cache would hand the cookie to others: sent 'no-store' instead. Write 'private' or 'no-store' there, or leave the session alone.`,
    );
  }

  sendUnsaved(error: unknown): boolean {
    // Once is enough: the end of the answer must not try again, and again.
    this.#reported = error;
    const { onLateSaveError } = this.parts.options;
    const outcome = onLateSaveError === 'send' ? 'sent all the same' : 'cut off';
    const reason = describe(error);
    this.parts.logger.error(
      `The session of ${this.#route} could not be saved, and its answer was ${outcome}. ${reason}`,
    );
    return onLateSaveError === 'send';
  }

  async #open(): Promise<OpenSession> {
    const { response } = this.#http;
    if (response !== undefined) installResponseHook(response, this);
    try {
      const opened = await this.parts.engine.open({
        cookies: this.#cookies,
        migrationCookies: this.#migrationCookies,
        address: () => this.#address(),
        permanent: this.parts.options.writesPermanent ? this.#cookie.persistent : undefined,
        cookieObstacle: this.#cookieObstacle(),
        route: () => this.#route,
        client: response,
        onReplaced: (live) => this.#expose(live),
      });
      if (response?.headersSent === true) opened.withholdCookie('head-sent');
      this.#opened = opened;
      this.#expose(opened.live);
      return opened;
    } catch (error) {
      this.#reported = error;
      throw error;
    }
  }

  /**
   * Whether a destroy or regenerate failed, and the application was told and now answers with an error of its own: that answer goes
   * out as it is. An answer that says all is well does not.
   */
  #isToldFailure(): boolean {
    const told = this.#opened?.toldFailure;
    if (told === undefined || (this.#http.response?.statusCode ?? 0) < 400) return false;
    this.#reported = told;
    return true;
  }

  /** What other modules have shown on this request stays there: a handler sees the session of one module. */
  #expose(live: LiveSession): void {
    const { exposed } = this.#http;
    if (!exposed.isTakenFrom(this)) return exposed.show(live, this);
    this.parts.logger.warnOnce(
      `request.session is the session of another SessionModule: reach the one of cookie '${this.#cookie.name}' through its SessionService.`,
    );
  }

  #warnOfNull(): void {
    if (!this.#http.exposed.isNull) return;
    this.parts.logger.warnOnce(
      `${this.#route} sets request.session to null, which does not end the session: call session.destroy().`,
    );
  }

  #cookieObstacle(): CookieObstacle | undefined {
    if (this.#http.response === undefined) return 'no-response';
    if (!this.#isInPath) return 'path';
    return this.#cookie.secure === true && !this.#isSecure ? 'insecure' : undefined;
  }

  /** Canonical, or an error: a pin that is silently off protects nobody. */
  #address(): string {
    const text = clientAddress(this.#framework, this.#http.request, this.parts.options.trust);
    const address = canonicalAddress(text);
    if (address !== undefined) return address;
    throw new SessionAddressError(
      "Sessions are pinned, but what a trusted proxy gave as the client's address is no IP address: let the proxy overwrite X-Forwarded-For.",
    );
  }

  #isStaticFile(response: ServerResponse): boolean {
    return !this.parts.options.staticFiles && !this.#isNestAnswer && isStaticFileAnswer(response);
  }

  get #isSecure(): boolean {
    return isSecureRequest(this.#framework, this.#http.request, this.parts.options.trust);
  }

  /** For `secure: 'auto'`: behind a TLS proxy that was not declared the cookie would go without `Secure` for good. */
  get #isSecureForCookie(): boolean {
    if (this.#isSecure) return true;
    if (claimsToBeSecure(this.#http.request)) {
      this.parts.logger.warnOnce(
        'The session cookie is sent without Secure, though X-Forwarded-Proto says https: that header came from a proxy that is not trusted. Name the proxy in `trustProxy`, or set `cookie: { secure: true }`.',
      );
    }
    return false;
  }

  /** The framework's own request, once it is known: Nest's middleware on Fastify is given Node's. */
  get #framework(): AnyRequest {
    return this.#http.exposed.requests.at(-1) ?? (this.#http.request as AnyRequest);
  }

  /** The host that the client asked, without its port. */
  get #host(): string {
    return (this.#http.request.headers.host ?? '').replace(/:\d*$/, '');
  }

  /** The route as a log names it. */
  get #route(): string {
    const pattern = routePattern(this.#http.exposed.requests) ?? '(a path outside the routes)';
    return `${this.#http.request.method ?? 'GET'} ${pattern}`;
  }
}

/** The path that the browser asked for; middleware may have cut `url` down. */
function pathOf({ originalUrl, url }: NodeRequest): string {
  return requestPath(originalUrl ?? url ?? '/');
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
