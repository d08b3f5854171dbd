import { parseSetCookie } from 'cookie';

import type { DefaultData, SignedInOptions } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';
import { logIn, type LoginOptions, type NestContext } from './login.js';
import { refuseProduction } from './refuse-production.js';

/** Which session {@link signIn} makes, and what the options of its module find in the request if they look at it. */
export interface SignInOptions extends LoginOptions {
  /** The `name` of the SessionModule. @default that of the module without a name */
  readonly name?: string;
  /**
   * The address that the test asks for: its scheme decides about `secure: 'auto'`, its path must be one that the cookie is sent to.
   * @default `'http://localhost'`, with https for a cookie that is `secure: true`, and with the path of the cookie
   */
  readonly url?: string | URL;
  /** Headers of the request, for a `cookie` that is a function of it. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** The client's address. With `pinning`, the address that the requests of the test come from. @default '127.0.0.1' */
  readonly address?: string;
  /**
   * What the login tells `session.signedIn()`, where it calls it: `{}`, or the methods as in `{ amr: ['pwd', 'otp'] }`. With the option
   * `user` the library notes the sign-in by itself.
   * @default undefined: the login does not call it
   */
  readonly signedIn?: SignedInOptions;
}

/** A cookie in the form of Playwright's `storageState`. */
export interface SignedInCookie {
  name: string;
  value: string;
  domain: string;
  path: string;
  /** Epoch seconds; -1 when the cookie ends with the browser. */
  expires: number;
  httpOnly: boolean;
  secure: boolean;
  sameSite: 'Strict' | 'Lax' | 'None';
}

/** Playwright's `storageState` with the session cookie in it. */
export interface SignedInState {
  cookies: SignedInCookie[];
  origins: never[];
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const;

/**
 * Stores a session with these data, and gives the `Cookie` header of a client that has it:
 *
 * ```ts
 * await request(app.getHttpServer()).get('/me').set('Cookie', await signIn(app, { user }));
 * ```
 *
 * The application's own engine, store, serializer and signer make record and cookie, so that they are those of a login through
 * HTTP. No request is sent, and no handler runs. For two kinds of session in one client, join two headers with `'; '`.
 * @param app the application under test; it need not listen.
 * @param data what the login of the application stores.
 * @param options see {@link SignInOptions}.
 * @returns `name=value`, with the value as the browser would send it.
 * @throws {SessionConfigurationError} when the application has no such SessionModule, there are no data, the cookie cannot be sent
 * to `url`, the store keeps nothing, an option is unknown, or `NODE_ENV` is `production`. The message says what to do.
 * @throws {SessionSerializationError} when a value cannot be stored.
 * @throws {SessionStoreError} when the back-end fails.
 * @throws {TypeError} when a key is a reserved name, such as that of a member.
 */
export async function signIn<T extends object = DefaultData>(
  app: NestContext,
  data: Partial<NoInfer<T>>,
  options: SignInOptions = {},
): Promise<string> {
  refuseProduction('signIn');
  const { line } = await logIn(app, data, options);
  return line.split(';', 1)[0] ?? '';
}

/**
 * Does the same as {@link signIn}, for a browser that Playwright drives:
 *
 * ```ts
 * const context = await browser.newContext({ storageState: await signInState(app, { user }, { url: 'http://localhost:3000' }) });
 * ```
 * @param app the application under test, or an application context of Nest on the store of the application under test.
 * @param data what the login of the application stores.
 * @param options see {@link SignInOptions}; `url` is where the browser finds the application.
 * @throws {SessionConfigurationError} as {@link signIn} does, and without `url`; with its other errors.
 */
export async function signInState<T extends object = DefaultData>(
  app: NestContext,
  data: Partial<NoInfer<T>>,
  options: SignInOptions & { readonly url: string | URL },
): Promise<SignedInState> {
  refuseProduction('signInState');
  if ((options as Partial<typeof options> | undefined)?.url === undefined) {
    throw new SessionConfigurationError(
      'signInState() needs the address where the browser finds the application: write { url } as the third argument.',
    );
  }
  const { line, url } = await logIn(app, data, options);
  return { cookies: [cookieOf(line, url.hostname)], origins: [] };
}

function cookieOf(line: string, host: string): SignedInCookie {
  // The value stays as it travels.
  const { name, value = '', domain, path = '/', expires, ...cookie } = parseSetCookie(line, { decode: (text) => text });
  return {
    name,
    value,
    domain: domain === undefined ? host : `.${domain}`,
    path,
    expires: expires === undefined ? -1 : expires.getTime() / 1000,
    httpOnly: cookie.httpOnly === true,
    secure: cookie.secure === true,
    sameSite: SAME_SITE[cookie.sameSite as keyof typeof SAME_SITE],
  };
}
