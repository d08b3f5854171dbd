import type { ModulesContainer } from '@nestjs/core';

import type { Injectee } from './session-reach.js';

/** A module of Nest's, with its controllers and providers. */
export type NestModuleInUse = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** A method of a controller, which may be the handler of a route. */
export interface ControllerMethod {
  readonly module: NestModuleInUse;
  /** What Nest knows of the controller. */
  readonly injectee: Injectee;
  readonly controller: { readonly name: string; readonly prototype: object };
  readonly key: string;
  readonly handler: object;
}

/** All methods of all controllers of an application, inherited ones too. */
export function controllerMethodsOf(modules: ModulesContainer): ControllerMethod[] {
  return [...modules.values()].flatMap((module) =>
    [...module.controllers.values()].flatMap((injectee) => {
      const { metatype: controller } = injectee;
      if (typeof controller !== 'function') return [];
      return methodsOf(controller).map(([key, handler]) => ({ module, injectee, controller, key, handler }));
    }),
  );
}

/** The methods of a class, inherited ones too. */
export function methodsOf(controller: ControllerMethod['controller']): [key: string, method: object][] {
  const found = new Map<string, object>();
  let prototype: object | null = controller.prototype;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      const value: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
      if (typeof value === 'function' && !found.has(key)) found.set(key, value);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return [...found];
}
