import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';

import { SessionConfigurationError } from '../session.errors.js';
import { HANDLE_CONNECTION } from './connection-hook.js';
import type { NestModuleInUse } from './handler-methods.js';
import { SessionGuard } from './session.guard.js';

/** What `@UseGuards()` names. */
export type Guard = Type<CanActivate> | CanActivate;

/** Nest's metadata key of what `@UseGuards()` names. It is not part of its public exports. */
const GUARDS = '__guards__';

/**
 * The guards of a gateway's connections: those of `handleConnection`, and the session guards of the class. Other guards of the class
 * may count on the data of a message.
 */
export function connectionGuardsOf(gateway: { readonly prototype: object }): readonly Guard[] {
  const handler = (gateway.prototype as Partial<Record<typeof HANDLE_CONNECTION, object>>)[HANDLE_CONNECTION];
  const ofMethod = handler === undefined ? [] : guardsOf(handler);
  return [...new Set([...guardsOf(gateway).filter(isSessionGuard), ...ofMethod])];
}

/** Whether all guards let a connection pass; the error of one that throws is passed on. */
export async function passGuards(
  guards: readonly Guard[],
  module: NestModuleInUse,
  context: ExecutionContext,
): Promise<boolean> {
  for (const guard of guards) {
    const passing = instanceOf(guard, module).canActivate(context);
    if (!(await (isObservable(passing) ? lastValueFrom(passing) : passing))) return false;
  }
  return true;
}

function guardsOf(target: object): readonly Guard[] {
  return (Reflect.getMetadata(GUARDS, target) ?? []) as readonly Guard[];
}

function isSessionGuard(guard: Guard): boolean {
  if (typeof guard !== 'function') return guard instanceof SessionGuard;
  return guard === SessionGuard || guard.prototype instanceof SessionGuard;
}

function instanceOf(guard: Guard, module: NestModuleInUse): CanActivate {
  if (typeof guard !== 'function') return guard;
  const injectable = module.injectables.get(guard);
  if (injectable?.isDependencyTreeStatic() === true) return injectable.instance as CanActivate;
  throw new SessionConfigurationError(
    `${guard.name} cannot guard connections, as it is not there before the first message: give it no request scope.`,
  );
}
