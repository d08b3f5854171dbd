import { ConfigurableModuleBuilder, type ModuleMetadata } from '@nestjs/common';

import type { SessionModuleOptions } from './options/session-options.js';

/** What Nest must know before it has the options. It stands beside them, and beside `useFactory` in `forRootAsync`. */
export interface SessionModuleExtras {
  /** Whether every module can inject `SESSION_STORE`, `SessionService` and `SessionGuard`. @default true */
  readonly isGlobal?: boolean;
  /** Modules with the providers that `inject`, or a store class, needs. @default [] */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

const EXTRAS: Required<SessionModuleExtras> = { isGlobal: true, imports: [] };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSessionOptions')
    .setExtras<SessionModuleExtras>(EXTRAS, (definition, { isGlobal, imports }) => ({
      ...definition,
      global: isGlobal ?? EXTRAS.isGlobal,
      imports: [...(definition.imports ?? []), ...(imports ?? EXTRAS.imports)],
    }))
    .build();
