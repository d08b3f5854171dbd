import { Logger, type OnApplicationShutdown, type Provider, type Type } from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';

import { SessionEngine } from './engine/session-engine.js';
import { openAhead } from './nest/open-ahead.guard.js';
import { PassportRoutes } from './nest/passport-routes.js';
import { SessionGuard } from './nest/session.guard.js';
import { SessionInterceptor } from './nest/session.interceptor.js';
import { SessionService } from './nest/session.service.js';
import { getSessionServiceToken, getSessionStoreToken } from './nest/session-tokens.js';
import { createStore } from './options/create-store.js';
import { checkStore } from './options/option-shapes.js';
import { optionWarnings } from './options/option-warnings.js';
import { resolveOptions, type ResolvedOptions } from './options/resolve-options.js';
import type { SessionModuleOptions } from './options/session-options.js';
import type { SessionLogger } from './session/session-logger.js';
import { DEFAULT_NAME, RESOLVED_OPTIONS } from './session.constants.js';
import { applicationStore, wholeStore } from './stores/application-store.js';
import { isClosableStore, type ClosableStore, type SessionStore } from './stores/session-store.js';

/** Closes the store that the module made, and no other, after the last request under way has saved its session. */
export class StoreOwner implements OnApplicationShutdown {
  #owned: ClosableStore | undefined;

  own(store: SessionStore): SessionStore {
    if (isClosableStore(store)) this.#owned = store;
    return store;
  }

  // Nest drains the server before this hook. In an earlier hook, a request under way would find its store closed.
  async onApplicationShutdown(): Promise<void> {
    const owned = this.#owned;
    this.#owned = undefined;
    await owned?.close();
  }
}

/** The providers of the module with this name: options → store → engine → the service that everything else calls. */
export function sessionProviders(optionsToken: string | symbol, name: string): Provider[] {
  const [store, service] = [getSessionStoreToken(name), getSessionServiceToken(name)];
  return [
    StoreOwner,
    SessionInterceptor,
    ...(name === DEFAULT_NAME ? [SessionGuard] : []),
    {
      provide: RESOLVED_OPTIONS,
      inject: [optionsToken],
      useFactory: (options: SessionModuleOptions) => provideOptions(options, name),
    },
    // The store depends on nothing but the options, so a test that overrides it opens no socket.
    { provide: store, inject: [RESOLVED_OPTIONS, ModuleRef, StoreOwner], useFactory: provideStore },
    { provide: service, inject: [RESOLVED_OPTIONS, store], useFactory: provideService },
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

async function provideStore(options: ResolvedOptions, moduleRef: ModuleRef, owner: StoreOwner): Promise<SessionStore> {
  const store = await storeOf(options, moduleRef, owner);
  return applicationStore(store, [options.keyPrefix, options.migration?.prefix ?? '']);
}

async function storeOf(options: ResolvedOptions, moduleRef: ModuleRef, owner: StoreOwner): Promise<SessionStore> {
  const { store } = options;
  if (typeof store === 'string') return owner.own(await createStore(store, options));
  if (typeof store === 'function') return owner.own(checkStore(await moduleRef.create(store as Type<SessionStore>)));
  return checkStore(store);
}

function provideService(options: ResolvedOptions, store: SessionStore): SessionService {
  return new SessionService(new SessionEngine({ options, store: wholeStore(store), logger: nestLogger() }));
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
    error: (message) => logger.error(message),
  };
}
