import { Inject, Injectable, type CanActivate, type Type } from '@nestjs/common';

import type { SessionService } from './session.service.js';
import { getSessionServiceToken } from './session-tokens.js';

/** A guard that is made of the sessions that it looks at. */
type GuardOfSessions<Guard> = new (sessions: SessionService) => Guard;

/**
 * The classes of a guard for the SessionModules with a name: one for each name, so that `@UseGuards(SessionGuard.of('admin'))` names
 * one class wherever it stands.
 */
export class NamedGuards<Guard extends CanActivate> {
  readonly #base: GuardOfSessions<Guard>;
  readonly #classes = new Map<string, Type<Guard>>();

  constructor(base: GuardOfSessions<Guard>) {
    this.#base = base;
  }

  of(name: string): Type<Guard> {
    let guard = this.#classes.get(name);
    if (guard === undefined) this.#classes.set(name, (guard = classOf(this.#base, name) as Type<Guard>));
    return guard;
  }
}

function classOf(base: GuardOfSessions<CanActivate>, name: string): Type<CanActivate> {
  @Injectable()
  class NamedGuard extends base {
    constructor(@Inject(getSessionServiceToken(name)) sessions: SessionService) {
      super(sessions);
    }
  }
  // Error messages of Nest and of ours name the guard.
  Object.defineProperty(NamedGuard, 'name', { value: `${base.name}.of('${name}')` });
  return NamedGuard;
}
