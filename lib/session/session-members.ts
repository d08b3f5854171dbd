/** The default shape of a session's data: any key, values to be checked before use. Name your own with `Session<Cart>`. */
export interface SessionData {
  [key: string]: unknown;
}

/** A Node-style callback; Passport 0.6 and later passes one to `regenerate` and `save`. */
export type SessionCallback = (error?: unknown) => void;

/** What survives a {@link SessionMembers.regenerate}. */
export interface RegenerateOptions<T extends object = SessionData> {
  /** `true` keeps all data, a list keeps these keys. Default: nothing survives. */
  readonly keep?: boolean | readonly (keyof T & string)[];
}

/** What a session can do. None of this is enumerable, so that keys, spread and JSON see the data alone. */
export interface SessionMembers<T extends object = SessionData> {
  /** The id that the cookie carries. Never log it: who has it, has the session. */
  readonly id: string;
  /** Whether the store has no record of this session yet. */
  readonly isNew: boolean;
  /**
   * Gives the session a new id; the old one opens nothing from here on. Call it at every login, against session fixation
   * (OWASP ASVS 5.0, 7.2.4). The data are dropped, from this object too, unless `keep` says otherwise; what other requests
   * have saved until now is kept along. The new record is stored when the answer starts.
   *
   * For 30 seconds a request that still carries the old id gets an empty session that is not stored and sends no cookie, unless
   * it regenerates, as a login does.
   *
   * With a callback it does what Passport expects: when that is called, `request.session` is a new object, and this one stays
   * readable as it was. What is assigned to this one then goes to the new session.
   *
   * All sessions that the request presents end with it: where it carries several cookies of the name, the new one is the only one
   * that still opens.
   *
   * Should it fail, nothing that follows is saved as if it had been done, until another `regenerate`, `destroy` or `reload` succeeds.
   * The answer fails with the same error, whether or not your code waits for it. There are two exceptions, both for code that has
   * waited for it (with `await`, `catch` or a callback): its own answer with a status of 400 or more goes out as it is, with a cookie
   * only for a session that was saved before; and after a {@link SessionDestroyedError}, as a second click meets, any answer does, and what was written to the session
   * is dropped.
   * @throws {SessionStoreError} when the back-end fails; the session is then as it was, unless the back-end did it all the same
   * and its answer was lost.
   * @throws {SessionDestroyedError} when another request has ended the session since it was opened.
   * @throws {SessionConfigurationError} where the answer cannot carry the new id, as on a path outside the cookie's.
   */
  regenerate(options?: RegenerateOptions<T>): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: RegenerateOptions<T>, callback: SessionCallback): void;
  /**
   * Ends the session at once, empties this object and expires the cookie. Requests that are under way cannot bring it back. Data
   * written afterwards start a new session. All sessions that the request presents end, also behind further cookies of the name, and
   * also a record that this process cannot read or takes for expired, as another process may still accept it.
   *
   * Should it fail, the answer fails too, by the same rule as for {@link SessionMembers.regenerate}.
   * @throws {SessionStoreError} when the back-end fails; the session is then as it was.
   */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  /**
   * Saves now instead of when the answer starts; rarely needed. Unchanged sessions are not written.
   * @throws {SessionStoreError | SessionConflictError | SessionSerializationError | SessionTooLargeError}
   */
  save(): Promise<void>;
  save(callback: SessionCallback): void;
  /**
   * Discards this request's changes and reads the record again.
   * @throws {SessionDestroyedError} when there is no record any more.
   */
  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  /** Renews the lifetime when the answer starts, even if nothing changed. */
  touch(): void;
  /**
   * Reads, changes and writes in one go: `fn` gets a copy of the newest data and changes it in place. If another request wrote
   * in between, `fn` runs again on the data it left, so that no increment is lost; it must not have other effects, and must not
   * call `update` itself. When `fn` throws, nothing changes. Afterwards this object holds the result. Saved at once, with what
   * this request had changed before.
   * @returns what `fn` returned in the run that won.
   * @throws {SessionDestroyedError} when the session has been ended meanwhile.
   * @throws {SessionConflictError} when other requests won every time.
   */
  update<R>(fn: (data: Partial<T>) => R | Promise<R>): Promise<R>;
  update<R>(fn: (data: Partial<T>) => R | Promise<R>, callback: (error: unknown, result?: R) => void): void;
}

/** A live session: your data, of which any key may be missing, and the {@link SessionMembers}. */
export type LiveSession<T extends object = SessionData> = Partial<T> & SessionMembers<T>;
