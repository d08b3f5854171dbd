import { ConfigurableModuleBuilder, type ModuleMetadata } from '@nestjs/common';

import type { SessionModuleOptions } from './options/session-options.js';
import { interceptorProviders } from './session.providers.js';

/** What Nest must know before it has the options. It stands beside them, and beside `useFactory` in `forRootAsync`. */
export interface SessionModuleExtras {
  /** Whether every module can inject `SESSION_STORE`, `SessionService` and `SessionGuard`. @default true */
  readonly isGlobal?: boolean;
  /**
   * `'global'` runs the interceptor on every route; `'per-route'` only on handlers with a `@Session()` parameter, so that the other
   * routes do not pay for a global interceptor (about 4 µs in NestJS 12, 29 in NestJS 11).
   * @default 'global'
   */
  readonly interceptor?: 'global' | 'per-route';
  /** Modules with the providers that `inject`, or a store class, needs. @default [] */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

const EXTRAS: Required<SessionModuleExtras> = { isGlobal: true, interceptor: 'global', imports: [] };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSessionOptions')
    .setExtras<SessionModuleExtras>(EXTRAS, (definition, { isGlobal, interceptor, imports }) => ({
      ...definition,
      global: isGlobal ?? EXTRAS.isGlobal,
      imports: [...(definition.imports ?? []), ...(imports ?? EXTRAS.imports)],
      providers: [...(definition.providers ?? []), ...interceptorProviders(interceptor ?? EXTRAS.interceptor)],
    }))
    .build();
