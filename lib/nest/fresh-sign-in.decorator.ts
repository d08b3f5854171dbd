import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';

import { parseDuration, type Duration } from '../duration.js';
import { DEFAULT_NAME } from '../session.constants.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import type { FreshSignInDemand } from './fresh-sign-in.js';
import { FreshSignInGuard } from './fresh-sign-in.guard.js';

/** What `@FreshSignIn()` takes beside the time. */
export interface FreshSignInOptions {
  /**
   * The methods that the last sign-in must have used, each of them, by the names of RFC 8176: `['otp']`. They are those that
   * `session.signedIn({ amr })` was told.
   * @default [] any
   */
  readonly amr?: readonly string[];
}

type FreshSignInDecorator = ClassDecorator & MethodDecorator;

/**
 * Lets a request pass only if the user has signed in, or has confirmed who they are, at most this long ago: for a change of the password or
 * the e-mail address, a payment, "sign out everywhere" (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
 *
 * ```ts
 * @FreshSignIn('5m')
 * @Post('password')
 * changePassword() {}
 * ```
 *
 * - The time counts from the last `session.signedIn()`, which the library calls of its own accord when the option `user` finds a user in the session
 *   for the first time. Neither `regenerate({ keep })` nor `touch()`, a renewal or a save counts as one.
 * - Signed in, but not that recently: 403 with a {@link FreshSignInRequired}, so that a front end can ask for the password and try
 *   again. Nobody signed in: 401. The store is down: 503.
 * - Without the option `user`, a session is somebody's when it has such a sign-in.
 * - Above a class it concerns all of its handlers, and one above a handler takes its place. `@Public()` above a handler opens it there.
 *   Above a gateway it guards the messages, and above `handleConnection` the connections.
 * - A sign-in that another process's clock has put into the future counts up to a minute, and beyond that not at all.
 *
 * `@FreshSignIn.of('admin', '5m')` is for the sessions of the SessionModule with that name.
 * @param maxAge how long ago the last sign-in may be.
 * @param options see {@link FreshSignInOptions}.
 * @throws {SessionConfigurationError} as the class is defined, when `maxAge` is no duration or an option is wrong.
 */
export const FreshSignIn = Object.assign(
  (maxAge: Duration, options?: FreshSignInOptions) => decorated(DEFAULT_NAME, maxAge, options),
  { of: (name: string, maxAge: Duration, options?: FreshSignInOptions) => decorated(name, maxAge, options) },
);

function decorated(name: string, maxAge: Duration, options: FreshSignInOptions = {}): FreshSignInDecorator {
  const guard = name === DEFAULT_NAME ? FreshSignInGuard : FreshSignInGuard.of(name);
  const demand: FreshSignInDemand = { maxAge: secondsOf(maxAge), amr: methodsOf(options) };
  return applyDecorators(SetMetadata(guard, demand), UseGuards(guard));
}

function secondsOf(maxAge: unknown): number {
  const seconds = parseDuration(maxAge);
  if (seconds !== undefined) return seconds;
  throw new SessionConfigurationError(
    `@FreshSignIn(${shown(maxAge)}) is no duration: write seconds as a number, or a text such as '5m'.`,
  );
}

function methodsOf(options: FreshSignInOptions): readonly string[] {
  const unknown = Object.keys(options).find((name) => name !== 'amr');
  if (unknown !== undefined) {
    throw new SessionConfigurationError(`@FreshSignIn() has no option '${unknown}': write amr, or leave it out.`);
  }
  const { amr = [] } = options;
  if (Array.isArray(amr) && (amr as unknown[]).every((method) => typeof method === 'string' && method !== '')) {
    return [...(amr as readonly string[])];
  }
  throw new SessionConfigurationError(`@FreshSignIn() got amr: ${shown(amr)}: write a list of names, such as ['otp'].`);
}
