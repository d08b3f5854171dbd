import { SessionStoreError } from '../../session.errors.js';
import type { PostgresParameter } from './postgres-client.js';

/** Under which names the errors of ORMs keep the error of the driver. */
const INNER = ['cause', 'driverError', 'meta', 'driverAdapterError', 'previous', 'original', 'parent'] as const;
/** What errors of drivers and ORMs carry of a statement and of the rows that it met. */
const TELLING = ['detail', 'where', 'internalQuery', 'query', 'sql', 'parameters', 'params', 'bindings'] as const;
/** How deep errors are within errors. */
const DEPTH = 6;

// At least one digit: EPIPE is an error of the socket. Codes of Prisma look alike, such as P2010.
const SQLSTATE = /^(?!P[1-9])(?=.*\d)[0-9A-Z]{5}$/;

/**
 * States that do not tell that nothing was changed: the connection or the server has a problem (08, 57P, 58, XX), or the server itself
 * does not know (40003). A server that is shut down (57P01) may have committed before. See
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNCERTAIN = /^(?:08|57P|58|XX|40003)/;

/** The error's SQLSTATE, if PostgreSQL itself answered with it, through whatever driver or ORM. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const each of within(error)) {
    const { code, originalCode } = each as { code?: unknown; originalCode?: unknown };
    const state = [originalCode, code].find((one) => typeof one === 'string' && SQLSTATE.test(one));
    if (state !== undefined) return state as string;
  }
  return undefined;
}

/** Whether the server refused a statement, and has changed nothing. */
export function isRefused(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && !UNCERTAIN.test(state);
}

/**
 * Whether the server gave up the statement in favour of another one, and has changed nothing: under `SERIALIZABLE` or
 * `REPEATABLE READ` as the default of the database, or in a deadlock. It asks for the statement to be sent again.
 */
export function isToRepeat(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/** Whether a statement got no answer in time, or was cancelled. */
export function isTooSlow(error: unknown): boolean {
  return (
    sqlStateOf(error) === '57014' ||
    (error instanceof SessionStoreError && error.isTimeout && error.cause === undefined)
  );
}

/** Whether something of that name is there by now: another process has made it at the same time. */
export function isDuplicate(error: unknown): boolean {
  return ['42P07', '42710', '23505'].includes(sqlStateOf(error) ?? '');
}

/** Whether the server takes no writes: a standby, which the primary behind the address has become. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === '25006';
}

/** Whether the table, or its schema, is missing. */
export function isMissingTable(error: unknown): boolean {
  return ['42P01', '3F000'].includes(sqlStateOf(error) ?? '');
}

/** Whether the role may not make the table, or its schema is missing. */
export function mayNotCreate(error: unknown): boolean {
  return ['42501', '3F000'].includes(sqlStateOf(error) ?? '');
}

/** Removes what an error tells of rows and parameters, and the parameters in its texts. */
export function hideParameters(error: unknown, parameters: readonly PostgresParameter[] = []): void {
  const secrets = parameters.map((parameter) => parameter?.toString() ?? '').filter((text) => text.length >= 8);
  for (const each of within(error)) {
    for (const name of TELLING) Reflect.deleteProperty(each, name);
    for (const name of ['message', 'stack', 'originalMessage']) hideTexts(each, name, secrets);
  }
}

function hideTexts(holder: object, name: string, secrets: readonly string[]): void {
  const text: unknown = Reflect.get(holder, name);
  if (typeof text !== 'string' || !secrets.some((secret) => text.includes(secret))) return;
  Reflect.set(
    holder,
    name,
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text),
  );
}

/** The error and the errors within it. */
function within(error: unknown, depth = DEPTH): object[] {
  if (typeof error !== 'object' || error === null || depth === 0) return [];
  const inner = INNER.flatMap((name) => within(Reflect.get(error, name), depth - 1));
  return [error, ...inner];
}
