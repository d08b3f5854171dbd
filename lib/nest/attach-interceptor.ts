import { UseInterceptors } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { takesSession } from './handler-needs.js';
import type { SessionInterceptor } from './session.interceptor.js';

/** Handlers that have it already: a controller class may serve two applications in one process. */
const attached = new WeakSet<object>();

/** Puts the interceptor on every handler that takes a session, as `@UseInterceptors()` would. */
export function attachInterceptor(modules: ModulesContainer, interceptor: SessionInterceptor): void {
  for (const module of modules.values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      for (const { key, handler } of handlersOf(metatype.prototype as object)) {
        if (attached.has(handler) || !takesSession(metatype, key)) continue;
        attached.add(handler);
        UseInterceptors(interceptor)(metatype.prototype as object, key, { value: handler });
      }
    }
  }
}

function handlersOf(controller: object): { readonly key: string; readonly handler: object }[] {
  const found = new Map<string, object>();
  let prototype: object | null = controller;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      const value: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
      if (typeof value === 'function' && !found.has(key)) found.set(key, value);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return Array.from(found, ([key, handler]) => ({ key, handler }));
}
