import type { ExecutionContext, Type } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';

import { isServedElsewhere } from './application-sessions.js';
import { isAuthGuard, openBefore, refusesSession, type AuthGuard } from './auth-guard.js';
import { guardsOf } from './enhancers.js';
import { HandlerCache } from './handler-cache.js';
import { controllerMethodsOf } from './handler-methods.js';
import { bridgePassport } from './passport-bridge.js';
import { findPlace } from './session-place.js';
import type { SessionService } from './session.service.js';

/** Where Passport looks for the session. */
const PASSPORT_READS = 'session';

/**
 * The routes of an application on which an `AuthGuard()` of @nestjs/passport runs. Passport reads `request.session` as soon as it
 * runs, and waits for nothing, so the session has to be open before it.
 */
export class PassportRoutes {
  readonly sessions: SessionService;
  readonly #modules: ModulesContainer;
  readonly #config: ApplicationConfig;
  readonly #known = new HandlerCache((controller: object, handler: object) => this.#isGuarded(controller, handler));
  #isWatching = false;

  constructor(sessions: SessionService, modules: ModulesContainer, config: ApplicationConfig) {
    this.sessions = sessions;
    this.#modules = modules;
    this.#config = config;
  }

  /** Whether an AuthGuard guards the whole application. */
  get isGlobal(): boolean {
    return this.#hasScopedGuard || this.#globalGuards.length > 0;
  }

  /** Whether Passport finds the session of this module, which then shows as `request.session`. */
  get isShown(): boolean {
    return this.sessions.exposedAs === PASSPORT_READS;
  }

  /** What an AuthGuard guards that may look for a session, if there is one: the name of a controller or a handler. */
  get firstGuarded(): string | undefined {
    const global = [
      ...this.#config.getGlobalGuards(),
      ...this.#config.getGlobalRequestGuards().map(({ metatype }) => metatype),
    ];
    if (global.some((guard) => this.#wantsSession(guard))) return 'the whole application';
    for (const { controller, key, handler } of controllerMethodsOf(this.#modules)) {
      if (guardsOf(controller).some((guard) => this.#wantsSession(guard))) return controller.name;
      if (guardsOf(handler).some((guard) => this.#wantsSession(guard))) return `${controller.name}.${key}`;
    }
    return undefined;
  }

  /** Whether the session has to be open before the guards of this handler run. */
  includes(controller: object, handler: object): boolean {
    return this.#known.of(controller, handler);
  }

  /** Opens the session for Passport, which then finds what it needs, on both platforms. */
  async open(context: ExecutionContext): Promise<void> {
    const place = findPlace(context);
    if (place === undefined) return; // a microservice
    // A guard that watches may be one object for several applications.
    if (isServedElsewhere(this.sessions, place.request)) return;
    await this.sessions.openAhead(context);
    bridgePassport(context);
  }

  /**
   * Has the AuthGuards of the whole application open the session themselves: they may run before a guard of ours. Each opens it when
   * it runs Passport, and not on a route that it lets pass as public.
   */
  watchGlobalGuards(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    for (const guard of this.#globalGuards) openBefore(guard, (context) => this.open(context as ExecutionContext));
  }

  #isGuarded(controller: object, handler: object): boolean {
    const guards = [...guardsOf(controller), ...guardsOf(handler)];
    return this.#hasScopedGuard || guards.some((guard) => this.#needsSession(guard));
  }

  /** Whether one of them is made anew for each request. Such a guard runs after all others, and so after ours. */
  get #hasScopedGuard(): boolean {
    return this.isShown && this.#config.getGlobalRequestGuards().some(({ metatype }) => isAuthGuard(metatype));
  }

  get #globalGuards(): AuthGuard[] {
    if (!this.isShown) return [];
    const guards = this.#config.getGlobalGuards().filter(isAuthGuard) as unknown as AuthGuard[];
    return guards.filter((guard) => !refusesSession(guard));
  }

  #needsSession(guard: unknown): boolean {
    return this.isShown && this.#wantsSession(guard);
  }

  #wantsSession(guard: unknown): boolean {
    if (!isAuthGuard(guard)) return false;
    if (typeof guard !== 'function') return !refusesSession(guard as AuthGuard);
    const instances = [...this.#modules.values()].map(({ injectables }) => injectables.get(guard as Type)?.instance);
    const known = instances.filter((instance) => instance !== undefined) as unknown as AuthGuard[];
    return known.length === 0 || known.some((instance) => !refusesSession(instance));
  }
}
