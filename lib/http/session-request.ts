import type { ServerResponse } from 'node:http';

import { cookieValues } from '../cookies/cookie-header.js';
import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { pathMatches, requestPath } from '../cookies/cookie-path.js';
import type { CookieObstacle } from '../engine/cookie-obstacle.js';
import type { OpenRequest } from '../engine/open-request.js';
import type { SignalScope } from '../engine/signal-scope.js';
import { canonicalAddress } from '../ip-address.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { clientAddress } from '../proxy/client-address.js';
import { claimsToBeSecure, isSecureRequest } from '../proxy/request-scheme.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { LiveSession } from '../session/session-members.js';
import { SessionAddressError } from '../session.errors.js';
import type { AnyRequest, NodeRequest } from './any-request.js';
import type { ExposedSession } from './exposed-session.js';
import { routePattern } from './route-pattern.js';
import { connectionScope, handshakeScope, responseScope, type MessageConnection } from './signal-scopes.js';

/** A request and its response, as far as they are known. */
export interface HttpMessages {
  readonly request: NodeRequest;
  /** Absent outside HTTP, as for the handshake of a gateway. */
  readonly response: ServerResponse | undefined;
  /** The connection of a message, if it is not the socket of the handshake. */
  readonly connection?: MessageConnection | undefined;
  readonly exposed: ExposedSession;
}

/** What one SessionModule reads from a request: its cookies, the client's address, the scheme and the route. */
export class SessionRequest implements OpenRequest {
  /** The attributes of the session cookie for this request. */
  readonly cookie: ResolvedCookie;
  readonly cookies: readonly string[];
  readonly migrationCookies: readonly string[];
  readonly permanent: boolean | undefined;
  readonly cookieObstacle: CookieObstacle | undefined;
  readonly client: ServerResponse | undefined;
  readonly incoming: NodeRequest;
  readonly #options: ResolvedOptions;
  readonly #logger: SessionLogger;
  readonly #connection: MessageConnection | undefined;
  readonly #exposed: ExposedSession;

  constructor(
    { request, response, connection, exposed }: HttpMessages,
    options: ResolvedOptions,
    logger: SessionLogger,
  ) {
    this.#options = options;
    this.#logger = logger;
    this.incoming = request;
    this.#connection = connection;
    this.#exposed = exposed;
    this.client = response;
    this.cookie = options.cookieFor(request);
    this.permanent = options.writesPermanent ? this.cookie.persistent : undefined;
    // Middleware may have shortened `url`, but the browser chooses cookies by the path that it asked for.
    const path = requestPath(request.originalUrl ?? request.url ?? '/');
    const isInPath = pathMatches(path, this.cookie.path);
    const header = request.headers.cookie;
    this.cookies = isInPath ? cookieValues(header, this.cookie.name) : [];
    this.migrationCookies = options.migration ? cookieValues(header, options.migration.cookie.name) : [];
    this.cookieObstacle = this.#obstacleOf(response, isInPath);
  }

  /**
   * The client's address in canonical form.
   * @throws {SessionAddressError} when it is not an IP address: a pin that is silently off protects no session.
   * @throws {SessionConfigurationError} when the request has no address.
   */
  address(): string {
    const address = canonicalAddress(clientAddress(this.#framework, this.incoming, this.#options.trust));
    if (address !== undefined) return address;
    throw new SessionAddressError(
      "Sessions are pinned, but what a trusted proxy gave as the client's address is no IP address: let the proxy overwrite X-Forwarded-For.",
    );
  }

  /** Method and route pattern, as a log may name them. */
  route(): string {
    const pattern = routePattern(this.#exposed.requests) ?? '(a path outside the routes)';
    return `${this.incoming.method ?? 'GET'} ${pattern}`;
  }

  /** The host that the client asked for, without its port. */
  get host(): string {
    return (this.incoming.headers.host ?? '').replace(/:\d*$/, '');
  }

  /** Whether the cookie gets `Secure`. */
  isCookieSecure(): boolean {
    if (this.cookie.secure !== 'auto') return this.cookie.secure;
    if (this.#isSecure) return true;
    if (claimsToBeSecure(this.incoming)) {
      // Behind a TLS proxy that is not configured as trusted, the cookie would go without `Secure` for good.
      this.#logger.warnOnce(
        'The session cookie is sent without Secure, though X-Forwarded-Proto says https: that header came from a proxy that is not trusted. Name the proxy in `trustProxy`, or set `cookie: { secure: true }`.',
      );
    }
    return false;
  }

  /** How long the signal of the session watches. */
  signalScope(): SignalScope {
    if (this.client !== undefined) return responseScope(this.client);
    return this.#connection === undefined ? handshakeScope(this.incoming) : connectionScope(this.#connection);
  }

  /** Shows a session on the request, unless that of another application shows there. */
  show(live: LiveSession): void {
    const { exposeAs } = this.#options;
    if (exposeAs === false) return;
    if (!this.#exposed.isTakenFrom(this, exposeAs)) return this.#exposed.show(live, this, exposeAs);
    this.#logger.warnOnce(
      `request.${exposeAs} is the session of another application: reach the one of cookie '${this.cookie.name}' through its SessionService.`,
    );
  }

  /** Shows a session on the request, in place of the one that another application may have shown. */
  showFirst(live: LiveSession): void {
    const { exposeAs } = this.#options;
    if (exposeAs !== false) this.#exposed.show(live, this, exposeAs);
  }

  /**
   * Warns if the session does not show on the request: another library has the name, or the application has set it to null.
   * express-session then ends the session; this library does not.
   */
  warnOfOverwritten(): void {
    const { exposeAs } = this.#options;
    if (exposeAs === false) return;
    const value = this.#exposed.insteadOf(this, exposeAs);
    if (value === undefined) return;
    const remedy = `if another library uses request.${exposeAs}, write exposeAs: 'httpSession', or false, for this one`;
    this.#logger.warnOnce(
      value === null
        ? `${this.route()} sets request.${exposeAs} to null, which does not end the session: call session.destroy(); ${remedy}.`
        : `${this.route()} has something else than the session as request.${exposeAs}; the session itself is not affected: ${remedy}.`,
    );
  }

  #obstacleOf(response: ServerResponse | undefined, isInPath: boolean): CookieObstacle | undefined {
    if (response === undefined) return 'no-response';
    if (!isInPath) return 'path';
    return this.cookie.secure === true && !this.#isSecure ? 'insecure' : undefined;
  }

  get #isSecure(): boolean {
    return isSecureRequest(this.#framework, this.incoming, this.#options.trust);
  }

  /** The framework's own request, once it is known. Until then Node's, which Nest's middleware on Fastify gets. */
  get #framework(): AnyRequest {
    return this.#exposed.requests.at(-1) ?? this.incoming;
  }
}
