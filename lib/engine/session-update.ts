import { AsyncLocalStorage } from 'node:async_hooks';

import { refuseReservedName } from '../session/live-session.js';
import type { RecordNames } from '../session/record-names.js';
import { fillData, layKeysOver, type Data } from '../session/session-keys.js';
import type { SessionData } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A read-modify-write. It changes the data in place and returns the result of `update`. */
export type UpdateFunction<R> = (data: SessionData) => R | Promise<R>;

/** What one run of an update's function made. */
export interface UpdateRun<R> {
  readonly draft: SessionData;
  readonly result: R;
}

/** What an update's function works on. */
export interface UpdateBase {
  /** The data of the record. */
  readonly data: Data;
  /** The unsaved changes of the request, by key. A key of `changed` without a value here was deleted. */
  readonly changes: Data;
  readonly changed: Iterable<string>;
  readonly recordNames: RecordNames;
}

/** One run of an update's function, as the code that it calls sees it. */
interface UpdateScope {
  readonly session: object;
  readonly outer: UpdateScope | undefined;
  isRunning: boolean;
}

const scopes = new AsyncLocalStorage<UpdateScope>();

/**
 * Runs the function of an update on a draft of the data.
 * @param session the session whose methods the function must not call.
 * @throws {TypeError} when the function has set a reserved name.
 */
export async function runUpdate<R>(session: object, fn: UpdateFunction<R>, base: UpdateBase): Promise<UpdateRun<R>> {
  const draft: SessionData = {};
  fillData(draft, base.data);
  layKeysOver(draft, base.changes, base.changed);
  const scope = { session, outer: scopes.getStore(), isRunning: true };
  try {
    const result = await scopes.run(scope, () => fn(draft));
    for (const key of Object.keys(draft)) refuseReservedName(key, base.recordNames);
    return { draft, result };
  } finally {
    scope.isRunning = false;
  }
}

/** Whether the running code was called from the function of an update of this session. */
export function isInsideUpdate(session: object): boolean {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.isRunning && scope.session === session) return true;
  }
  return false;
}

/** The error for a session method called inside the function of an update: each would wait for the other. */
export function calledInsideUpdate(method: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `session.${method}() was called in the function of session.update(), so that each would wait for the other: change the data that the function is given, and call ${method}() after the update.`,
  );
}
