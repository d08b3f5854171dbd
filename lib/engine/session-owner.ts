import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Data } from '../session/session-data.js';

/** Whether the data are those of a user; `undefined` without the option `user`, which tells it. */
export function isOfUser({ users }: Pick<ResolvedOptions, 'users'>, data: Data): boolean | undefined {
  // A copy, as of a record: the function sees no members, and what it reads is not taken for a change of the application's.
  return users === undefined ? undefined : users.of({ ...data }) !== undefined;
}
