import type { ExecutionContext } from '@nestjs/common';

import { HANDLE_CONNECTION, type NewConnection } from './connection-hook.js';

/** The members of a context, as they are called. */
type Members = Readonly<Record<keyof ExecutionContext, (index: number) => unknown>>;

const nothing = (): undefined => undefined;

/** The context of a new connection. It is that of a message: the client, and in the place of its data the request, if Nest has it. */
export function connectionContext({ gateway, args }: NewConnection): ExecutionContext {
  const members: Members = {
    getType: () => 'ws',
    getClass: () => gateway.constructor,
    getHandler: () => (gateway as Partial<Record<typeof HANDLE_CONNECTION, unknown>>)[HANDLE_CONNECTION],
    getArgs: () => args,
    getArgByIndex: (index) => args[index],
    switchToWs: () => ({ getClient: () => args[0], getData: () => args[1], getPattern: () => HANDLE_CONNECTION }),
    switchToHttp: () => ({ getRequest: nothing, getResponse: nothing, getNext: nothing }),
    switchToRpc: () => ({ getData: nothing, getContext: nothing }),
  };
  return members as unknown as ExecutionContext;
}
