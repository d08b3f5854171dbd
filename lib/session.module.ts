import { Inject, Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';

import { announceSessions, type ModuleSessions } from './nest/application-sessions.js';
import { attachInterceptor, attachToGateways } from './nest/attach-interceptor.js';
import { CurrentPlace } from './nest/current-place.js';
import { attachErrorFilter } from './nest/gateway-error.filter.js';
import { GatewayConnections } from './nest/gateway-connections.js';
import { keepApart, type SessionModuleInUse } from './nest/module-conflicts.js';
import type { NestModuleInUse } from './nest/handler-methods.js';
import { PassportRoutes } from './nest/passport-routes.js';
import { warnPassportWithoutSession } from './nest/passport-without-session.js';
import { checkSignedInGuards } from './nest/signed-in-checks.js';
import { checkResolvers } from './nest/resolver-checks.js';
import { SessionInterceptor } from './nest/session.interceptor.js';
import type { SessionService } from './nest/session.service.js';
import { getSessionServiceToken, getSessionStoreToken } from './nest/session-tokens.js';
import type { ResolvedOptions } from './options/resolve-options.js';
import { RESOLVED_OPTIONS } from './session.constants.js';
import { SessionConfigurationError } from './session.errors.js';
import { ConfigurableModuleClass, type OPTIONS_TYPE } from './session.module-definition.js';
import type { SessionStore } from './stores/session-store.js';

/**
 * Server-side sessions for a Nest application. Import `SessionModule.forRoot({ … })`, or `forRootAsync` with `useFactory`,
 * `useClass` or `useExisting`, once, in the root module. It is global unless `isGlobal: false`. Another kind of session beside it has
 * a module with a `name`.
 */
@Module({ providers: [{ provide: SessionInterceptor, useFactory: refuseNoOptions }] }) // forRoot() puts the real one in its place
export class SessionModule extends ConfigurableModuleClass implements NestModule {
  /**
   * The module with these options. What you leave out has its default.
   * @param options the options of the module and of its definition.
   * @throws {SessionConfigurationError} when an option is wrong, as the application starts.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  readonly #host: HttpAdapterHost;
  readonly #modules: ModulesContainer;

  constructor(
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
    // Injected so that it is there before any handler needs it.
    @Inject(SessionInterceptor) _interceptor: SessionInterceptor,
  ) {
    super();
    this.#host = host;
    this.#modules = modules;
    attachToGateways(modules, this.#own);
    attachErrorFilter(modules);
    GatewayConnections.of(modules, () => sessionModulesOf(modules));
  }

  /** Nest calls this before it registers the routes, and so before it looks for their interceptors. */
  configure(): void {
    const inUse = sessionModulesOf(this.#modules);
    keepApart(inUse, this.#modules);
    checkResolvers(this.#modules);
    checkSignedInGuards(this.#modules);
    const passports = inUse.map(({ passport }) => passport);
    for (const passport of passports) passport.watchGlobalGuards();
    warnPassportWithoutSession(passports);
    attachInterceptor(this.#modules, this.#own, passports);
    announceSessions(this.#host, inUse);
  }

  /** One of the SessionModules of this application: their interceptors are alike. */
  get #own(): NestModuleInUse {
    return [...this.#modules.values()].find(({ metatype }) => metatype === SessionModule) as NestModuleInUse;
  }
}

function refuseNoOptions(): never {
  throw new SessionConfigurationError(
    'SessionModule has no options: import SessionModule.forRoot() or forRootAsync(), once; other modules need no import, as it is global.',
  );
}

function sessionModulesOf(modules: ModulesContainer): (SessionModuleInUse & ModuleSessions)[] {
  return [...modules.values()]
    .filter(({ metatype }) => metatype === SessionModule)
    .map((module) => {
      const options = module.getProviderByKey<ResolvedOptions>(RESOLVED_OPTIONS).instance;
      const store = module.getProviderByKey<SessionStore>(getSessionStoreToken(options.name)).instance;
      const service = module.getProviderByKey<SessionService>(getSessionServiceToken(options.name)).instance;
      const passport = module.getProviderByKey<PassportRoutes>(PassportRoutes).instance;
      const current = module.getProviderByKey<CurrentPlace>(CurrentPlace).instance;
      return { options, store, passport, service, current };
    });
}
