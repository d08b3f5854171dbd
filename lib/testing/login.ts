import { ServerResponse } from 'node:http';

import type { OpenSession } from '../engine/open-session.js';
import type { SessionEngine } from '../engine/session-engine.js';
import { ExposedSession } from '../http/exposed-session.js';
import { SessionRequest } from '../http/session-request.js';
import { setCookieLines } from '../http/set-cookie-lines.js';
import { engineOf, SessionService } from '../nest/session.service.js';
import { getSessionServiceToken } from '../nest/session-tokens.js';
import type { SignedInOptions } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';
import { unsentRequest } from './unsent-request.js';

/** A Nest application, on any platform and also from `@nestjs/testing`, or an application context of Nest. */
export interface NestContext {
  /** Nest's own `get`, which finds a provider by its token. */
  get(token: never, options: { readonly strict: false }): unknown;
}

/** The request that signs in, as far as the options of the module may look at it. */
export interface LoginOptions {
  readonly name?: string;
  readonly url?: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly signedIn?: SignedInOptions;
}

const OPTION_NAMES: readonly string[] = [
  'name',
  'url',
  'headers',
  'address',
  'signedIn',
] satisfies (keyof LoginOptions)[];

/** The Set-Cookie line of a login, and the URL that the login asked for. */
export interface Login {
  readonly line: string;
  readonly url: URL;
}

/**
 * Stores a session as a login through HTTP would: the application's own engine opens it for a request that was never sent, saves it
 * and writes the cookie.
 */
export async function logIn(app: NestContext, data: object, options: LoginOptions): Promise<Login> {
  checkNames(options);
  const engine = engineOf(serviceOf(app, options.name));
  const { request, url } = requestFor(engine, options);
  refuseObstacle(request, url);
  const opened = await engine.open(request);
  Object.assign(opened.live, data);
  if (options.signedIn !== undefined) opened.live.signedIn(options.signedIn);
  await opened.commit();
  await checkStored(engine, opened);
  const [line = ''] = setCookieLines(opened, request, engine.options);
  return { line, url };
}

function checkNames(options: object): void {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.includes(name));
  if (unknown === undefined) return;
  throw new SessionConfigurationError(`signIn() has no option '${unknown}': write ${OPTION_NAMES.join(', ')}.`);
}

function serviceOf(app: NestContext, name: string | undefined): SessionService {
  if (typeof (app as Partial<NestContext> | undefined)?.get !== 'function') {
    throw new SessionConfigurationError(
      'signIn() takes a Nest application: wait for NestFactory.create(), or for compile() of @nestjs/testing.',
    );
  }
  const module = name === undefined ? 'SessionModule' : `SessionModule with the name '${name}'`;
  let service: unknown;
  try {
    service = app.get(getSessionServiceToken(name) as never, { strict: false });
  } catch (cause) {
    throw new SessionConfigurationError(
      `signIn() found no ${module} in the application: import it there, or name another one with \`name\`.`,
      { cause },
    );
  }
  if (service instanceof SessionService) return service;
  throw new SessionConfigurationError(
    `signIn() needs the SessionService of the ${module}, which the test has overridden: override SESSION_STORE instead.`,
  );
}

function requestFor(
  { options, logger }: SessionEngine,
  { url: asked, headers, address = '127.0.0.1' }: LoginOptions,
): { readonly request: SessionRequest; readonly url: URL } {
  const url = new URL(asked ?? 'http://localhost');
  const cookie = options.cookieFor(unsentRequest({ url, address, headers }));
  if (asked === undefined && cookie.secure === true) url.protocol = 'https:';
  if (url.pathname === '/') url.pathname = cookie.path;
  const request = unsentRequest({ url, address, headers });
  const exposed = new ExposedSession();
  exposed.add(request);
  return {
    request: new SessionRequest({ request, response: new ServerResponse(request), exposed }, options, logger),
    url,
  };
}

function refuseObstacle({ cookie, cookieObstacle }: SessionRequest, url: URL): void {
  if (cookieObstacle === undefined) return;
  throw new SessionConfigurationError(
    cookieObstacle === 'insecure'
      ? 'signIn(): the cookie is `secure`, and a browser would not send it over plain http: write `url` with https.'
      : `signIn(): a browser sends the cookie to ${cookie.path} and below, and not to ${url.pathname}: write another \`url\`.`,
  );
}

/** @throws {SessionConfigurationError} when nothing was stored, so that the cookie would open nothing. */
async function checkStored({ records }: SessionEngine, opened: OpenSession): Promise<void> {
  if (opened.isNew) {
    throw new SessionConfigurationError(
      'signIn() got no data, and an empty session is never stored: give it what your login stores, such as { user }.',
    );
  }
  if ((await records.read(opened.id)) !== undefined) return;
  throw new SessionConfigurationError(
    "signIn() found that the store does not keep sessions, as the store 'null': override SESSION_STORE with a MemoryStore.",
  );
}
