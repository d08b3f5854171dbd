import type { ModulesContainer } from '@nestjs/core';

import type { ResolvedOptions } from '../options/resolve-options.js';
import { snapshotsOf } from '../options/snapshots.js';
import { DEFAULT_NAME } from '../session.constants.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import { alsoRefuseKeys } from '../stores/application-store.js';
import type { SessionStore } from '../stores/session-store.js';
import { connectionMethodsOf, controllerMethodsOf, gatewayMethodsOf } from './handler-methods.js';
import { sessionArgumentsOf, sessionsTakenBy, takesNestSession } from './handler-needs.js';
import type { PassportRoutes } from './passport-routes.js';
import { resolverMethodsOf } from './resolver-methods.js';

/** Where Nest's own `@Session()` looks for the session. */
const NEST_READS = 'session';

/** A SessionModule of the application. */
export interface SessionModuleInUse {
  readonly options: ResolvedOptions;
  /** The store as the application gets it. */
  readonly store: SessionStore;
  /** The routes on which Passport uses its sessions. */
  readonly passport: PassportRoutes;
}

/**
 * Keeps the SessionModules of one application apart: refuses an application in which one would silently take the place of another,
 * and keeps the keys of all their sessions from the application.
 * @throws {SessionConfigurationError} when two modules share a name, a cookie, a key prefix or a property of the request, or when a
 * handler takes the session of a module that is not there, or with Nest's own `@Session()` one that does not show there.
 */
export function keepApart(inUse: readonly SessionModuleInUse[], modules: ModulesContainer): void {
  const pairs = inUse.flatMap((one, index) => inUse.slice(index + 1).map((other) => [one, other] as const));
  for (const [one, other] of pairs) refusePair(one.options, other.options);
  const prefixes = inUse.flatMap(({ options }) => prefixesOf(options));
  for (const { store } of inUse) for (const prefix of prefixes) alsoRefuseKeys(store, prefix);
  refuseInGateways(modules);
  refuseUnknownNames(
    inUse.map(({ options }) => options.name),
    modules,
  );
  refuseNestSession(inUse, modules);
}

/** Those of the sessions that are still to move as well: what stood under one of them would be taken for a session. */
function prefixesOf({ keyPrefix, migration, storeMigration }: ResolvedOptions): string[] {
  return [keyPrefix, migration?.prefix ?? '', storeMigration?.keyPrefix ?? ''];
}

/** Nest's own decorator would hand out what another library has put there, and nothing would tell. */
function refuseNestSession(inUse: readonly SessionModuleInUse[], modules: ModulesContainer): void {
  const exposed = inUse.find(({ options }) => options.name === DEFAULT_NAME)?.options.exposeAs;
  if (exposed === undefined || exposed === NEST_READS) return;
  const taking = controllerMethodsOf(modules).find(({ controller, key }) => takesNestSession(controller, key));
  if (taking === undefined) return;
  throw new SessionConfigurationError(
    `${taking.controller.name}.${taking.key} takes @Session() of @nestjs/common, which reads request.session, but exposeAs is ${shown(exposed)}: import Session from 'nest-session'.`,
  );
}

function refusePair(one: ResolvedOptions, other: ResolvedOptions): void {
  if (one.name === other.name) {
    throw new SessionConfigurationError(
      one.name === DEFAULT_NAME
        ? "Two SessionModules have no name, so that @Session(), SessionService and SESSION_STORE could mean either: call forRoot() once and import its result where it is needed, or give one of them a name, such as forRoot({ name: 'admin' })."
        : `Two SessionModules have the name '${one.name}': call forRoot() once and import its result where it is needed, or give one of them another name.`,
    );
  }
  if (isSameCookie(one, other)) {
    throw new SessionConfigurationError(
      `The SessionModules '${one.name}' and '${other.name}' both use the cookie '${one.cookie?.name}' and would overwrite each other's: give one of them another \`cookie: { name }\`.`,
    );
  }
  if (one.exposeAs !== false && one.exposeAs === other.exposeAs) {
    throw new SessionConfigurationError(
      `The SessionModules '${one.name}' and '${other.name}' both show their session as request.${one.exposeAs}: give one of them another \`exposeAs\`, or leave it out where the module has a name.`,
    );
  }
  const theirs = snapshotsOf(other).map(({ path }) => path);
  if (snapshotsOf(one).some(({ path }) => theirs.includes(path))) {
    throw new SessionConfigurationError(
      `The SessionModules '${one.name}' and '${other.name}' have the same snapshot, and the sessions of one would be lost: give each a path of its own.`,
    );
  }
  // Two stores may be one back-end, which the library cannot see: two clients may have one address.
  if (one.keyPrefix === other.keyPrefix) {
    throw new SessionConfigurationError(
      `The SessionModules '${one.name}' and '${other.name}' both have the keyPrefix '${one.keyPrefix}': in one back-end the cookie of one would open a session of the other. Give each a \`keyPrefix\` of its own.`,
    );
  }
}

function isSameCookie({ cookie: one }: ResolvedOptions, { cookie: other }: ResolvedOptions): boolean {
  if (one === undefined || other === undefined) return false;
  return one.name === other.name && one.path === other.path && one.domain === other.domain;
}

/** In a gateway Nest's own `@Session()` gives `null`, or the request, to whoever asks. */
function refuseInGateways(modules: ModulesContainer): void {
  for (const { controller, key } of [...gatewayMethodsOf(modules), ...connectionMethodsOf(modules)]) {
    if (!takesNestSession(controller, key)) continue;
    throw new SessionConfigurationError(
      `${controller.name}.${key} takes @Session() of @nestjs/common, which gives a gateway nothing: import { Session } from 'nest-session'.`,
    );
  }
  for (const { controller, key } of connectionMethodsOf(modules)) {
    if (!sessionArgumentsOf(controller, key).some(({ hasPipes }) => hasPipes)) continue;
    throw new SessionConfigurationError(
      `${controller.name}.${key} gives @Session() a pipe, and Nest runs none for a connection: call what it does in the method.`,
    );
  }
}

function refuseUnknownNames(names: readonly string[], modules: ModulesContainer): void {
  const handlers = [controllerMethodsOf, gatewayMethodsOf, connectionMethodsOf, resolverMethodsOf].flatMap(
    (methodsOf) => methodsOf(modules),
  );
  for (const { controller, key } of handlers) {
    const unknown = sessionsTakenBy(controller, key).find((name) => !names.includes(name));
    if (unknown === undefined) continue;
    const handler = `${controller.name}.${key}`;
    throw new SessionConfigurationError(
      unknown === DEFAULT_NAME
        ? `${handler} takes @Session(), but every SessionModule has a name: write @Session.of('${names[0]}'), or, if that is to be the name of the cookie, cookie: { name: '${names[0]}' }.`
        : `${handler} takes @Session.of('${unknown}'), but there is no SessionModule of that name: import SessionModule.forRoot({ name: '${unknown}' }), or write one of ${names.join(', ')}.`,
    );
  }
}
