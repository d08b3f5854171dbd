import type { ModulesContainer } from '@nestjs/core';

import { providerMethodsOf, type HandlerMethod } from './handler-methods.js';

// Metadata keys of @nestjs/graphql. They have been stable since its first version for Nest 6, but are not part of its public exports.
const OPERATION = 'graphql:resolver_type';
const FIELD = 'graphql:resolve_property';
const REFERENCE = 'graphql:resolve_reference';

/** The types whose fields are the operations themselves. Nest runs guards and interceptors for their resolvers. */
const OPERATION_TYPES: readonly unknown[] = ['Query', 'Mutation', 'Subscription'];
/** The name of the method that tells the type of a union or an interface. Nest runs neither guards nor middleware for it. */
const TYPE_OF_VALUE = '__resolveType';

/** A method that resolves a field of the schema. */
export interface ResolverMethod extends HandlerMethod {
  /** Whether it is a field of a type, for which Nest runs guards and interceptors only with `fieldResolverEnhancers`. */
  readonly isField: boolean;
}

/** All methods of an application that resolve a field. `@nestjs/graphql` finds them among the methods of all providers. */
export function resolverMethodsOf(modules: ModulesContainer): ResolverMethod[] {
  return providerMethodsOf(modules)
    .filter(({ controller, handler }) => handler !== controller && isResolver(handler))
    .map((method) => ({ ...method, isField: isField(method) }));
}

function isResolver(handler: object): boolean {
  return [OPERATION, FIELD, REFERENCE].some((key) => Reflect.hasMetadata(key, handler));
}

function isField({ controller, key, handler }: HandlerMethod): boolean {
  if (Reflect.getMetadata(FIELD, handler) !== true || key === TYPE_OF_VALUE) return false;
  const type: unknown = Reflect.getMetadata(OPERATION, handler) ?? Reflect.getMetadata(OPERATION, controller);
  return !OPERATION_TYPES.includes(type);
}
