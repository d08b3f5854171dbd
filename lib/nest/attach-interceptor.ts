import { UseInterceptors } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { sessionHandlersOf } from './session-handlers.js';
import type { SessionInterceptor } from './session.interceptor.js';

/** Handlers that have the interceptor already: a controller class may serve two applications in one process. */
const attached = new WeakSet<object>();

/** Puts the interceptor on every handler that takes a session, as `@UseInterceptors()` would. */
export function attachInterceptor(modules: ModulesContainer, interceptor: SessionInterceptor): void {
  for (const { controller, key, handler } of sessionHandlersOf(modules)) {
    if (attached.has(handler)) continue;
    attached.add(handler);
    UseInterceptors(interceptor)(controller.prototype, key, { value: handler });
  }
}
