import type { IncomingMessage, ServerResponse } from 'node:http';

import { cookieValues } from '../cookies/cookie-header.js';
import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { pathMatches, requestPath } from '../cookies/cookie-path.js';
import { removalCookie, serializeCookie } from '../cookies/session-cookie.js';
import type { CookieBar } from '../engine/cookie-bar.js';
import type { OpenSession } from '../engine/open-session.js';
import type { SessionEngine } from '../engine/session-engine.js';
import type { SessionLogger } from '../engine/session-logger.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionMigration } from '../options/session-migration.js';
import { canonicalAddress } from '../pinning/ip-address.js';
import type { LiveSession } from '../session/session.js';
import { SessionAddressError, SessionConfigurationError, SessionStoreError } from '../session.errors.js';
import { clientAddress } from './client-address.js';
import { isSecureRequest } from './request-scheme.js';
import { installResponseHook, type HookedAnswer } from './response-hook.js';
import { isStaticFileAnswer } from './static-file-answer.js';
import { varyByCookie } from './vary.js';

/** A request as Express, Fastify or Node hands it out. */
export type AnyRequest = object & {
  readonly raw?: IncomingMessage;
  readonly ip?: string | undefined;
  readonly protocol?: string | undefined;
  readonly originalUrl?: string;
  session?: unknown;
};

/** A response or reply of Express, Fastify or Node. */
export type AnyResponse = object & { readonly raw?: ServerResponse };

/** What every slot of one application shares. */
export interface RequestSlotParts {
  readonly engine: SessionEngine;
  readonly options: Pick<
    ResolvedOptions,
    'cookieFor' | 'trust' | 'staticFiles' | 'onLateSaveError' | 'writesPermanent' | 'migration'
  >;
  readonly logger: SessionLogger;
}

const SLOT = Symbol('nest-session.slot');
const RESPONSE = Symbol('nest-session.response');

/** A symbol property on Node's own request: a WeakMap costs 8 µs more, and Nest's middleware on Fastify sees that request alone. */
type SlottedRequest = IncomingMessage & { [SLOT]?: RequestSlot; [RESPONSE]?: ServerResponse; originalUrl?: string };

/** Where a session lives on a request, and the only place that knows Fastify's `.raw`. */
export class RequestSlot implements HookedAnswer {
  readonly #parts: RequestSlotParts;
  readonly #request: AnyRequest;
  readonly #raw: SlottedRequest;
  readonly #response: ServerResponse | undefined;
  readonly #cookie: ResolvedCookie;
  #opening: Promise<OpenSession> | undefined;
  #opened: OpenSession | undefined;
  /** The error that the exception filters have been given; the session is not saved after that, and the cookie left alone. */
  #reported: unknown;
  #isNestAnswer = false;
  #exposed: LiveSession | undefined;

  /** The request's slot, if anything has asked for the session. */
  static of(request: AnyRequest): RequestSlot | undefined {
    return rawOf(request)[SLOT];
  }

  /** The slot to open the session in; the first who asks makes it. */
  static for(parts: RequestSlotParts, request: AnyRequest, response?: AnyResponse): RequestSlot {
    const raw = rawOf(request);
    return (raw[SLOT] ??= new RequestSlot(parts, request, response));
  }

  /** Remembers which response belongs to a request: Fastify's requests do not know theirs. */
  static pair(request: AnyRequest, response: AnyResponse): void {
    rawOf(request)[RESPONSE] = response.raw ?? (response as ServerResponse);
  }

  /** For the interceptor: a handler's own use of the store failed, so the answer will be 503. */
  static announceOutage(response: AnyResponse, error: unknown): void {
    announceOutage(response.raw ?? (response as ServerResponse), error);
  }

  private constructor(parts: RequestSlotParts, request: AnyRequest, response: AnyResponse | undefined) {
    this.#parts = parts;
    this.#request = request;
    this.#raw = rawOf(request);
    this.#response = response === undefined ? responseOf(this.#raw) : (response.raw ?? (response as ServerResponse));
    this.#cookie = parts.options.cookieFor(this.#raw);
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

  /** For the interceptor: the handler's value will be the answer, so it cannot be a static file. */
  answeredByNest(): void {
    this.#isNestAnswer = true;
  }

  /**
   * For the interceptor: saves before the answer is formed, so that a failure is an error that the filters see. `undefined` when
   * there is nothing to wait for.
   */
  commit(): Promise<void> | undefined {
    if (this.#opened === undefined || this.#reported !== undefined) return undefined;
    return this.#opened.commit()?.catch((error: unknown) => {
      this.#reported = error;
      throw error;
    });
  }

  /** For the interceptor: what a handler changed before it threw is kept too. Its own error stays the one that is answered. */
  async commitAfterError(thrown: unknown): Promise<void> {
    try {
      await this.commit();
    } catch (error) {
      // A logout that failed, say, and that the handler has waited for.
      if (error === thrown) return;
      this.#parts.logger.error(`The session of ${this.#route} could not be saved. ${describe(error)}`);
    }
  }

