import type { SessionStoreError } from '../../session.errors.js';
import { storeError, type BackEnd } from '../back-end.js';

/** Redis, as the errors of its store name it. */
export const REDIS: BackEnd = {
  name: 'Redis',
  check: 'the server is up, reachable from here and not out of memory, and that its address and password are right',
  isRefusal: isReply,
  redact: hideCommand,
};

const NOT_CONNECTED: BackEnd = {
  ...REDIS,
  check: 'the application has called `client.connect().catch(() => {})`, and closes the client last',
};

/** The errors with which node-redis rejects a command that it has not written to a connection. */
const NEVER_SENT = ['ClientClosedError', 'ClientOfflineError', 'AbortError', 'TimeoutError'];

/** Whether Redis itself answered with this error. The drivers give errors of their own other names. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ReplyError' || classesOf(error).includes('ErrorReply'));
}

/** Whether node-redis rejected a command that it had not written to a connection. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && NEVER_SENT.includes(error.constructor.name);
}

/** The error for a client of node-redis that is not connected. Until then it refuses commands, or fails on them. */
export function notConnected(): SessionStoreError {
  return storeError(NOT_CONNECTED, 'cannot be asked, as the given client of node-redis is not open');
}

/** The names of its class and of those that it extends: node-redis sets no other names. */
function classesOf(error: Error): string[] {
  const names: string[] = [];
  for (let type: unknown = error.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    names.push(type.name);
  }
  return names;
}

/** What Redis says of a command that it does not have, such as one that was renamed, before it quotes its arguments. */
const QUOTED_ARGUMENTS = /,? with args beginning with:[^]*/;

/**
 * Leaves only the command's name on an error of ioredis, which hangs the whole command on it, key and record included. The error of a
 * cluster has such an error in `lastNodeError`. Removes too what Redis quotes of a command that it does
 * not have.
 */
export function hideCommand(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  const { command, lastNodeError } = error as { command?: { name?: unknown }; lastNodeError?: unknown };
  if (command) Reflect.set(error, 'command', { name: command.name });
  if (error instanceof Error) hideArguments(error);
  hideCommand(lastNodeError);
}

/** Whether a replica refused a write. Redis 6 quotes that error in an error of the script. */
export function isReplicasRefusal(error: Error): boolean {
  return /^(?:ERR .*-)?READONLY /.test(error.message);
}

function hideArguments(error: Error): void {
  if (!QUOTED_ARGUMENTS.test(error.message)) return;
  const { message, stack } = error;
  error.message = message.replace(QUOTED_ARGUMENTS, '');
  if (stack !== undefined) error.stack = stack.replace(message, error.message);
}
