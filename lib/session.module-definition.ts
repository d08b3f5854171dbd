import { ConfigurableModuleBuilder, type DynamicModule, type ModuleMetadata } from '@nestjs/common';

import { SessionEvents } from './nest/session-events.js';
import { SessionGuard } from './nest/session.guard.js';
import { SignedInGuard } from './nest/signed-in.guard.js';
import {
  getSessionHealthToken,
  getSessionServiceToken,
  getSessionStoreToken,
  getUserSessionsToken,
} from './nest/session-tokens.js';
import type { SessionModuleOptions } from './options/session-options.js';
import { DEFAULT_NAME } from './session.constants.js';
import { sessionProviders } from './session.providers.js';

/** What Nest must know before it has the options. It stands beside them, and beside `useFactory` in `forRootAsync`. */
export interface SessionModuleExtras {
  /**
   * The kind of session, for a second SessionModule beside the one without a name: 1 to 32 letters, digits, `-` and `_`. It is a part
   * of the cookie's default name, `admin-session`, of the keys and of the signatures. Reach these sessions with
   * `@Session.of('admin')`, `SessionGuard.of('admin')`, `SignedInGuard.of('admin')`, `@FreshSignIn.of('admin', '5m')`,
   * `getSessionServiceToken('admin')`, `getSessionStoreToken('admin')` and `getSessionHealthToken('admin')`.
   * @default 'default'
   */
  readonly name?: string;
  /** Whether every module can inject the store, the service and the guards of this one. @default true */
  readonly isGlobal?: boolean;
  /** Modules with the providers that `inject`, or a store class, needs. @default [] */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

const EXTRAS: Required<SessionModuleExtras> = { name: DEFAULT_NAME, isGlobal: true, imports: [] };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSessionOptions')
    .setExtras<SessionModuleExtras>(EXTRAS, withExtras)
    .build();

function withExtras(definition: DynamicModule, extras: SessionModuleExtras): DynamicModule {
  const { name = EXTRAS.name, isGlobal = EXTRAS.isGlobal, imports = EXTRAS.imports } = extras;
  return {
    ...definition,
    global: isGlobal,
    imports: [...(definition.imports ?? []), ...imports],
    providers: [...(definition.providers ?? []), ...sessionProviders(MODULE_OPTIONS_TOKEN, name)],
    exports: [
      getSessionStoreToken(name),
      getSessionServiceToken(name),
      SessionEvents,
      getUserSessionsToken(name),
      getSessionHealthToken(name),
      ...(name === DEFAULT_NAME ? [SessionGuard, SignedInGuard] : []),
    ],
  };
}
