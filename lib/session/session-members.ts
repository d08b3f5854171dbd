import type { Duration } from '../duration.js';

/**
 * What this application keeps in its sessions, declared once, in a module of yours:
 *
 * ```ts
 * declare module 'nest-session' {
 *   interface SessionData {
 *     user: User;
 *   }
 * }
 * ```
 *
 * `Session`, `SessionService.open()`, `@Session('user')` and the test kit then know these keys and no others. Any of them may be
 * missing in a session. Left empty, every key is allowed, and its value is `unknown`. `Session<Cart>` names other data for one
 * handler.
 */
export interface SessionData {}

/**
 * The data of a session whose type is not named: those of {@link SessionData}, once the application has declared them, and before
 * that any key, with a value to check before use.
 */
export type DefaultData = keyof SessionData extends never ? Record<string, unknown> : SessionData;

/** The keys of {@link DefaultData}: those that the application has declared, or any. */
export type DataKey = Extract<keyof DefaultData, string>;

/** A Node-style callback. Passport 0.6 and later passes one to `regenerate` and `save`. */
export type SessionCallback = (error?: unknown) => void;

/** What survives a {@link SessionMembers.regenerate}. */
export interface RegenerateOptions<T extends object = DefaultData> {
  /**
   * `true` keeps all data, a list keeps these keys, `false` keeps nothing.
   * @default false
   */
  readonly keep?: boolean | readonly (keyof T & string)[];
}

/** What {@link SessionMembers.signedIn} is told of a sign-in. */
export interface SignedInOptions {
  /**
   * The methods by which the user has proved who they are, such as `['pwd', 'otp']`: the claim `amr` of OpenID Connect, with the
   * values of RFC 8176. At most 20 texts of 1 to 64 characters.
   * @default undefined: not told
   */
  readonly amr?: readonly string[] | undefined;
}

/**
 * What a session can do. The members are not enumerable, so that keys, spread and JSON see the data alone.
 *
 * `regenerate`, `destroy`, `update`, `save` and `reload` of one request run in the order in which they were called. If you do not
 * wait for a `regenerate`, `destroy` or `update`, the response waits for it and fails with its error.
 */
