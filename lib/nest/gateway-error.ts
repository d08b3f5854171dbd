import { STATUS_CODES } from 'node:http';

import { HttpException } from '@nestjs/common';

import { SessionError } from '../session.errors.js';
import { refusalDetailsOf, type RefusalDetails } from './gateway-refusal.js';

/** What the client of a gateway may know of an error. */
export interface GatewayError {
  /** The status that the same error has over HTTP. */
  readonly statusCode: number;
  readonly message: string;
  /** What a refusal of a guard of ours says beside that, such as its code. */
  readonly details?: RefusalDetails;
}

/** As Nest says of an error that it does not know. */
export const UNKNOWN_ERROR: GatewayError = { statusCode: 500, message: 'Internal server error' };

/** As Nest says of a guard that returns `false`. */
export const FORBIDDEN: GatewayError = { statusCode: 403, message: 'Forbidden resource' };

/** What a client may know of an error: as over HTTP, its own faults and that the store is down. */
export function gatewayErrorOf(error: unknown): GatewayError {
  if (error instanceof SessionError) {
    const { statusCode, expose, message } = error;
    return { statusCode, message: expose ? message : (STATUS_CODES[statusCode] ?? UNKNOWN_ERROR.message) };
  }
  const details = refusalDetailsOf(error);
  const known = details === undefined ? {} : { details };
  if (error instanceof HttpException) return { statusCode: error.getStatus(), message: error.message, ...known };
  if (!isWsException(error)) return UNKNOWN_ERROR;
  return { ...FORBIDDEN, message: error.message, ...statusIn(error.getError()), ...known };
}

/** The class is that of an optional package. */
function isWsException(error: unknown): error is Error & { getError(): unknown } {
  return error instanceof Error && typeof (error as { getError?: unknown }).getError === 'function';
}

function statusIn(content: unknown): Partial<GatewayError> {
  const { statusCode } = Object(content) as Partial<GatewayError>;
  return typeof statusCode === 'number' ? { statusCode } : {};
}
