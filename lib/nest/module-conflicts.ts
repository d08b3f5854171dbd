import type { ModulesContainer } from '@nestjs/core';

import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionConfigurationError } from '../session.errors.js';
import { alsoRefuseKeys } from '../stores/application-store.js';
import type { SessionStore } from '../stores/session-store.js';
import { controllerMethodsOf } from './controller-methods.js';
import { takesSession } from './handler-needs.js';

/** A SessionModule of the application. */
export interface SessionModuleInUse {
  readonly isGlobal: boolean;
  readonly options: ResolvedOptions;
  /** The store as the application gets it. */
  readonly store: SessionStore;
}

/**
 * Keeps the SessionModules of one application apart: refuses an application in which one would silently take the place of another,
 * and keeps the keys of all their sessions from the application.
 * @throws {SessionConfigurationError} when two modules are global or share a cookie or key prefix, or when a handler takes
 * `@Session()` although there are several modules.
 */
export function keepApart(inUse: readonly SessionModuleInUse[], modules: ModulesContainer): void {
  if (inUse.length < 2) return;
  if (inUse.filter(({ isGlobal }) => isGlobal).length > 1) {
    throw new SessionConfigurationError(
      'Two SessionModules are global, so that SessionService and SESSION_STORE could mean either: call forRoot() once and import its result where it is needed, or give all but one `isGlobal: false` and import each where it is used.',
    );
  }
  const pairs = inUse.flatMap((one, index) => inUse.slice(index + 1).map((other) => [one, other] as const));
  for (const [one, other] of pairs) refusePair(one.options, other.options);
  for (const { store } of inUse) for (const { options } of inUse) alsoRefuseKeys(store, options.keyPrefix);
  const taking = controllerMethodsOf(modules).find(({ controller, key }) => takesSession(controller, key));
  if (taking === undefined) return;
  throw new SessionConfigurationError(
    `${taking.controller.name}.${taking.key} takes @Session(), but there are ${inUse.length} SessionModules, and nothing tells which one is meant: open the session with the SessionService of that module instead.`,
  );
}

function refusePair(one: ResolvedOptions, other: ResolvedOptions): void {
  if (isSameCookie(one, other)) {
    throw new SessionConfigurationError(
      `Two SessionModules use the cookie '${one.cookie?.name}' and would overwrite each other's: give one of them another \`cookie: { name }\`.`,
    );
  }
  // The library cannot see whether two stores are one back-end: two clients may have one address.
  if (one.keyPrefix === other.keyPrefix) {
    throw new SessionConfigurationError(
      `Two SessionModules have the keyPrefix '${one.keyPrefix}': in one back-end the cookie of one would open a session of the other. Give each a \`keyPrefix\` of its own.`,
    );
  }
}

function isSameCookie({ cookie: one }: ResolvedOptions, { cookie: other }: ResolvedOptions): boolean {
  if (one === undefined || other === undefined) return false;
  return one.name === other.name && one.path === other.path && one.domain === other.domain;
}
