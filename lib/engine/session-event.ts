/** What every event says. It never holds a session id, a cookie, a secret, data of the session, a key of the store or a path. */
interface AnyEvent {
  /** The `name` of the SessionModule. */
  readonly sessions: string;
  /** When it happened, by the clock of this process. */
  readonly at: Date;
}

/** An event of one session. */
interface EventOfSession extends AnyEvent {
  /** The handle of the session, as `UserSessions.list` gives it. It opens nothing. */
  readonly handle: string;
  /** The id of the user, if the option `user` finds one in the session. */
  readonly user: string | undefined;
  /** Method and route pattern of the request, such as `'POST /login'`; `undefined` where there is none. */
  readonly route: string | undefined;
}

/** A session was stored for the first time. */
interface SessionCreated extends EventOfSession {
  readonly type: 'created';
  /** The handle of the session that `regenerate()` continues under this one; `undefined` for a session that is new. */
  readonly former: string | undefined;
}

/** A session became a user's, or `session.signedIn()` has noted that the user proved again who they are. */
interface SessionSignedIn extends EventOfSession {
  readonly type: 'signed-in';
  readonly user: string;
  /**
   * Whether the session was this user's already, and they proved again who they are. `false`: a sign-in begins. It ends with one
   * `signed-out`, or with the `ended` of its session.
   */
  readonly isConfirmation: boolean;
  /** The methods that `session.signedIn({ amr })` was told, such as `['pwd', 'otp']` (RFC 8176); `undefined` where it was told none. */
  readonly amr: readonly string[] | undefined;
}

/**
 * A user's sign-in is over, and no `ended` tells of it, as the session goes on: its data say another user, or none, or `regenerate()`
 * has not kept the user. Then it follows the `regenerated`, and has the handle of the session that was retired.
 */
interface SessionSignedOut extends EventOfSession {
  readonly type: 'signed-out';
  /** The id of the user whose session it was. */
  readonly user: string;
}

/** `regenerate()` has retired the session of this handle. A `created` with it as `former` follows, once there is something to store. */
interface SessionRegenerated extends EventOfSession {
  readonly type: 'regenerated';
}

/**
 * Why a session was ended:
 *
 * - `'logout'`: `session.destroy()` was called.
 * - `'another-session'`: `UserSessions` ended it on behalf of another session of the user, `current` or `except`.
 * - `'administrator'`: `UserSessions` ended it on behalf of no session. Who did it and where, the application has to note itself.
 * - `'limit'`: the user signed in once more than `sessionsPerUser` allows.
 * - `'pin'`: it was used from an address that its pin does not match, and `onMismatch` is `'destroy'`.
 * - `'emptied'`: a request removed all its data.
 * - `'replaced'`: the same browser had it in a further cookie when it signed in.
 * - `'unlisted'`: a request met a session that is not in the list of its user any more (`verify: 'read'`): `endEverybody()` has ended it,
 *   or the back-end has lost the list.
 * - `'expired'`: a request met its record after its timeout. A record that the store has removed by itself is none that a request can
 *   meet: then the event is `refused`, with `'unknown'`.
 */
export type EndedBecause =
  'logout' | 'another-session' | 'administrator' | 'limit' | 'pin' | 'emptied' | 'replaced' | 'unlisted' | 'expired';

/** A session is over. */
interface SessionEnded extends EventOfSession {
  readonly type: 'ended';
  readonly reason: EndedBecause;
  /**
   * The handle of the session that has asked for it, `current` or `except`, where the reason is `'another-session'`. A session that ends
   * itself in this way is its own. `route` is then that of its request.
   */
  readonly by: string | undefined;
}

/**
 * Why a cookie opens no session:
 *
 * - `'malformed'`: it holds nothing that can be an id.
 * - `'signature'`: its signature does not hold.
 * - `'unknown'`: the store has no record of this id. With a signed cookie, the session has expired, ended some time ago, or was removed
 *   in the back-end.
 * - `'ended'`: a tombstone stands over the id: the session was ended or regenerated within the last half minute. Requests that were
 *   under way meanwhile have this too.
 * - `'unreadable'`: the record cannot be decoded, or is too large.
 * - `'pin'`: the client's address does not match the pin, and the session goes on.
 */
export type RefusedBecause = 'malformed' | 'signature' | 'unknown' | 'ended' | 'unreadable' | 'pin';

/** A cookie opens no session. */
interface CookieRefused extends AnyEvent {
  readonly type: 'refused';
  readonly reason: RefusedBecause;
  /** The handle that a session of this id has, or had; `undefined` where the cookie tells no id. */
  readonly handle: string | undefined;
  /** The id of the user, where the reason is `'pin'`. */
  readonly user: string | undefined;
  readonly route: string | undefined;
}

/** A save gave up, because others wrote to the session all the time: the response is 409. */
interface SaveConflicted extends EventOfSession {
  readonly type: 'conflict';
}

/** The store has failed or was silent. */
interface StoreOutage extends AnyEvent {
  readonly type: 'outage';
  /**
   * The code of the reason, such as `'ECONNREFUSED'`, or the class of the driver's error; `'timeout'` where there was no answer in time;
   * `undefined` where the store tells none.
   */
  readonly reason: string | undefined;
}

/** The store serves again: a command has succeeded, and none has failed for a second. */
interface StoreRecovered extends AnyEvent {
  readonly type: 'recovered';
  /** The `at` of the `outage`. */
  readonly since: Date;
  /** How many commands of the store have failed meanwhile. */
  readonly failures: number;
}

/** What happens to the sessions of an application, told apart by `type`. The object is frozen, and JSON can hold it. */
export type SessionEvent =
  | SessionCreated
  | SessionSignedIn
  | SessionSignedOut
  | SessionRegenerated
  | SessionEnded
  | CookieRefused
  | SaveConflicted
  | StoreOutage
  | StoreRecovered;
