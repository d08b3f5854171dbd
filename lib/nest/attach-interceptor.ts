import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { enhancersOf, interceptorsOf, putInterceptorFirst } from './enhancers.js';
import { saveAfterField } from './field-middleware.js';
import { controllerMethodsOf, gatewayMethodsOf, type HandlerMethod, type NestModuleInUse } from './handler-methods.js';
import { sessionsTakenBy } from './handler-needs.js';
import { openAhead } from './open-ahead.guard.js';
import { ownGuardName } from './own-guards.js';
import type { PassportRoutes } from './passport-routes.js';
import { resolverMethodsOf } from './resolver-methods.js';
import { reachesSession } from './session-reach.js';
import { SessionInterceptor } from './session.interceptor.js';

/** The metadata key of the middleware of a GraphQL field. */
const FIELD_MIDDLEWARE = 'graphql:field_resolver_middleware';

/**
 * Puts the interceptor on every handler that may have a session, as `@UseInterceptors()` would: one that takes it, or that can reach
 * it through its controller, or through a guard or the like before it, or that Passport guards. For the other routes an interceptor
 * would cost an RxJS pipeline on each request.
 *
 * It comes before the interceptors of the handler and its controller. Behind them, one that catches errors would take the error of a
 * failed save for one of the handler, and let a response leave as if all were saved.
 */
export function attachInterceptor(
  modules: ModulesContainer,
  owner: NestModuleInUse,
  passports: readonly PassportRoutes[],
): void {
  const isGlobal = passports.some((passport) => passport.isGlobal) || isReachedGlobally(modules);
  const isConcerned = (method: HandlerMethod): boolean =>
    isGlobal ||
    passports.some((passport) => passport.includes(method.controller, method.handler)) ||
    mayHaveSession(method);
  for (const method of controllerMethodsOf(modules)) {
    if (isConcerned(method)) attachTo(method, owner);
  }
  for (const method of resolverMethodsOf(modules)) {
    if (!isConcerned(method)) continue;
    if (method.isField) addMiddleware(method.handler);
    else attachTo(method, owner);
  }
}

/**
 * Puts the interceptor on every handler of a gateway. Nest connects gateways before it calls `configure()`, and so before it is known
 * what can reach the session.
 */
export function attachToGateways(modules: ModulesContainer, owner: NestModuleInUse): void {
  for (const method of gatewayMethodsOf(modules)) attachTo(method, owner);
}

/** Has a save follow the resolver of a GraphQL field, before the application's own middleware sees the value. */
function addMiddleware(handler: object): void {
  const others = (Reflect.getMetadata(FIELD_MIDDLEWARE, handler) ?? []) as unknown[];
  if (!others.includes(saveAfterField)) Reflect.defineMetadata(FIELD_MIDDLEWARE, [...others, saveAfterField], handler);
}

function attachTo({ module, controller, handler }: HandlerMethod, owner: NestModuleInUse): void {
  // The class may serve two applications in one process, so no instance stands there.
  putInterceptorFirst(SessionInterceptor, interceptorsOf(controller).length > 0 ? controller : handler);
  // Nest looks for the instance of an enhancer's class in the module of the handler.
  if (!module.injectables.has(SessionInterceptor)) {
    module.injectables.set(SessionInterceptor, owner.getProviderByKey(SessionInterceptor));
  }
}

/** Whether a guard, interceptor, pipe or filter of the whole application can reach the session. */
function isReachedGlobally(modules: ModulesContainer): boolean {
  const enhancers = [...modules.values()].flatMap(({ providers, injectables }) => [
    ...[...providers.values()].filter(({ subtype }) => subtype !== undefined),
    ...[...injectables.values()].filter(({ token }) => typeof token === 'string'),
  ]);
  return enhancers.some((enhancer) => enhancer.metatype !== openAhead && reachesSession(enhancer));
}

function mayHaveSession({ module, injectee, controller, key, handler }: HandlerMethod): boolean {
  if (sessionsTakenBy(controller, key).length > 0 || reachesSession(injectee)) return true;
  return [controller, handler].flatMap(enhancersOf).some((enhancer) => {
    const injectable = module.injectables.get(enhancer as Type);
    return ownGuardName(enhancer) !== undefined || (injectable !== undefined && reachesSession(injectable));
  });
}