export interface SessionMembers<T extends object = DefaultData> {
  /** The session id, which the cookie carries. Never log it: it is all that an attacker needs to take over the session. */
  readonly id: string;
  /** Whether the store has no record of this session, as far as this request knows: the session is not stored yet, or has ended. */
  readonly isNew: boolean;
  /**
   * Aborts once, when the session of this id ends: a request destroys it, empties it or gives it a new id, its timeout passes, or
   * its record is gone. `signal.reason` is a {@link SessionEndedError}, whose `reason` says which. Use it for what outlives the
   * request's first byte, such as an event stream or a socket.
   *
   * - What happens in this process aborts it at once, and so does what happens in another one if the option `bus` is set. Anything
   *   else aborts it within the time of the option `recheck`. While the store fails, nothing aborts.
   * - It watches until the response has closed, or the connection of a message; afterwards it stays as it is. All messages of one
   *   connection get the same signal, as long as they have the same session.
   * - It follows a new session once that is stored. That of a session which another request has ended is aborted already.
   * - After a `regenerate` or `destroy` this object has another signal: that of the new id.
   * - An open stream does not count as use: the signal renews nothing.
   *
   * Reading it costs one more read of the store, and one within each `recheck`. What does not read it pays nothing.
   */
  readonly signal: AbortSignal;
  /**
   * Gives the session a new id, and ends the old one at once.
   * Call it at each login, against session fixation (OWASP ASVS 5.0, 7.2.4).
   *
   * - Drops the data, from this object too. `keep` names what survives, also of what other requests have saved until now.
   * - Data assigned after the call belong to the new session, even while the call still runs.
   * - The library stores the new record when the response starts. The absolute timeout does not start anew. What
   *   {@link SessionMembers.remember} and {@link SessionMembers.signedIn} have set before is kept or dropped as they say.
   * - All other sessions that the request presents end: of several cookies of the name, only the new one opens a session.
   * - For 30 seconds, unless the option `tombstones` is off, a request with the old id gets an empty session. The library does not
   *   store it and sends no cookie, unless that request regenerates, as a login does.
   *
   * With a callback it does what Passport expects: when the callback runs, `request.session` is a new object, and this one stays
   * readable as it was. What you assign to this one then goes to the new session too.
   *
   * If it fails, the library saves nothing that follows as if it had succeeded: until a `regenerate`, `destroy` or `reload`
   * succeeds, `save` and `update` reject with the same error. The response fails with it too, whether or not your code waits for
   * the call. If your code has waited for it, with `await`, `catch` or a callback, there are two exceptions:
   * - A response of your own with a status of 400 or more goes out. It has a cookie only for a session that was saved before.
   * - After a {@link SessionDestroyedError}, as after a second click, any response goes out. What was written to the session is
   *   dropped, and `update` rejects.
   * @param options what survives.
   * @throws {SessionStoreError} when the back-end fails. The session is then as it was, unless only the back-end's reply was lost.
   * @throws {SessionDestroyedError} when another request has ended the session since this one opened it, or it has expired.
   * @throws {SessionConflictError} when other requests won every time.
   * @throws {SessionConfigurationError} when the response cannot carry the new id, as on a path outside the cookie's, or inside the
   * function of an `update`.
   * @throws {TypeError} when `keep` is neither a boolean nor a list.
   */
  regenerate(options?: RegenerateOptions<T>): Promise<void>;
  /** {@link SessionMembers.regenerate} without data that survive, with a callback: `request.session` is then a new object. */
  regenerate(callback: SessionCallback): void;
  /** {@link SessionMembers.regenerate} with a callback: `request.session` is then a new object. */
  regenerate(options: RegenerateOptions<T>, callback: SessionCallback): void;
  /**
   * Ends the session at once, empties this object and expires the cookie. No request that is under way can bring it back. It also
   * succeeds if another request has ended the session already.
   *
   * - Data assigned after the call belong to a new session, under a new id.
   * - All sessions that the request presents end: also those behind further cookies of the name, and a record that this process
   *   cannot read or takes for expired, as another process may still accept it.
   *
   * If it fails, so does the response, by the same rule as for {@link SessionMembers.regenerate}.
   * @throws {SessionStoreError} when the back-end fails. The session is then as it was, unless only the back-end's reply was lost.
   * @throws {SessionConfigurationError} when it is called inside the function of an `update`.
   */
  destroy(): Promise<void>;
  /** {@link SessionMembers.destroy} with a callback. */
  destroy(callback: SessionCallback): void;
  /**
   * Saves now instead of when the response starts; rarely needed, except where there is no response, as in a gateway. It writes
   * nothing if the session has not changed and is not due for renewal. What changes afterwards is saved when the response starts.
   *
   * If another request has ended the session, the library drops the changes and logs a warning, and `save` succeeds. Use `update`
   * if your code must know.
   *
   * It rejects with the error of a failed `regenerate` or `destroy` that keeps the session from being saved. The failure of an `update`
   * that your code has not waited for is reported by the response; where there is none, as in a gateway, wait for the `update`.
   * @throws {SessionStoreError} when the back-end fails.
   * @throws {SessionConflictError} when other requests won every time.
   * @throws {SessionSerializationError} when a value cannot be stored.
   * @throws {SessionTooLargeError} when the record would be larger than `maxRecordBytes`, or than the back-end can hold.
   * @throws {SessionConfigurationError} when it is called inside the function of an `update`.
   */
  save(): Promise<void>;
  /** {@link SessionMembers.save} with a callback. */
  save(callback: SessionCallback): void;
  /**
   * Drops what this request has changed and not saved, and reads the record again. After a `regenerate` or `destroy` that failed,
   * the session can then be saved again.
   * @throws {SessionDestroyedError} when the store has no record: the session is new, has expired or has ended.
   * @throws {SessionStoreError} when the back-end fails.
   * @throws {SessionConfigurationError} when it is called inside the function of an `update`.
   */
  reload(): Promise<void>;
  /** {@link SessionMembers.reload} with a callback. */
  reload(callback: SessionCallback): void;
  /** Renews the lifetime of a stored session at the next save, at the latest when the response starts, even if nothing changed. */
  touch(): void;
  /**
   * Sets how long this one session lives without a request that uses it, in place of the options `idleTimeout` and
   * `cookie.persistent`: what a login does with its field "Remember me".
   *
   * ```ts
   * await session.regenerate();
   * session.user = user;
   * session.remember(form.remember ? '30d' : false);
   * ```
   *
   * - A duration: the session has this idle timeout, and its cookie outlives the browser. A tenth of it is what renews it.
   * - `false`: the cookie ends with the browser. The session keeps the option `idleTimeout`, as not every browser forgets the cookie.
   * - `absoluteTimeout` still ends the session (OWASP ASVS 5.0, 7.3.2).
   *
   * It takes effect at the next save, at the latest when the response starts, also if nothing else has changed; the response sets the
   * cookie anew. A new session without data is not stored for it. Of parallel requests, one that did not call it undoes nothing.
   *
   * `regenerate` keeps it with `keep: true`, and with a list that keeps the user, which the option `user` tells. Otherwise it is
   * dropped, like what was set before the call, so that a user does not get the lifetime that a visitor or another user has chosen:
   * call it after `regenerate`, as above.
   * @param lifetime seconds as a number, or a text such as `'30d'`; at most ten years. Browsers keep no cookie for more than 400 days
   * (RFC 6265bis, section 5.5), unless it is renewed.
   * @throws {TypeError} when it is neither a duration nor `false`.
   * @throws {SessionConfigurationError} when the response cannot carry the cookie of a stored session, as in a message of a gateway,
   * or after the first byte.
   */
  remember(lifetime: Duration | false): void;
  /**
   * Notes that the user has proved right now who they are: at a login, or when they confirm their password before something
   * sensitive (OWASP ASVS 5.0, 7.5.1). With the option `user` the library does so by itself when the session becomes that of a user.
   *
   * - It is saved with the session, at the latest when the response starts. A new session without data is not stored for it.
   * - Nothing else moves this time: no renewal, no `touch` and no `regenerate`.
   * - Of parallel requests, the later sign-in counts.
   * - `regenerate` keeps it as long as the data that it keeps have the same user, which the option `user` tells. Without that option,
   *   every `keep` but `false` keeps it. Otherwise it is dropped: call it after `regenerate`.
   * @param options see {@link SignedInOptions}.
   * @throws {TypeError} when `amr` is not a list of short texts.
   */
  signedIn(options?: SignedInOptions): void;
  /**
   * Reads, changes and writes in one step. `fn` gets a copy of the newest data, with what this request has changed, and changes it
   * in place. If another request wrote in between, `fn` runs again on the data that it left, so that no increment is lost. The
   * result is saved at once, and this object holds it afterwards. What this request changes meanwhile is saved when the response
   * starts.
   *
   * `fn` may be asynchronous. Keep it quick and free of other effects, because it may run several times. When it throws, nothing
   * changes.
   *
   * Do not use the session inside `fn`, only the data that `fn` is given:
   * - Calling `save`, `reload`, `regenerate`, `destroy` or `update` of the same session there rejects at once with a
   *   {@link SessionConfigurationError}: the call would wait for the update, and the update for the call.
   * - `fn` must not wait for another call on the same session that was made after the update. That call runs only when the update
   *   is done, so each would wait for the other.
   *
   * After a `regenerate` or `destroy` that failed, `update` rejects with the same error until a `regenerate`, `destroy` or `reload`
   * succeeds.
   * @param fn changes the data in place. Its result becomes that of `update`.
   * @returns what `fn` returned in the run that was saved.
   * @throws {SessionDestroyedError} when another request has ended the session, or it has expired.
   * @throws {SessionConflictError} when other requests won every time.
   * @throws {SessionStoreError} when the back-end fails. The change may have been saved, at most once.
   * @throws {SessionSerializationError} when a value cannot be stored.
   * @throws {SessionTooLargeError} when the record would be larger than `maxRecordBytes`, or than the back-end can hold.
   * @throws {SessionConfigurationError} when it is called inside the function of another `update` of this session.
   * @throws {TypeError} when `fn` sets a reserved name, such as that of a member.
   */
  update<R>(fn: (data: Partial<T>) => R | Promise<R>): Promise<R>;
  /** {@link SessionMembers.update} with a callback, which gets what `fn` returned. */
  update<R>(fn: (data: Partial<T>) => R | Promise<R>, callback: (error: unknown, result?: R) => void): void;
}

/** A live session: your data, of which any key may be missing, and the {@link SessionMembers}. */
export type LiveSession<T extends object = DefaultData> = Partial<T> & SessionMembers<T>;

/** The names of a live session's members. */
const MEMBER_NAMES: Readonly<Record<keyof SessionMembers, true>> = {
  id: true,
  isNew: true,
  signal: true,
  regenerate: true,
  destroy: true,
  save: true,
  reload: true,
  touch: true,
  remember: true,
  signedIn: true,
  update: true,
};

/** The same names as a list. */
export const MEMBERS: readonly string[] = Object.keys(MEMBER_NAMES);

/** Whether a key of the data would hide a member. Another program may have written such data: they are kept but not shown. */
export function isMemberName(key: string): boolean {
  return Object.hasOwn(MEMBER_NAMES, key);
}
