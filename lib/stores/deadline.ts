import { SessionError, SessionStoreError } from '../session.errors.js';

/** Milliseconds a store waits for one answer of its back-end. Without it a hung server holds requests for minutes, or for good. */
export const DEADLINE_MS = 1000;

/** A back-end as the messages of its errors speak of it. */
export interface BackEnd {
  /** Its name, such as `Redis`. */
  readonly name: string;
  /** What its operator should look at when it fails, as the rest of a sentence that begins with "check that". */
  readonly check: string;
}

/**
 * The answer of a back-end to one command, or a {@link SessionStoreError}: with the driver's error as `cause` when the driver
 * gave up, without one when nothing had come back after {@link DEADLINE_MS}. A command that is late may still be carried out.
 * @param onLate called when the deadline has passed, before the promise rejects.
 */
export async function answerInTime<T>(backEnd: BackEnd, command: () => Promise<T>, onLate?: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const expire = (): void => {
      onLate?.();
      reject(storeError(backEnd, `did not answer within ${DEADLINE_MS} ms`));
    };
    // Timers run before sockets are read: after a busy second the answer may lie there unread, so look once more.
    timer = setTimeout(() => setImmediate(() => timer && expire()), DEADLINE_MS);
  });
  try {
    return await Promise.race([command(), late]);
  } catch (error) {
    if (error instanceof SessionError) throw error;
    throw isReply(error)
      ? refusal(backEnd, 'refused a command', error)
      : storeError(backEnd, 'refused or lost a command', error);
  } finally {
    clearTimeout(timer);
    timer = undefined;
  }
}

/** The error for a back-end that failed. Its message never quotes the driver, whose own words may hold a key or a record. */
export function storeError(backEnd: BackEnd, failure: string, cause?: unknown): SessionStoreError {
  hideCommand(cause);
  return new SessionStoreError(messageOf(backEnd, failure), { cause });
}

/** The same for a back-end that answered, and said no. */
export function refusal(backEnd: BackEnd, failure: string, cause?: unknown): SessionStoreError {
  hideCommand(cause);
  return new SessionStoreError(messageOf(backEnd, failure), { cause, isRefusal: true });
}

function messageOf(backEnd: BackEnd, failure: string): string {
  return `${backEnd.name} ${failure}: check that ${backEnd.check}.`;
}

// What Redis itself answered with. ioredis gives errors of its own other names.
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

// ioredis hangs the whole command, key and record included, on its errors, and a cluster such an error on another one. Whatever
// prints an error with all its properties would print them, so that only the command's name stays.
function hideCommand(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  const { command, lastNodeError } = error as { command?: { name?: unknown }; lastNodeError?: unknown };
  if (command) Reflect.set(error, 'command', { name: command.name });
  hideCommand(lastNodeError);
}
