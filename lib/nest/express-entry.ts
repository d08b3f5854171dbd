import type { HttpAdapterHost } from '@nestjs/core';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import type { CurrentPlace } from './current-place.js';

type Middleware = (request: AnyRequest, response: AnyResponse, next: () => void) => void;

/**
 * Makes each request the current place, before any other middleware and the body parser. On Fastify the hook that pairs requests with
 * their responses does it.
 */
export function enterOnExpress({ httpAdapter }: HttpAdapterHost, current: CurrentPlace): void {
  if (!current.isOn || httpAdapter == null || httpAdapter.getType() === 'fastify') return;
  const enter: Middleware = (request, response, next) => current.enter({ request, response }, next);
  httpAdapter.use(enter);
}
