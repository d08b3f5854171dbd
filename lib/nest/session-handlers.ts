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
  const found: SessionHandler[] = [];
  for (const module of modules.values()) {
    for (const { metatype: controller } of module.controllers.values()) {
      if (typeof controller !== 'function') continue;
      for (const [key, handler] of methodsOf(controller.prototype as object)) {
        if (takesSession(controller, key)) found.push({ controller: controller as never, key, handler });
      }
    }
  }
  return found;
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
