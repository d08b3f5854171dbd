import type { HttpException } from '@nestjs/common';

/** What a refusal says beside its status and its message, such as its code. */
export type RefusalDetails = Readonly<Record<string, unknown>>;

/** The refusals that were made, so that the exception filter of this library knows them among those of the application. */
const made = new WeakMap<object, RefusalDetails>();

/**
 * The error with which a guard refuses a message: a `WsException` that says what the exception would over HTTP. An application with gateways has
 * `@nestjs/websockets`; others need not have it.
 */
export async function gatewayRefusal(exception: HttpException): Promise<Error> {
  const { statusCode, message, error: _name, ...details } = exception.getResponse() as Record<string, unknown>;
  const refusal = await import('@nestjs/websockets').then(
    ({ WsException }) => new WsException({ status: 'error', statusCode, message, ...details }),
    () => exception,
  );
  made.set(refusal, details);
  return refusal;
}

/** What a refusal of {@link gatewayRefusal} says beside its status and its message; `undefined` for another error. */
export function refusalDetailsOf(error: unknown): RefusalDetails | undefined {
  return typeof error === 'object' && error !== null ? made.get(error) : undefined;
}

/** Stands for the errors of {@link gatewayRefusal} where a class is asked for. */
export class GatewayRefusal extends Error {
  static override [Symbol.hasInstance](error: unknown): boolean {
    return refusalDetailsOf(error) !== undefined;
  }
}
