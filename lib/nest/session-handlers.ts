import type { ModulesContainer } from '@nestjs/core';

import { takesSession } from './handler-needs.js';

/** A handler that takes the session, through our `@Session()` or through Nest's own. */
export interface SessionHandler {
  readonly controller: { readonly name: string; readonly prototype: object };
  readonly key: string;
  readonly handler: object;
}

/** All handlers of an application that take the session, inherited ones too. */
export function sessionHandlersOf(modules: ModulesContainer): SessionHandler[] {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => (typeof metatype === 'function' ? handlersOf(metatype) : []));
}

function handlersOf(controller: SessionHandler['controller']): SessionHandler[] {
  return [...methodsOf(controller.prototype)]
    .filter(([key]) => takesSession(controller, key))
    .map(([key, handler]) => ({ controller, key, handler }));
}

function methodsOf(controller: object): Map<string, object> {
  const found = new Map<string, object>();
  let prototype: object | null = controller;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      const value: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
      if (typeof value === 'function' && !found.has(key)) found.set(key, value);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return found;
}
