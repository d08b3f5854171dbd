import { FreshSignInGuard } from './fresh-sign-in.guard.js';
import { SessionGuard } from './session.guard.js';
import { SignedInGuard } from './signed-in.guard.js';

/** The guards of this library that an application names. */
const OWN = [SessionGuard, SignedInGuard, FreshSignInGuard];

/** The name of the guard of ours that this one is, or extends, be it a class or an instance; `undefined` for any other. */
export function ownGuardName(guard: unknown): string | undefined {
  return OWN.find(
    (own) => guard instanceof own || guard === own || (typeof guard === 'function' && guard.prototype instanceof own),
  )?.name;
}
