import type { ModulesContainer } from '@nestjs/core';

import { SessionConfigurationError } from '../session.errors.js';
import { guardsOf } from './enhancers.js';
import { takesNestSession } from './handler-needs.js';
import { ownGuardName } from './own-guards.js';
import { resolverMethodsOf, type ResolverMethod } from './resolver-methods.js';

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
  const unguarded = methods.find((method) => method.isField && guardAlone(method, methods) !== undefined);
  if (unguarded === undefined || runsGuardsOfFields(modules)) return;
  throw new SessionConfigurationError(
    `The ${guardAlone(unguarded, methods)} of ${nameOf(unguarded)} would never run, as it resolves a field of a type: set fieldResolverEnhancers: ['guards'] in the options of GraphQLModule, or guard the query that leads there.`,
  );
}

function nameOf({ controller, key }: ResolverMethod): string {
  return `${controller.name}.${key}`;
}

/** The guard of ours that stands above this field and no operation, so that it is surely meant for the field. */
function guardAlone({ controller, handler }: ResolverMethod, methods: readonly ResolverMethod[]): string | undefined {
  const ofField = firstOwnGuard(handler);
  if (ofField !== undefined) return ofField;
  const isAlone = methods.every((other) => other.controller !== controller || other.isField);
  return isAlone ? firstOwnGuard(controller) : undefined;
}

function firstOwnGuard(target: object): string | undefined {
  return guardsOf(target)
    .map(ownGuardName)
    .find((name) => name !== undefined);
}

function runsGuardsOfFields(modules: ModulesContainer): boolean {
  const all = [...modules.values()].map(({ providers }) => providers.get(GRAPHQL_OPTIONS)?.instance as GraphqlOptions);
  return all.every((options) => options === undefined || (options.fieldResolverEnhancers ?? []).includes('guards'));
}
