import { ForbiddenException, UnauthorizedException, type ExecutionContext } from '@nestjs/common';

import type { FreshSignInRequired } from './fresh-sign-in.js';
import { gatewayRefusal } from './gateway-refusal.js';

/**
 * The error with which a guard refuses, in the form of the transport: a 401, or the 403 that asks for a fresh sign-in. `graphql` makes
 * a GraphQL error of an exception, and takes its `extensions` over: Apollo's driver then sets the code itself, over HTTP, and the others do not.
 */
export async function refusal(context: ExecutionContext, required?: FreshSignInRequired): Promise<Error> {
  const exception = required === undefined ? new UnauthorizedException() : new ForbiddenException(required);
  switch (context.getType<string>()) {
    case 'ws':
      return gatewayRefusal(exception);
    case 'graphql':
      return Object.assign(exception, { extensions: extensionsFor(required) });
    default:
      return exception;
  }
}

/** `code` is one that every GraphQL server knows, so that what the client has to do stands under another name. */
function extensionsFor(required: FreshSignInRequired | undefined): object {
  if (required === undefined) return { code: 'UNAUTHENTICATED' };
  const { code: reason, maxAge, signedInAt, amr } = required;
  return { code: 'FORBIDDEN', reason, maxAge, signedInAt, ...(amr === undefined ? {} : { amr }) };
}
