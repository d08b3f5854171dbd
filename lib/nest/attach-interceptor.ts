import { UseInterceptors, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { controllerMethodsOf, type ControllerMethod } from './controller-methods.js';
import { takesSession } from './handler-needs.js';
import { OpenAheadGuard } from './open-ahead.guard.js';
import { reachesSession } from './session-reach.js';
import { SessionGuard } from './session.guard.js';
import type { SessionInterceptor } from './session.interceptor.js';

/** Nest's metadata keys of what `@UseGuards()` and its like name. They are not part of its public exports. */
const ENHANCERS = ['__guards__', '__interceptors__', '__pipes__', '__exceptionFilters__'];

/** Handlers that have the interceptor already: a controller class may serve two applications in one process. */
const attached = new WeakSet<object>();

/**
 * Puts the interceptor on every handler that may have a session, as `@UseInterceptors()` would: one that takes it, or that can reach
 * it through its controller, or through a guard or the like before it. For the other routes an interceptor would cost an RxJS
 * pipeline on each request.
 */
export function attachInterceptor(modules: ModulesContainer, interceptor: SessionInterceptor): void {
  const isGlobal = isReachedGlobally(modules);
  for (const method of controllerMethodsOf(modules)) {
    if (attached.has(method.handler) || !(isGlobal || mayHaveSession(method))) continue;
    attached.add(method.handler);
    UseInterceptors(interceptor)(method.controller.prototype, method.key, { value: method.handler });
  }
}

/** Whether a guard, interceptor, pipe or filter of the whole application can reach the session. */
function isReachedGlobally(modules: ModulesContainer): boolean {
  const enhancers = [...modules.values()].flatMap(({ providers, injectables }) => [
    ...[...providers.values()].filter(({ subtype }) => subtype !== undefined),
    ...[...injectables.values()].filter(({ token }) => typeof token === 'string'),
  ]);
  return enhancers.some((enhancer) => enhancer.metatype !== OpenAheadGuard && reachesSession(enhancer));
}

function mayHaveSession({ module, controller, key, handler }: ControllerMethod): boolean {
  if (takesSession(controller, key)) return true;
  const itself = module.controllers.get(controller as Type);
  if (itself !== undefined && reachesSession(itself)) return true;
  return [controller, handler].flatMap(enhancersOf).some((enhancer) => {
    const injectable = module.injectables.get(enhancer as Type);
    return enhancer instanceof SessionGuard || (injectable !== undefined && reachesSession(injectable));
  });
}

function enhancersOf(enhanced: object): unknown[] {
  return ENHANCERS.flatMap((key) => (Reflect.getMetadata(key, enhanced) ?? []) as unknown[]);
}
