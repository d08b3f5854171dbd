import { IntrinsicException, Logger, type OnApplicationShutdown, type Provider, type Type } from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';

import { EventHub } from './engine/event-hub.js';
import { SessionEngine } from './engine/session-engine.js';
import { TextLifetime } from './engine/text-lifetime.js';
import { UserSessions } from './engine/user-sessions.js';
import { MigratingStore } from './stores/migrating.store.js';
import { otherPrefixed } from './stores/prefixed.store.js';
import { CurrentPlace } from './nest/current-place.js';
import { hubOf } from './nest/application-events.js';
import { openAhead } from './nest/open-ahead.guard.js';
import { PassportRoutes } from './nest/passport-routes.js';
import { RequestEntry } from './nest/request-entry.js';
import { SessionEvents } from './nest/session-events.js';
import { SessionGuard } from './nest/session.guard.js';
import { ShutdownHooksCheck } from './nest/shutdown-hooks-check.js';
import { SignedInGuard } from './nest/signed-in.guard.js';
import { SessionInterceptor } from './nest/session.interceptor.js';
import { SessionService } from './nest/session.service.js';
import { SessionHealth } from './nest/session-health.js';
import {
  getSessionHealthToken,
  getSessionServiceToken,
  getSessionStoreToken,
  getUserSessionsToken,
} from './nest/session-tokens.js';
import { StartUpProbe } from './nest/start-up-probe.js';
import { createBus } from './options/create-bus.js';
import { createStore } from './options/create-store.js';
import { checkStore } from './options/option-shapes.js';
import { optionWarnings } from './options/option-warnings.js';
import { hasBackEnd } from './options/store-name.js';
import { resolveOptions, type ResolvedOptions } from './options/resolve-options.js';
import type { SessionModuleOptions } from './options/session-options.js';
import type { SessionLogger } from './session/session-logger.js';
import { DEFAULT_NAME, RESOLVED_OPTIONS } from './session.constants.js';
import { markReported } from './session.errors.js';
import { applicationStore, watchCommands, wholeStore } from './stores/application-store.js';
import type { SessionStore } from './stores/session-store.js';

interface Closable {
  close(): unknown;
}

/**
 * Closes the store and the bus that the module made, and no others, after the last request under way has saved its session. Then no event
 * follows.
 */
export class BackEndOwner implements OnApplicationShutdown {
  readonly #owned: Closable[] = [];
  /** Watches the back-ends until all of them are closed. */
  watcher: Closable | undefined;

  constructor(readonly hub: EventHub) {}

  own<T extends object>(backEnd: T): T {
    if (isClosable(backEnd)) this.#owned.push(backEnd);
    return backEnd;
  }

  // Nest drains the server before this hook. In an earlier hook, a request under way would find its store closed.
  async onApplicationShutdown(): Promise<void> {
    const owned = this.#owned.splice(0);
    try {
      await Promise.all(owned.map((backEnd) => backEnd.close()));
    } finally {
      this.watcher?.close();
      this.hub.close();
    }
  }
}

function isClosable(backEnd: object): backEnd is Closable {
  return typeof (backEnd as Partial<Closable>).close === 'function';
}

/** The providers of the module with this name: options → store → engine → the service that everything else calls. */
export function sessionProviders(optionsToken: string | symbol, name: string): Provider[] {
  const [store, service] = [getSessionStoreToken(name), getSessionServiceToken(name)];
  return [
    { provide: BackEndOwner, inject: [EventHub], useFactory: provideOwner },
    SessionInterceptor,
    RequestEntry,
    ...(name === DEFAULT_NAME ? [SessionGuard, SignedInGuard] : []),
    {
      provide: RESOLVED_OPTIONS,
      inject: [optionsToken],
      useFactory: (options: SessionModuleOptions) => provideOptions(options, name),
    },
    // The store depends on nothing but the options, so a test that overrides it opens no socket.
    { provide: store, inject: [RESOLVED_OPTIONS, ModuleRef, BackEndOwner], useFactory: provideStore },
    { provide: EventHub, inject: [ModulesContainer], useFactory: hubOf },
    { provide: SessionEvents, inject: [EventHub], useFactory: provideEvents },
    { provide: SessionEngine, inject: [RESOLVED_OPTIONS, store, BackEndOwner], useFactory: provideEngine },
    { provide: StartUpProbe, inject: [SessionEngine, store, RESOLVED_OPTIONS], useFactory: provideProbe },
    { provide: ShutdownHooksCheck, inject: [RESOLVED_OPTIONS], useFactory: provideHooksCheck },
    { provide: getSessionHealthToken(name), inject: [SessionEngine], useFactory: provideHealth },
    { provide: CurrentPlace, inject: [RESOLVED_OPTIONS], useFactory: provideCurrentPlace },
    { provide: service, inject: [SessionEngine, CurrentPlace], useFactory: provideService },
    { provide: getUserSessionsToken(name), inject: [SessionEngine], useFactory: provideUserSessions },
    { provide: PassportRoutes, inject: [service, ModulesContainer, ApplicationConfig], useFactory: providePassport },
    { provide: APP_GUARD, inject: [service, PassportRoutes], useFactory: openAhead },
  ];
}

