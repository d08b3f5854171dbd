import { AsyncLocalStorage } from 'node:async_hooks';

import type { ArgumentsHost } from '@nestjs/common';

const scope = new AsyncLocalStorage<readonly unknown[]>();

/**
 * Runs a handler of a gateway in the scope of its message. Nest gives the guards and the interceptors of a message one array of
 * arguments and its parameters another one, and nothing else tells that both stand for one message.
 */
export function inMessageScope<R>(host: ArgumentsHost, run: () => R): R {
  return scope.run(host.getArgs(), run);
}

/** The object that stands for the message of this context of a gateway. */
export function messageOf(host: ArgumentsHost): object {
  const args: readonly unknown[] = host.getArgs();
  const inScope = scope.getStore();
  // The code of one message may look at another connection's context.
  return inScope !== undefined && inScope[0] === args[0] ? inScope : args;
}
