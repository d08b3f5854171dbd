/** Whether Redis itself answered with this error. ioredis gives errors of its own other names. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Leaves only the command's name on an error of ioredis, which hangs the whole command on it, key and record included. The error of a
 * cluster has such an error in `lastNodeError`.
 */
export function hideCommand(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  const { command, lastNodeError } = error as { command?: { name?: unknown }; lastNodeError?: unknown };
  if (command) Reflect.set(error, 'command', { name: command.name });
  hideCommand(lastNodeError);
}

/** Whether a replica refused a write. Redis 6 quotes that error in an error of the script. */
export function isReplicasRefusal(error: Error): boolean {
  return /^(?:ERR .*-)?READONLY /.test(error.message);
}