  beforeHead(): Promise<void> | undefined {
    const response = this.#response as ServerResponse;
    if (response.statusCode === 503) announceOutage(response, this.#reported);
    const opened = this.#opened;
    if (opened === undefined) return undefined;
    if (this.#isStaticFile(response)) opened.barCookie('static-file');
    else varyByCookie(response);
    const saving = this.#reported === undefined ? opened.commit() : undefined;
    const bar = (): void => opened.barCookie('head-sent');
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
    const cookie = this.#cookie;
    const secure = cookie.secure === 'auto' ? this.#isSecure : cookie.secure;
    const removals = this.#removalOfOld(secure);
    if (opened.cookieNeed === 'expire') return [removalCookie(cookie, secure), ...removals];
    const value = this.#parts.engine.cookieValue(opened.id);
    return [serializeCookie(cookie, value, opened.expiresAt, Date.now() / 1000, secure), ...removals];
  }

  sendUnsaved(error: unknown): boolean {
    // Once is enough: the end of the answer must not try again, and again.
    this.#reported = error;
    const { onLateSaveError } = this.#parts.options;
    const outcome = onLateSaveError === 'send' ? 'sent all the same' : 'cut off';
    const reason = describe(error);
    this.#parts.logger.error(
      `The session of ${this.#route} could not be saved, and its answer was ${outcome}. ${reason}`,
    );
    return onLateSaveError === 'send';
  }

  async #open(): Promise<OpenSession> {
    if (this.#response !== undefined) installResponseHook(this.#response, this);
    try {
      const opened = await this.#parts.engine.open({
        cookies: this.#isInPath ? cookieValues(this.#raw.headers.cookie, this.#cookie.name) : [],
        oldCookies: this.#oldCookies,
        address: () => this.#address(),
        permanent: this.#parts.options.writesPermanent ? this.#cookie.persistent : undefined,
        cookieBar: this.#cookieBar(),
        route: this.#route,
        onReplaced: (live) => this.#expose(live),
      });
      if (this.#response?.headersSent === true) opened.barCookie('head-sent');
      this.#opened = opened;
      this.#expose(opened.live);
      return opened;
    } catch (error) {
      this.#reported = error;
      throw error;
    }
  }

  /** The cookie of the library that was used before. */
  get #oldCookie(): SessionMigration['cookie'] | undefined {
    return this.#parts.options.migration?.cookie;
  }

  get #oldCookies(): readonly string[] {
    const name = this.#oldCookie?.name;
    return name === undefined ? [] : cookieValues(this.#raw.headers.cookie, name);
  }

  /** The line that removes it, unless ours takes its place: a browser tells cookies apart by name, domain and path. */
  #removalOfOld(secure: boolean): readonly string[] {
    const old = this.#oldCookie;
    if (old === undefined || this.#oldCookies.length === 0) return [];
    const { name, path, domain } = this.#cookie;
    if (old.name === name && old.path === path && old.domain === domain) return [];
    return [removalCookie({ ...this.#cookie, ...old, partitioned: undefined }, secure)];
  }

  #cookieBar(): CookieBar | undefined {
    if (this.#response === undefined) return 'no-response';
    if (!this.#isInPath) return 'path';
    return this.#cookie.secure === true && !this.#isSecure ? 'insecure' : undefined;
  }

  /** Nest's own `@Session()`, and whoever else reads `request.session`, get the same object, unless the name is taken. */
  #expose(live: LiveSession): void {
    for (const request of new Set<AnyRequest>([this.#request, this.#raw as AnyRequest])) {
      if (request.session != null && request.session !== this.#exposed) continue;
      Object.defineProperty(request, 'session', { value: live, writable: true, configurable: true, enumerable: true });
    }
    this.#exposed = live;
  }

  /** Canonical, or an error: a pin that is silently off protects nobody. */
  #address(): string {
    const text = clientAddress(this.#request, this.#raw, this.#parts.options.trust);
    if (text === undefined) {
      throw new SessionConfigurationError(
        'Sessions are pinned, but the client has no address: behind a proxy on a Unix socket set `trustProxy`, or turn `pinning` off.',
      );
    }
    const address = canonicalAddress(text);
    if (address !== undefined) return address;
    throw new SessionAddressError(
      "Sessions are pinned, but what a trusted proxy gave as the client's address is no IP address: let the proxy overwrite X-Forwarded-For.",
    );
  }

  #isStaticFile(response: ServerResponse): boolean {
    return !this.#parts.options.staticFiles && !this.#isNestAnswer && isStaticFileAnswer(response);
  }

  get #isInPath(): boolean {
    return pathMatches(this.#path, this.#cookie.path);
  }

  get #isSecure(): boolean {
    return isSecureRequest(this.#request, this.#raw, this.#parts.options.trust);
  }

  /** The path that the browser asked for; middleware may have cut `url` down. */
  get #path(): string {
    return requestPath(this.#raw.originalUrl ?? this.#raw.url ?? '/');
  }

  get #route(): string {
    return `${this.#raw.method ?? 'GET'} ${this.#path}`;
  }
}

/** Tells the client when to come back (RFC 9110, section 15.6.4). */
function announceOutage(response: ServerResponse, error: unknown): void {
  if (!(error instanceof SessionStoreError) || response.headersSent || response.hasHeader('retry-after')) return;
  response.setHeader('Retry-After', '1');
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function rawOf(request: AnyRequest): SlottedRequest {
  return (request.raw ?? request) as SlottedRequest;
}

/** Express puts the response on the request; for Fastify it was remembered by {@link RequestSlot.pair}. */
function responseOf(raw: SlottedRequest & { res?: ServerResponse }): ServerResponse | undefined {
  return raw[RESPONSE] ?? raw.res;
}
