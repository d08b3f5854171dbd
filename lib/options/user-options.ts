import type { IncomingMessage } from 'node:http';

import type { DefaultData } from '../session/session-members.js';

/** What identifies a user. `undefined` or `null`: the session is nobody's. */
export type UserId = string | number | bigint | null | undefined;

/**
 * Whose session it is, told from its data. Of the same data it always has to return the same, and must not change them.
 * @param data the data of the session, of which any key may be missing.
 */
export type UserOf = (data: Partial<DefaultData>) => UserId;

/** The long form of the option `user`. */
export interface UserOptions {
  /** Whose session it is, told from its data. */
  readonly of: UserOf;
  /**
   * `'read'`: each time that a session of a user is opened, the user's list is read too, and a session that does not stand in it is
   * over. One more command of the store, for a back-end that may lose the list: Memcached under memory pressure, Redis with an
   * eviction policy or after a failover.
   * @default undefined: the list is read only where it is changed or asked for
   */
  readonly verify?: 'read' | undefined;
  /**
   * Whether `UserSessions.endEverybody()` works. Needs `verify: 'read'`, and one more command of the store beside it.
   * @default false
   */
  readonly generation?: boolean | undefined;
}

/** What is known of the client of a request, for the option `device`. */
export interface DeviceClient {
  /** The client's IP address in canonical form, as `trustProxy` or the adapter tells it; `undefined` if it is none. */
  readonly address: string | undefined;
}

/**
 * What a list of sessions shows of the device that signed in: a small value that JSON can hold. Texts longer than 256 characters are
 * cut; more than 1,024 bytes in all, or 10 levels of objects, are not kept, and a warning says so. If it throws, the list shows
 * nothing, and a warning says why.
 * @param request Node's own request.
 * @param client what is known of its client.
 */
export type DeviceOf = (request: IncomingMessage, client: DeviceClient) => unknown;

/** How many sessions one user may have. */
export interface SessionsPerUser {
  /** A whole number, at least 1 and at most 1,000. */
  readonly max: number;
  /**
   * What a sign-in beyond `max` does: `'end-oldest'` ends the session that has been signed in the longest; `'refuse'` fails with a
   * {@link SessionLimitError}, before anything is stored.
   * @default 'end-oldest'
   */
  readonly beyond?: 'end-oldest' | 'refuse' | undefined;
}
