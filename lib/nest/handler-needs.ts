import type { ExecutionContext } from '@nestjs/common';

import { DEFAULT_NAME } from '../session.constants.js';
import { interceptorsOf } from './enhancers.js';
import { HandlerCache } from './handler-cache.js';
import { sessionParameterOf } from './session.decorator.js';

/** What the metadata of a handler tells before it runs. */
export interface HandlerNeeds {
  /** The names of the sessions that the handler takes, through our `@Session()` or through Nest's own. */
  readonly sessions: readonly string[];
  /** The handler sends the response itself, through `@Res()` or `@Next()`, so Nest does not send what it returns. */
  readonly respondsItself: boolean;
  /** The handler is an event stream, whose head leaves before its first value. */
  readonly isEventStream: boolean;
  /** The handler returns a promise, as far as can be told. One that returns an Observable may never end. */
  readonly settlesOnce: boolean;
  /** An interceptor stands on the class and on the handler, so that it runs twice. */
  readonly repeatsInterceptor: boolean;
}

// Nest's metadata keys and parameter numbers. They have been stable since Nest 6, but are not part of its public exports.
const ROUTE_ARGUMENTS = '__routeArguments__';
const RESPONSE_PASSTHROUGH = '__responsePassthrough__';
const SSE = '__sse__';
const RESPONSE = '1';
const NEXT = '2';
const NEST_SESSION = '7';

interface Argument {
  readonly index?: number;
  readonly factory?: unknown;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

const NONE: HandlerNeeds = {
  sessions: [],
  respondsItself: false,
  isEventStream: false,
  settlesOnce: false,
  repeatsInterceptor: false,
};

/** Reads the needs of each handler once. */
export class HandlerNeedsReader {
  readonly #known = new HandlerCache(readNeeds);

  of(context: ExecutionContext): HandlerNeeds {
    return this.#known.of(context.getClass(), context.getHandler());
  }
}

function readNeeds(controller: Controller, handler: Handler): HandlerNeeds {
  const key = methodNameOf(controller, handler);
  if (key === undefined) return NONE;
  const kinds = kindsOf(argumentsOf(controller, key));
  const takesResponse = kinds.includes(RESPONSE) || kinds.includes(NEXT);
  return {
    sessions: sessionsTakenBy(controller, key),
    respondsItself: takesResponse && Reflect.getMetadata(RESPONSE_PASSTHROUGH, controller, key) !== true,
    isEventStream: Reflect.hasMetadata(SSE, handler),
    settlesOnce: returnsPromise(controller, key, handler),
    repeatsInterceptor: interceptorsOf(controller).some((each) => interceptorsOf(handler).includes(each)),
  };
}

/** Whether a method is an async function, or its return type is that of a promise. */
function returnsPromise({ prototype }: Controller, key: string, handler: Handler): boolean {
  if (handler.constructor.name === 'AsyncFunction') return true;
  return Reflect.getMetadata('design:returntype', prototype as object, key) === Promise;
}

/**
 * The names of the sessions that the controller's method of that name takes. Nest's own `@Session()` takes that of the module
 * without a name.
 */
export function sessionsTakenBy(controller: object, key: string): readonly string[] {
  const args = argumentsOf(controller, key);
  const ours = Object.values(args).map((argument) => sessionParameterOf(argument)?.name);
  const names = new Set(takesNestSession(controller, key) ? [...ours, DEFAULT_NAME] : ours);
  return [...names].filter((name) => name !== undefined);
}

/** A parameter that `@Session()` of ours has decorated. */
export interface SessionArgument {
  readonly index: number;
  readonly name: string;
  readonly key: string | undefined;
  readonly hasPipes: boolean;
}

/** The parameters of the controller's method of that name that take a session, or a key of one. */
export function sessionArgumentsOf(controller: object, key: string): readonly SessionArgument[] {
  return Object.values(argumentsOf(controller, key)).flatMap((argument) => {
    const parameter = sessionParameterOf(argument);
    const { index = 0, pipes = [] } = argument;
    return parameter === undefined
      ? []
      : [{ index, name: parameter.name, key: parameter.key, hasPipes: pipes.length > 0 }];
  });
}

/** Whether the controller's method of that name takes `request.session` through Nest's own `@Session()`. */
export function takesNestSession(controller: object, key: string): boolean {
  return kindsOf(argumentsOf(controller, key)).includes(NEST_SESSION);
}

function argumentsOf(controller: object, key: string): Readonly<Record<string, Argument>> {
  return (Reflect.getMetadata(ROUTE_ARGUMENTS, controller, key) ?? {}) as Record<string, Argument>;
}

function kindsOf(args: Readonly<Record<string, Argument>>): string[] {
  return Object.keys(args).map((name) => name.split(':', 1)[0] ?? '');
}

/** Finds the name of the method. Compares by identity first, because a decorator that wraps a method leaves it nameless. */
function methodNameOf(controller: Controller, handler: Handler): string | undefined {
  let prototype: object | null = controller.prototype as object;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (Object.getOwnPropertyDescriptor(prototype, name)?.value === handler) return name;
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  // A tracer may have put another function of the same name in the handler's place.
  const methods = controller.prototype as Record<string, unknown>;
  return handler.name !== '' && typeof methods[handler.name] === 'function' ? handler.name : undefined;
}
