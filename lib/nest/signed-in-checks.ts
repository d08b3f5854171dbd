import { ApplicationConfig, type ModulesContainer } from '@nestjs/core';

import { SessionConfigurationError } from '../session.errors.js';
import { gatewayMethodsOf, type NestModuleInUse } from './handler-methods.js';
import { isClassOf } from './own-guards.js';
import { lackOf, SignedInGuard } from './signed-in.guard.js';

/**
 * Refuses to start where a `SignedInGuard` that guards anything has no option `user` to tell by, or where one of the whole application
 * would let the messages of gateways pass: Nest makes no guard anew for a message.
 * @throws {SessionConfigurationError} when there is such a guard.
 */
export function checkSignedInGuards(modules: ModulesContainer): void {
  const scoped = [...modules.values()].flatMap(scopedGuardsIn).find((guard) => isClassOf(SignedInGuard, guard));
  if (scoped !== undefined && gatewayMethodsOf(modules).length > 0) {
    throw new SessionConfigurationError(
      `${scoped.name} guards the whole application with a scope of its own, and would never run for the messages of gateways: leave \`scope\` out of its provider.`,
    );
  }
  for (const guard of [...modules.values()].flatMap(guardsIn)) {
    const lack = guard instanceof SignedInGuard ? lackOf(guard) : undefined;
    if (lack !== undefined) throw new SessionConfigurationError(lack);
  }
}

/** The guards that `@UseGuards()` names in a module; in that of Nest's own providers, those of the whole application. */
function guardsIn({ injectables, providers }: NestModuleInUse): unknown[] {
  return [
    ...(configIn(providers)?.getGlobalGuards() ?? []),
    ...[...injectables.values()].map(({ instance }) => instance),
  ];
}

/** The classes of the guards of the whole application that Nest makes anew for each request. */
function scopedGuardsIn({ providers }: NestModuleInUse): unknown[] {
  return (configIn(providers)?.getGlobalRequestGuards() ?? []).map(({ metatype }) => metatype);
}

function configIn(providers: NestModuleInUse['providers']): ApplicationConfig | undefined {
  return providers.get(ApplicationConfig)?.instance as ApplicationConfig | undefined;
}
