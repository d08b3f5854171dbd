import { UnauthorizedException, type ExecutionContext } from '@nestjs/common';

import { gatewayRefusal } from './gateway-refusal.js';

/**
 * The error with which a guard refuses, in the form of the transport. `graphql` makes a GraphQL error of an exception, and takes its
 * `extensions` over: Apollo's driver then sets the code itself, over HTTP, and the others do not.
 */
export async function refusal(context: ExecutionContext): Promise<Error> {
  switch (context.getType<string>()) {
    case 'ws':
      return gatewayRefusal();
    case 'graphql':
      return Object.assign(new UnauthorizedException(), { extensions: { code: 'UNAUTHENTICATED' } });
    default:
      return new UnauthorizedException();
  }
}
