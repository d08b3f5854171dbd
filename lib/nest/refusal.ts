import { UnauthorizedException, type ExecutionContext } from '@nestjs/common';

/**
 * The error with which a guard refuses, in the form of the transport. `graphql` makes a GraphQL error of an exception, and takes its
 * `extensions` over: Apollo's driver then sets the code itself, over HTTP, and the others do not.
 */
export function refusal(context: ExecutionContext): Error {
  const exception = new UnauthorizedException();
  const isResolver = context.getType<string>() === 'graphql';
  return isResolver ? Object.assign(exception, { extensions: { code: 'UNAUTHENTICATED' } }) : exception;
}
