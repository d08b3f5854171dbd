import type { ModulesContainer } from '@nestjs/core';

import { SessionConfigurationError } from '../session.errors.js';
import { guardsOf } from './enhancers.js';
import { takesNestSession } from './handler-needs.js';
import { resolverMethodsOf, type ResolverMethod } from './resolver-methods.js';
import { SessionGuard } from './session.guard.js';

/** The token of the options of a GraphQLModule. */
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

type GraphqlOptions = { readonly fieldResolverEnhancers?: readonly string[] } | undefined;

/**
 * Refuses resolvers that would run without what stands above them: Nest's own `@Session()` is empty there, and the guard of a field
 * never runs unless the application wishes it.
 * @throws {SessionConfigurationError} when there is such a resolver; the message names it and says what to write.
 */
export function checkResolvers(modules: ModulesContainer): void {
  const methods = resolverMethodsOf(modules);
  for (const method of methods) {
    if (takesNestSession(method.controller, method.key)) {
      throw new SessionConfigurationError(
        `${nameOf(method)} takes the @Session() of @nestjs/common, which is empty in a resolver: import { Session } from 'nest-session'.`,
      );
    }
  }
  const unguarded = methods.find((method) => method.isField && isGuardedAlone(method, methods));
  if (unguarded === undefined || runsGuardsOfFields(modules)) return;
  throw new SessionConfigurationError(
    `The SessionGuard of ${nameOf(unguarded)} would never run, as it resolves a field of a type: set fieldResolverEnhancers: ['guards'] in the options of GraphQLModule, or guard the query that leads there.`,
  );
}

function nameOf({ controller, key }: ResolverMethod): string {
  return `${controller.name}.${key}`;
}

/** Whether a SessionGuard stands above this field and no operation, so that it is surely meant for the field. */
function isGuardedAlone({ controller, handler }: ResolverMethod, methods: readonly ResolverMethod[]): boolean {
  if (isGuarded(handler)) return true;
  return isGuarded(controller) && methods.every((other) => other.controller !== controller || other.isField);
}

function isGuarded(target: object): boolean {
  return guardsOf(target).some((guard) => guard instanceof SessionGuard || isSessionGuard(guard));
}

function isSessionGuard(guard: unknown): boolean {
  return typeof guard === 'function' && (guard === SessionGuard || guard.prototype instanceof SessionGuard);
}

function runsGuardsOfFields(modules: ModulesContainer): boolean {
  const all = [...modules.values()].map(({ providers }) => providers.get(GRAPHQL_OPTIONS)?.instance as GraphqlOptions);
  return all.every((options) => options === undefined || (options.fieldResolverEnhancers ?? []).includes('guards'));
}
