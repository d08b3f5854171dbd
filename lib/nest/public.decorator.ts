import { SetMetadata } from '@nestjs/common';

import { ownGuardsOf } from './enhancers.js';

const PUBLIC = 'nest-session:public';

/**
 * Opens a route, a resolver or a message handler to everybody, or all of a class, where `SignedInGuard` guards the whole application:
 *
 * ```ts
 * @Public()
 * @Post('login')
 * login() {}
 * ```
 *
 * The nearest counts: the handler, then its class, then the classes that it extends. Where a guard is named at the same place or nearer, as
 * by `@UseGuards(SignedInGuard)` or `@FreshSignIn('5m')`, that guard still looks. So a class can be public but for one handler. A class that is
 * not yours takes it too: `Public()(MetricsController)`.
 *
 * It concerns `SignedInGuard` and `@FreshSignIn()`, of all SessionModules. `SessionGuard` and the guards of other libraries do not
 * look at it. What it opens costs no command of the store, unless the handler itself takes the session.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return SetMetadata(PUBLIC, true);
}

/** What the decorators of a handler and its class say to one guard. */
export interface GuardedPlace {
  /** Whether `@Public()` is nearer than the guard, if that is named at all. */
  readonly isPublic: boolean;
  /** Whether the guard is named there. Otherwise it is one of the whole application. */
  readonly isNamed: boolean;
}

/**
 * Reads the decorators of a handler and its class.
 * @param isIt whether a guard that `@UseGuards()` names, a class or an instance, is the guard that asks.
 */
export function guardedPlaceOf(isIt: (named: unknown) => boolean, controller: object, handler: object): GuardedPlace {
  const levels = [handler, ...classesOf(controller)];
  const named = levels.findIndex((level) => ownGuardsOf(level).some(isIt));
  const opened = levels.findIndex((level) => Reflect.hasOwnMetadata(PUBLIC, level));
  return { isPublic: opened >= 0 && (named < 0 || opened < named), isNamed: named >= 0 };
}

/** A class and those that it extends, the nearest first. */
function classesOf(controller: object): object[] {
  const classes: object[] = [];
  let next: object | null = controller;
  while (next !== null && next !== Function.prototype && next !== Object.prototype) {
    classes.push(next);
    next = Object.getPrototypeOf(next) as object | null;
  }
  return classes;
}
