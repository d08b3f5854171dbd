import { AsyncLocalStorage } from 'node:async_hooks';

import { refuseReservedName, type SessionTerms } from '../session/live-session.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A read-modify-write. It changes the data in place and returns the result of `update`. */
export type UpdateFunction<R> = (data: Record<string, unknown>) => R | Promise<R>;

/** The function of an update, and what it works for. */
export interface UpdateTask<R> {
  readonly fn: UpdateFunction<R>;
  /** The session whose methods the function must not call. */
  readonly session: { readonly terms: Pick<SessionTerms, 'recordNames'> };
  readonly warn: (message: string) => void;
}

/** After this time, in milliseconds, a function that still runs is reported: calls on the session wait for it. */
const SLOW_MS = 10_000;
const SLOW_WARNING = `The function of session.update() runs for more than ${SLOW_MS / 1000} seconds, and the other calls on the session wait for it. If it waits for one of them, neither ever ends: call that one before or after the update`;

/**
 * Runs the function of an update on a draft of the data, which it changes.
 * @returns what the function returned.
 * @throws {TypeError} when the function has set a reserved name.
 */
export async function runUpdate<R>({ fn, session, warn }: UpdateTask<R>, draft: Record<string, unknown>): Promise<R> {
  const scope = enterScope(session);
  const slow = setTimeout(() => warn(SLOW_WARNING), SLOW_MS);
  slow.unref();
  try {
    const result = await scopes.run(scope, () => fn(draft));
    for (const key of Object.keys(draft)) refuseReservedName(key, session.terms.recordNames);
    return result;
  } finally {
    clearTimeout(slow);
    leaveScope(scope);
  }
}

/** Whether the running code was called from the function of an update of this session. */
export function isInsideUpdate(session: object): boolean {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.session === session) return true;
  }
  return false;
}

/** The error for a session method called inside the function of an update: each would wait for the other. */
export function calledInsideUpdate(method: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `session.${method}() was called in the function of session.update(), so that each would wait for the other: change the data that the function is given, and call ${method}() after the update.`,
  );
}

/** One run of an update's function, as the code that it calls sees it. Emptied when the function is done, as that code may go on. */
interface UpdateScope {
  session: object | undefined;
  readonly outer: UpdateScope | undefined;
}

const scopes = new AsyncLocalStorage<UpdateScope>();
let running = 0;

function enterScope(session: object): UpdateScope {
  running++;
  let outer = scopes.getStore();
  while (outer !== undefined && outer.session === undefined) outer = outer.outer;
  return { session, outer };
}

function leaveScope(scope: UpdateScope): void {
  scope.session = undefined;
  // On Node 20 and 22 each `await` of the process costs more while a storage is enabled.
  if (--running === 0) scopes.disable();
}
