import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';

import { SessionConfigurationError } from '../session.errors.js';
import { guardsOf } from './enhancers.js';
import { HANDLE_CONNECTION, type NestModuleInUse } from './handler-methods.js';

/** What `@UseGuards()` names. */
export type Guard = Type<CanActivate> | CanActivate;

/**
 * The guards of a gateway's connections: those of `handleConnection`. One of the class guards its messages alone, as Nest has it:
 * another gateway on the same server may be there for everybody.
 */
export function connectionGuardsOf(gateway: { readonly prototype: object }): readonly Guard[] {
  const handler = (gateway.prototype as Partial<Record<typeof HANDLE_CONNECTION, object>>)[HANDLE_CONNECTION];
  return handler === undefined ? [] : (guardsOf(handler) as Guard[]);
}

/** Whether all guards let a connection pass; the error of one that throws is passed on. */
export async function passGuards(
  guards: readonly Guard[],
  module: NestModuleInUse | undefined,
  context: ExecutionContext,
): Promise<boolean> {
  for (const guard of guards) {
    const passing = instanceOf(guard, module).canActivate(context);
    if (!(await (isObservable(passing) ? lastValueFrom(passing) : passing))) return false;
  }
  return true;
}

function instanceOf(guard: Guard, module: NestModuleInUse | undefined): CanActivate {
  if (typeof guard !== 'function') return guard;
  const injectable = module?.injectables.get(guard);
  if (injectable?.isDependencyTreeStatic() === true) return injectable.instance as CanActivate;
  throw new SessionConfigurationError(
    `${guard.name} cannot guard the connections of a gateway, as nothing makes it for one: give it no request scope.`,
  );
}
