import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionOwner } from '../session/live-session.js';
import type { Data } from '../session/session-data.js';
import type { SessionMeta } from '../session/session-record.js';

/** Whose session it is, as far as its data and its record tell. */
export function ownerOf({ users }: Pick<ResolvedOptions, 'users'>, data: Data, { signIn }: SessionMeta): SessionOwner {
  // A copy, as of a record: the function sees no members, and what it reads is not taken for a change of the application's.
  return { isUser: users === undefined ? undefined : users.of({ ...data }) !== undefined, signIn };
}
