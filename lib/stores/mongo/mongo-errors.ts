/** What of a driver's error says what is wrong. All else of it may hold keys and records. */
const TELLING = ['name', 'message', 'stack', 'code', 'codeName', 'cause', 'reason', 'errorLabelSet'];

/** The server's error code for a value that a unique index has already. */
const DUPLICATE_KEY = 11_000;

/**
 * Codes with which a server stops a command that it may have carried out, as MaxTimeMSExpired and InterruptedDueToReplStateChange, or is
 * not the primary, and with which a mongos gives up a shard: https://www.mongodb.com/docs/manual/reference/error-codes/
 */
const INTERRUPTIONS: ReadonlySet<unknown> = new Set([
  6, 7, 50, 64, 89, 91, 100, 189, 202, 262, 9001, 10_107, 11_600, 11_601, 11_602, 13_435, 13_436,
]);

/** Labels of errors after which the driver sends a command again, or which say nothing of the command itself. */
const UNCERTAIN_LABELS = ['RetryableWriteError', 'HandshakeError'];

/** The part of the driver's errors that tells what they mean. */
interface MongoFailure extends Error {
  readonly code?: unknown;
  readonly codeName?: unknown;
  readonly keyPattern?: unknown;
  hasErrorLabel?(label: string): boolean;
}

/**
 * Whether the server itself answered with this error, and has changed nothing. An error of the write concern is none: the write was
 * carried out, and a failover may yet undo it.
 */
export function isServerRefusal(error: unknown): boolean {
  if (!isFailure(error) || error.name !== 'MongoServerError' || typeof error.code !== 'number') return false;
  return !INTERRUPTIONS.has(error.code) && !UNCERTAIN_LABELS.some((label) => error.hasErrorLabel?.(label) === true);
}

/** Whether the server refused to insert a document because one with that `_id` exists. */
export function isTaken(error: unknown): boolean {
  if (!isFailure(error) || error.code !== DUPLICATE_KEY) return false;
  const { keyPattern = { _id: 1 } } = error;
  return Object.hasOwn(Object(keyPattern) as object, '_id');
}

/**
 * Leaves of an error of the driver what says what is wrong. The server quotes documents and whole commands, in the message too: "not
 * authorized to execute command { … }".
 */
export function hideRecords(error: unknown): void {
  if (!isFailure(error)) return;
  for (const property of Object.getOwnPropertyNames(error)) {
    if (!TELLING.includes(property)) Reflect.deleteProperty(error, property);
  }
  const quoted = error.message.search(/[{"']/);
  // The driver's own messages quote no command.
  if (quoted >= 0 && error.code !== undefined) hideText(error, error.message.slice(quoted));
  hideRecords(error.cause);
}

/** Removes a text from the message of an error, and from its stack, which begins with the message. */
export function hideText(error: unknown, text: string): void {
  if (!(error instanceof Error)) return;
  const { message, stack = '' } = error;
  for (const [property, value] of Object.entries({ message, stack })) {
    Object.defineProperty(error, property, { value: value.replaceAll(text, '…'), configurable: true, writable: true });
  }
}

function isFailure(error: unknown): error is MongoFailure {
  return error instanceof Error;
}
