import { UnauthorizedException } from '@nestjs/common';

/** The refusals that were made, so that the exception filter of this library knows them among those of the application. */
const made = new WeakSet<object>();

/**
 * The error with which a guard refuses a message: a `WsException`. An application with gateways has `@nestjs/websockets`; others
 * need not have it.
 */
export async function gatewayRefusal(): Promise<Error> {
  const refusal = await import('@nestjs/websockets').then(
    ({ WsException }) => new WsException({ status: 'error', statusCode: 401, message: 'Unauthorized' }),
    () => new UnauthorizedException(),
  );
  made.add(refusal);
  return refusal;
}

/** Stands for the errors of {@link gatewayRefusal} where a class is asked for. */
export class GatewayRefusal extends Error {
  static override [Symbol.hasInstance](error: unknown): boolean {
    return typeof error === 'object' && error !== null && made.has(error);
  }
}
