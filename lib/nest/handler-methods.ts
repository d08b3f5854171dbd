import type { ModulesContainer } from '@nestjs/core';

import type { Injectee } from './session-reach.js';

/** A module of Nest's, with its controllers and providers. */
export type NestModuleInUse = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** A method that Nest calls, or may call, to handle a request or a message. */
export interface HandlerMethod {
  readonly module: NestModuleInUse;
  /** What Nest knows of the class. */
  readonly injectee: Injectee;
  readonly controller: { readonly name: string; readonly prototype: object };
  readonly key: string;
  readonly handler: object;
}

/** A class with handlers. */
export type HandlerClass = Omit<HandlerMethod, 'key' | 'handler'>;

/** The metadata key of a gateway's handlers. It is not part of the public exports of @nestjs/websockets. */
const MESSAGE = 'websockets:message_mapping';

/** The method of a gateway that Nest calls for each new connection: with the client, and with ws also with the request. */
export const HANDLE_CONNECTION = 'handleConnection';

/** The metadata key of a gateway's class. */
const GATEWAY = 'websockets:is_gateway';

/** All methods of all controllers of an application, inherited ones too. */
export function controllerMethodsOf(modules: ModulesContainer): HandlerMethod[] {
  return [...modules.values()].flatMap((module) =>
    [...module.controllers.values()].flatMap((injectee) => {
      const { metatype: controller } = injectee;
      return typeof controller === 'function' ? methodsOf({ module, injectee, controller }) : [];
    }),
  );
}

/** The handlers of all gateways of an application. */
export function gatewayMethodsOf(modules: ModulesContainer): HandlerMethod[] {
  return providerMethodsOf(modules).filter(({ handler }) => Reflect.hasMetadata(MESSAGE, handler));
}

/** All methods of all providers, such as gateways and resolvers. */
export function providerMethodsOf(modules: ModulesContainer): HandlerMethod[] {
  return providersOf(modules).flatMap(methodsOf);
}

/** All gateways of an application. They are providers. */
export function gatewaysOf(modules: ModulesContainer): HandlerClass[] {
  return providersOf(modules).filter(({ controller }) => Reflect.hasMetadata(GATEWAY, controller));
}

/** The providers that are classes. Nest knows them as soon as it starts. */
function providersOf(modules: ModulesContainer): HandlerClass[] {
  return [...modules.values()].flatMap((module) =>
    [...module.providers.values()].flatMap((injectee) => {
      const { metatype, inject } = injectee;
      // A factory is a function too, and has no methods.
      if (typeof metatype !== 'function' || inject != null) return [];
      return [{ module, injectee, controller: metatype }];
    }),
  );
}

/** The methods of gateways that Nest calls for each new connection. */
export function connectionMethodsOf(modules: ModulesContainer): HandlerMethod[] {
  return gatewaysOf(modules).flatMap((gateway) => methodsOf(gateway).filter(({ key }) => key === HANDLE_CONNECTION));
}

function methodsOf(owner: HandlerClass): HandlerMethod[] {
  const found = new Map<string, object>();
  let prototype: object | null = owner.controller.prototype ?? null;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      const value: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
      if (typeof value === 'function' && !found.has(key)) found.set(key, value);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return [...found].map(([key, handler]) => ({ ...owner, key, handler }));
}
