import { ApplicationConfig, type ModulesContainer } from '@nestjs/core';

import { SessionConfigurationError } from '../session.errors.js';
import type { NestModuleInUse } from './handler-methods.js';
import { lackOf, SignedInGuard } from './signed-in.guard.js';

/**
 * Refuses to start where a `SignedInGuard` that guards anything has no option `user` to tell by.
 * @throws {SessionConfigurationError} when there is such a guard.
 */
export function checkSignedInGuards(modules: ModulesContainer): void {
  for (const guard of [...modules.values()].flatMap(guardsIn)) {
    const lack = guard instanceof SignedInGuard ? lackOf(guard) : undefined;
    if (lack !== undefined) throw new SessionConfigurationError(lack);
  }
}

/** The guards that `@UseGuards()` names in a module; in that of Nest's own providers, those of the whole application. */
function guardsIn({ injectables, providers }: NestModuleInUse): unknown[] {
  const config = providers.get(ApplicationConfig)?.instance as ApplicationConfig | undefined;
  return [...(config?.getGlobalGuards() ?? []), ...[...injectables.values()].map(({ instance }) => instance)];
}
