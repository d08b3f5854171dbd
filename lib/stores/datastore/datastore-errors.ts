/** Codes of gRPC: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const CANCELLED = 1;
const UNKNOWN = 2;
export const INVALID_ARGUMENT = 3;
export const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
export const FAILED_PRECONDITION = 9;
export const ABORTED = 10;
const OUT_OF_RANGE = 11;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/**
 * With these Datastore says that it has changed nothing. The others may come from a connection that broke, or from a server that
 * failed half-way: https://cloud.google.com/datastore/docs/concepts/errors
 */
const REFUSALS: readonly unknown[] = [
  INVALID_ARGUMENT,
  NOT_FOUND,
  ALREADY_EXISTS,
  PERMISSION_DENIED,
  RESOURCE_EXHAUSTED,
  FAILED_PRECONDITION,
  ABORTED,
  OUT_OF_RANGE,
  UNIMPLEMENTED,
  UNAUTHENTICATED,
];

/** A connection that broke has one of these. */
const BREAKS: readonly unknown[] = [CANCELLED, UNKNOWN, INTERNAL, UNAVAILABLE];

/** Written by the client itself, about an answer that it did receive. */
const OVERSIZED_ANSWER = /received message larger than max/i;

/** Letters that no error quotes in another form. */
const PLAIN = /^[\w:./=~-]+$/;

/** The code of gRPC, or `undefined` for an error of the client, such as one about credentials. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Whether Datastore itself answered with this error and has changed nothing. */
export function isDatastoreRefusal(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return REFUSALS.includes(codeOf(error)) && !OVERSIZED_ANSWER.test(text);
}

/** Whether the connection may have broken, so that another attempt may succeed. */
export function isBreak(error: unknown): boolean {
  return BREAKS.includes(codeOf(error));
}

/** Removes what the server adds to an error besides its text, in which it may quote a key or a property. */
export function dropDetails(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  for (const name of ['metadata', 'statusDetails', 'errorInfoMetadata']) {
    if (name in error) Reflect.deleteProperty(error, name);
  }
}

/** Removes the name of the key from the texts of an error: the server names the entity that it is about. */
export function hideKey(error: unknown, key: string): void {
  if (!(error instanceof Error)) return;
  for (const name of ['message', 'details', 'stack', 'note']) {
    const text: unknown = Reflect.get(error, name);
    if (typeof text === 'string') Reflect.set(error, name, hidden(text, key, codeOf(error)));
  }
}

function hidden(text: string, key: string, code: unknown): string {
  if (PLAIN.test(key)) return text.replaceAll(key, '[key]');
  // The server may have put other signs in the place of some.
  return typeof code === 'number' ? `${code}: [hidden, because it may quote the key]` : text;
}
