import type { ModulesContainer } from '@nestjs/core';

import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionConfigurationError } from '../session.errors.js';
import { sessionHandlersOf } from './session-handlers.js';

/** A SessionModule of the application. */
export interface SessionModuleInUse {
  readonly isGlobal: boolean;
  readonly options: ResolvedOptions;
}

/**
 * Refuses an application in which one SessionModule would take the place of another without a word.
 * @throws {SessionConfigurationError} that says what to write.
 */
export function refuseConflicts(inUse: readonly SessionModuleInUse[], modules: ModulesContainer): void {
  if (inUse.length < 2) return;
  if (inUse.filter(({ isGlobal }) => isGlobal).length > 1) {
    throw new SessionConfigurationError(
      'Two SessionModules are global, so that SessionService and SESSION_STORE could mean either: call forRoot() once and import its result where it is needed, or give all but one `isGlobal: false` and import each where it is used.',
    );
  }
  const pairs = inUse.flatMap((one, index) => inUse.slice(index + 1).map((other) => [one, other] as const));
  for (const [one, other] of pairs) refusePair(one.options, other.options);
  const [handler] = sessionHandlersOf(modules);
  if (handler === undefined) return;
  throw new SessionConfigurationError(
    `${handler.controller.name}.${handler.key} takes @Session(), but there are ${inUse.length} SessionModules, and nothing tells which one is meant: open the session with the SessionService of that module instead.`,
  );
}

function refusePair(one: ResolvedOptions, other: ResolvedOptions): void {
  if (isSameCookie(one, other)) {
    throw new SessionConfigurationError(
      `Two SessionModules use the cookie '${one.cookie?.name}' and would overwrite each other's: give one of them another \`cookie: { name }\`.`,
    );
  }
  if (isSameStore(one, other) && one.keyPrefix === other.keyPrefix) {
    throw new SessionConfigurationError(
      `Two SessionModules keep their sessions under '${one.keyPrefix}' in one back-end, so that the cookie of one would open a session of the other: give one of them another \`keyPrefix\`.`,
    );
  }
}

function isSameCookie({ cookie: one }: ResolvedOptions, { cookie: other }: ResolvedOptions): boolean {
  if (one === undefined || other === undefined) return false;
  return one.name === other.name && one.path === other.path && one.domain === other.domain;
}

/** Each module that names `'memory'` or a class has a store of its own. */
function isSameStore({ store: one }: ResolvedOptions, { store: other }: ResolvedOptions): boolean {
  return one === other && (typeof one === 'object' || one === 'redis' || one === 'memcached');
}