function provideOptions(options: SessionModuleOptions, name: string): ResolvedOptions {
  const resolved = resolveOptions(options, name);
  const logger = nestLogger();
  optionWarnings(options).forEach((warning) => logger.warn(warning));
  return resolved;
}

async function provideStore(
  options: ResolvedOptions,
  moduleRef: ModuleRef,
  owner: BackEndOwner,
): Promise<SessionStore> {
  const own = await storeOf(options, moduleRef, owner);
  const store = await migratingStoreOf(own, options, owner);
  const { keyPrefix, migration, storeMigration } = options;
  return applicationStore(store, [keyPrefix, migration?.prefix ?? '', storeMigration?.keyPrefix ?? ''], own);
}

/** The store, and the other one beside it while sessions move between the two. */
async function migratingStoreOf(
  own: SessionStore,
  options: ResolvedOptions,
  owner: BackEndOwner,
): Promise<SessionStore> {
  const { keyPrefix, storeMigration } = options;
  if (storeMigration === undefined) return own;
  const { store, connections, moves } = storeMigration;
  const made = typeof store === 'string' ? owner.own(await createStore(store, connections)) : store;
  const other = otherPrefixed(made, { keyPrefix, otherPrefix: storeMigration.keyPrefix ?? keyPrefix });
  const lifetime = new TextLifetime(options);
  return new MigratingStore({
    ...(moves ? { from: other, to: own } : { from: own, to: other }),
    moves,
    keyPrefix,
    ttlOf: (key, text) => lifetime.secondsOf(key, text),
    mayBeOne: other !== made,
  });
}

async function storeOf(options: ResolvedOptions, moduleRef: ModuleRef, owner: BackEndOwner): Promise<SessionStore> {
  const { store } = options;
  if (typeof store === 'string') return owner.own(await createStore(store, options));
  if (typeof store === 'function') return owner.own(checkStore(await moduleRef.create(store as Type<SessionStore>)));
  return checkStore(store);
}

async function provideEngine(
  options: ResolvedOptions,
  store: SessionStore,
  owner: BackEndOwner,
): Promise<SessionEngine> {
  const bus = typeof options.bus === 'string' ? owner.own(await createBus(options.bus, options)) : options.bus;
  const engine = new SessionEngine({ options, store: wholeStore(store), logger: nestLogger(), bus, hub: owner.hub });
  watchCommands(store, engine.watch);
  owner.own(engine.endings);
  owner.watcher = engine.trouble;
  return engine;
}

function provideOwner(hub: EventHub): BackEndOwner {
  return new BackEndOwner(hub);
}

function provideEvents(hub: EventHub): SessionEvents {
  return new SessionEvents(hub);
}

function provideProbe(engine: SessionEngine, given: SessionStore, options: ResolvedOptions): StartUpProbe {
  const store = wholeStore(given);
  // A test may have replaced the two by one.
  const other = store instanceof MigratingStore ? options.storeMigration?.store : undefined;
  return new StartUpProbe(engine, hasBackEnd(store) || (other !== undefined && hasBackEnd(other)));
}

function provideHooksCheck(options: ResolvedOptions): ShutdownHooksCheck {
  return new ShutdownHooksCheck(options, nestLogger());
}

function provideHealth(engine: SessionEngine): SessionHealth {
  return new SessionHealth(engine);
}

function provideCurrentPlace(options: ResolvedOptions): CurrentPlace {
  return new CurrentPlace(options);
}

function provideService(engine: SessionEngine, current: CurrentPlace): SessionService {
  return new SessionService(engine, current);
}

function provideUserSessions(engine: SessionEngine): UserSessions {
  return new UserSessions(engine);
}

function providePassport(
  sessions: SessionService,
  modules: ModulesContainer,
  config: ApplicationConfig,
): PassportRoutes {
  return new PassportRoutes(sessions, modules, config);
}

function nestLogger(): SessionLogger {
  const logger = new Logger('SessionModule');
  const said = new Set<string>();
  return {
    warn: (message) => logger.warn(message),
    warnOnce: (message) => {
      if (!said.has(message)) logger.warn(message);
      said.add(message);
    },
    error: (message, ...stack) => logger.error(message, ...stack),
    log: (message) => logger.log(message),
    // Nest logs every error that reaches its own filter, but one of this class.
    markReported: (error) => markReported(error, IntrinsicException),
  };
}
