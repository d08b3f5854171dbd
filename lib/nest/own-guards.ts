import type { Type } from '@nestjs/common';

import { FreshSignInGuard } from './fresh-sign-in.guard.js';
import { SessionGuard } from './session.guard.js';
import { SignedInGuard } from './signed-in.guard.js';

/** The guards of this library that an application names. */
const OWN = [SessionGuard, SignedInGuard, FreshSignInGuard];

/** The name of the guard of ours that this one is, or extends, be it a class or an instance; `undefined` for any other. */
export function ownGuardName(guard: unknown): string | undefined {
  return OWN.find((own) => guard instanceof own || isClassOf(own, guard))?.name;
}

/** Whether a guard is this class, or one that extends it. */
export function isClassOf(own: (typeof OWN)[number], guard: unknown): guard is Type {
  return typeof guard === 'function' && (guard === own || guard.prototype instanceof own);
}
