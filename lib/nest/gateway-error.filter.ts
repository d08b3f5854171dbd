import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { isReported, SessionError } from '../session.errors.js';
import { putFilterFirst } from './enhancers.js';
import { sendEvent } from './gateway-client.js';
import { gatewayErrorOf } from './gateway-error.js';
import { GatewayRefusal } from './gateway-refusal.js';
import { gatewaysOf } from './handler-methods.js';

/**
 * Tells the client of a gateway of an error of this library, in the form of Nest's own exceptions. Nest's filter would call each an
 * internal error, and that of Nest 11 tells clients of ws nothing.
 */
@Catch(SessionError, GatewayRefusal)
export class GatewayErrorFilter implements ExceptionFilter<Error> {
  readonly #logger = new Logger('SessionModule');

  catch(exception: Error, host: ArgumentsHost): void {
    const message = host.switchToWs();
    const cause = { pattern: message.getPattern(), data: message.getData<unknown>() };
    const { details, ...error } = gatewayErrorOf(exception);
    if (error.statusCode >= 500 && !isReported(exception)) this.#logger.error(exception);
    sendEvent(message.getClient<object>(), 'exception', { status: 'error', ...error, ...details, cause });
  }
}

/** It keeps no state, so that one instance may serve several applications. */
const FILTER = new GatewayErrorFilter();

/** Puts the filter on every gateway, where those of the application and of the handlers are asked first. */
export function attachErrorFilter(modules: ModulesContainer): void {
  for (const { controller } of gatewaysOf(modules)) putFilterFirst(FILTER, controller);
}
