import { Inject, Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';

import { isOfUser, signInOf } from '../session/live-session.js';
import type { SignIn } from '../session/session-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { FreshSignInDemand, FreshSignInRequired } from './fresh-sign-in.js';
import { HandlerCache } from './handler-cache.js';
import { NamedGuards } from './named-guards.js';
import { guardedPlaceOf } from './public.decorator.js';
import { refusal } from './refusal.js';
import { SessionService } from './session.service.js';

/** The guard that `@FreshSignIn()` applies. Name it only where a test overrides it: `overrideGuard(FreshSignInGuard)`. */
@Injectable()
export class FreshSignInGuard implements CanActivate {
  readonly #sessions: SessionService;
  readonly #known = new HandlerCache((controller: object, handler: object) => this.#demandOf(controller, handler));

  /**
   * The guard that `@FreshSignIn.of(name)` applies.
   * @param name the `name` of the module.
   */
  static of(name: string): Type<FreshSignInGuard> {
    return NAMED.of(name);
  }

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const demand = this.#known.of(context.getClass(), context.getHandler());
    if (demand === 'none') return true;
    const session = await this.#sessions.open(context);
    const signIn = signInOf(session);
    if (!(isOfUser(session) ?? signIn !== undefined)) throw await refusal(context);
    if (!satisfies(signIn, demand)) throw await refusal(context, requirement(signIn, demand));
    return true;
  }

  #demandOf(controller: object, handler: object): FreshSignInDemand | 'none' {
    const isThis = (named: unknown): boolean => named === this || named === this.constructor;
    if (guardedPlaceOf(isThis, controller, handler).isPublic) return 'none';
    // What its decorator has left under the class of the guard.
    const found: unknown =
      Reflect.getMetadata(this.constructor, handler) ?? Reflect.getMetadata(this.constructor, controller);
    if (found !== undefined) return found as FreshSignInDemand;
    throw new SessionConfigurationError(
      "FreshSignInGuard is not told how fresh: write @FreshSignIn('5m') in its place.",
    );
  }
}

const NAMED = new NamedGuards(FreshSignInGuard);

function satisfies(signIn: SignIn | undefined, { maxAge, amr }: FreshSignInDemand): signIn is SignIn {
  if (signIn === undefined || Date.now() / 1000 - signIn.at > maxAge) return false;
  return amr.every((method) => signIn.amr?.includes(method) === true);
}

function requirement(signIn: SignIn | undefined, { maxAge, amr }: FreshSignInDemand): FreshSignInRequired {
  return {
    statusCode: 403,
    error: 'Forbidden',
    code: 'FRESH_SIGN_IN_REQUIRED',
    message: 'Sign in again: this needs a fresh sign-in.',
    maxAge,
    signedInAt: signIn === undefined ? null : new Date(signIn.at * 1000).toISOString(),
    ...(amr.length === 0 ? {} : { amr }),
  };
}
