import { Inject, Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';

import { attachInterceptor } from './nest/attach-interceptor.js';
import { pairOnFastify } from './nest/fastify-pairing.js';
import { keepApart, type SessionModuleInUse } from './nest/module-conflicts.js';
import { SessionGuard } from './nest/session.guard.js';
import { SessionInterceptor } from './nest/session.interceptor.js';
import { SessionService } from './nest/session.service.js';
import type { ResolvedOptions } from './options/resolve-options.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from './session.constants.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, type OPTIONS_TYPE } from './session.module-definition.js';
import { sessionProviders } from './session.providers.js';
import type { SessionStore } from './stores/session-store.js';

/**
 * Server-side sessions for a Nest application. Import `SessionModule.forRoot({ … })`, or `forRootAsync` with `useFactory`,
 * `useClass` or `useExisting`, once, in the root module. It is global unless `isGlobal: false`.
 */
@Module({
  providers: sessionProviders(MODULE_OPTIONS_TOKEN),
  exports: [SESSION_STORE, SessionService, SessionGuard],
})
export class SessionModule extends ConfigurableModuleClass implements NestModule {
  /**
   * The module with these options. What you leave out has its default.
   * @param options the options of the module and of its definition.
   * @throws {SessionConfigurationError} when an option is wrong, as the application starts.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  readonly #modules: ModulesContainer;
  readonly #interceptor: SessionInterceptor;

  constructor(
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(SessionInterceptor) interceptor: SessionInterceptor,
  ) {
    super();
    this.#modules = modules;
    this.#interceptor = interceptor;
    // Fires when the adapter is there: at once in an application, later under @nestjs/testing, never without HTTP.
    host.init$.subscribe(() => pairOnFastify(host));
  }

  /** Nest calls this before it registers the routes, and so before it looks for their interceptors. */
  configure(): void {
    keepApart(sessionModulesOf(this.#modules), this.#modules);
    attachInterceptor(this.#modules, this.#interceptor);
  }
}

function sessionModulesOf(modules: ModulesContainer): SessionModuleInUse[] {
  return [...modules.values()]
    .filter(({ metatype }) => metatype === SessionModule)
    .map((module) => ({
      isGlobal: module.isGlobal,
      options: module.getProviderByKey<ResolvedOptions>(RESOLVED_OPTIONS).instance,
      store: module.getProviderByKey<SessionStore>(SESSION_STORE).instance,
    }));
}
