import { SessionStoreError } from '../session.errors.js';

/** How deep a reason may lie. The error of a cluster has that of a node, which has that of a connection. */
const DEPTH = 6;

/**
 * The codes of Node, of its `net`, `tls` and `dns` and of undici, such as `ECONNREFUSED` and `ERR_SOCKET_CLOSED`, and those of drivers of
 * SQL that are named alike, https://nodejs.org/api/errors.html.
 */
const NODE_CODE = /^(?:E[A-Z0-9]{2,20}|(?:ERR|EAI|UND_ERR|ER|CR|SQLITE|PROTOCOL)_[A-Z0-9_]{2,50})$/;

/** Why OpenSSL refuses a certificate, https://nodejs.org/api/tls.html#x509-certificate-error-codes. */
const TLS_CODE =
  /^(?:(?:CERT|CRL|UNABLE_TO|ERROR_IN|DEPTH_ZERO|SELF_SIGNED)_[A-Z0-9_]{2,50}|PATH_LENGTH_EXCEEDED|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|OUT_OF_MEM)$/;

/** An SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html, and a code of Prisma. */
const SQL_CODE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** A name that MongoDB gives to a code, and the class of an error. */
const NAME = /^[A-Za-z]\w{2,63}$/;

/** The first words of the error replies of Redis and Valkey: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const REPLIES: readonly string[] = [
  'ERR',
  'ASK',
  'ASKING',
  'BUSY',
  'BUSYGROUP',
  'BUSYKEY',
  'CLUSTERDOWN',
  'CROSSSLOT',
  'DENIED',
  'EXECABORT',
  'FAILOVER',
  'INPROG',
  'IOERR',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'MOVED',
  'NOADDR',
  'NOAUTH',
  'NOGOODSLAVE',
  'NOMASTERLINK',
  'NOPERM',
  'NOPROTO',
  'NOREPLICAS',
  'NOSCRIPT',
  'NOTBUSY',
  'NOTREADY',
  'OOM',
  'READONLY',
  'REDIRECT',
  'TRYAGAIN',
  'UNBLOCKED',
  'UNKILLABLE',
  'WRONGPASS',
  'WRONGTYPE',
];

/** The first word of a reply. */
const REPLY = /^([A-Z]+)(?: |$)/;

/** That of the reply which a script got, in the reply of a Redis before 7. What quotes may stand in follows it. */
const REPLY_OF_SCRIPT = /^ERR [^'"{]*?: -([A-Z]+)(?: |$)/;

const REPLY_CLASSES: readonly unknown[] = ['ReplyError', 'SimpleError', 'ErrorReply', 'BlobError'];

/** The first words of Memcached's error lines, in https://github.com/memcached/memcached/blob/master/doc/protocol.txt. */
const MEMCACHED_LINE = /^(?:SERVER_ERROR|CLIENT_ERROR)(?= |$)/;

/** https://grpc.io/docs/guides/status-codes/ */
const GRPC_STATUS: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** The example of https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
const TIMEOUT = 'timeout';

/** Classes that say only that something was an error. */
const VAGUE: readonly unknown[] = ['Error', 'AggregateError', 'SessionError', 'SessionStoreError'];

interface AnyError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly codeName?: unknown;
  readonly details?: unknown;
  readonly metadata?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly lastNodeError?: unknown;
}

/**
 * Why a store failed, in one word that is safe to log: the code that the driver gives, such as `ECONNREFUSED`, or else the class of its
 * error, or else `timeout` where the store did not wait any longer. Never a part of a message, which may hold a key, apart from the words
 * that are known of Redis and Memcached.
 * @returns `undefined` when the error says nothing.
 */
export function failureReason(error: unknown): string | undefined {
  return codeOf(error, DEPTH) ?? classOf(error, DEPTH) ?? timeoutOf(error, DEPTH);
}

/** Why a store failed, as a health check tells it. */
export function shownReason(error: unknown): string {
  return failureReason(error) ?? 'unknown';
}

/** The code in an error, or in those that led to it. */
export function codeOf(error: unknown, depth = DEPTH): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  return ownCode(error) ?? firstOf(error, (each) => codeOf(each, depth - 1), depth);
}

function ownCode(error: AnyError): string | undefined {
  const { code, codeName } = error;
  if (typeof codeName === 'string' && NAME.test(codeName)) return codeName;
  if (typeof code === 'string' && isCode(code)) return code;
  // The error of a gRPC call has its status' number, and says more in these two.
  if (typeof code === 'number' && ('details' in error || 'metadata' in error)) return GRPC_STATUS[code];
  return wordOf(error);
}

function isCode(code: string): boolean {
  const isShaped = [NODE_CODE, TLS_CODE, SQL_CODE].some((shape) => shape.test(code));
  return isShaped || REPLIES.includes(code) || GRPC_STATUS.includes(code);
}

function wordOf({ name, message, constructor }: AnyError & object): string | undefined {
  if (typeof message !== 'string') return undefined;
  const isReply = REPLY_CLASSES.includes(name) || REPLY_CLASSES.includes(constructor?.name);
  if (!isReply) return MEMCACHED_LINE.exec(message)?.[0];
  const words = [REPLY_OF_SCRIPT, REPLY].map((shape) => shape.exec(message)?.[1]);
  return words.find((word) => word !== undefined && REPLIES.includes(word));
}

function classOf(error: unknown, depth: number): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Some drivers do not set `name`.
  const names = [error.name, error.constructor.name].filter((name) => NAME.test(name) && !VAGUE.includes(name));
  return names[0] ?? firstOf(error, (each) => classOf(each, depth - 1), depth);
}

function timeoutOf(error: unknown, depth: number): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (error instanceof SessionStoreError && error.isTimeout) return TIMEOUT;
  return firstOf(error, (each) => timeoutOf(each, depth - 1), depth);
}

function firstOf<T>(error: AnyError, look: (led: unknown) => T | undefined, depth: number): T | undefined {
  if (depth === 0) return undefined;
  const { cause, errors, lastNodeError } = error;
  for (const led of [cause, lastNodeError, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]) {
    const found = look(led);
    if (found !== undefined) return found;
  }
  return undefined;
}
