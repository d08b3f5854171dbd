import { callbackify } from 'node:util';

import type { RecordNames } from './record-names.js';
import type { SessionChanges } from './session-changes.js';
import { defineData } from './session-record.js';

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

/** Whoever keeps a live session: carries out what its members promise. */
export interface SessionKeeper {
  readonly id: string;
  readonly isNew: boolean;
  /** The live object that stands for the session now; after a regenerate with a callback, no longer the first one. */
  readonly live: LiveSession;
  readonly changes: SessionChanges;
  /** The keys that are no data. */
  readonly recordNames: RecordNames;
  /** Whether the store has a record of this session that holds data, as far as we know. */
  readonly isEstablished: boolean;
  /** @param detach whether another object stands for the session afterwards, so that the present one can stay as it is. */
  regenerate(options: RegenerateOptions, detach: boolean): Promise<void>;
  destroy(): Promise<void>;
  save(): Promise<void>;
  reload(): Promise<void>;
  touch(): void;
  update<R>(fn: (data: SessionData) => R | Promise<R>): Promise<R>;
}

const KEEPER = Symbol('nest-session.keeper');

/** A live object as its own members see it. */
type Kept = { readonly [KEEPER]: SessionKeeper };

/** The members, as the prototype that every live session shares. */
class Session {
  get id(): string {
    return keeperOf(this).id;
  }

  get isNew(): boolean {
    return keeperOf(this).isNew;
  }

  regenerate(options?: RegenerateOptions | SessionCallback, callback?: SessionCallback): Promise<void> | void {
    const wanted = typeof options === 'function' ? {} : (options ?? {});
    const done = typeof options === 'function' ? options : callback;
    return answer(keeperOf(this).regenerate(wanted, done !== undefined), done);
  }

  destroy(callback?: SessionCallback): Promise<void> | void {
    return answer(keeperOf(this).destroy(), callback);
  }

  save(callback?: SessionCallback): Promise<void> | void {
    return answer(keeperOf(this).save(), callback);
  }

  reload(callback?: SessionCallback): Promise<void> | void {
    return answer(keeperOf(this).reload(), callback);
  }

  touch(): void {
    keeperOf(this).touch();
  }

  update<R>(
    fn: (data: SessionData) => R | Promise<R>,
    callback?: (error: unknown, result?: R) => void,
  ): Promise<R> | void {
    return answer(keeperOf(this).update(fn), callback);
  }
}

// All sessions of the process share it: whoever reached it through one could change all.
Object.freeze(Session.prototype);

const MEMBERS = new Set(Object.getOwnPropertyNames(Session.prototype).filter((name) => name !== 'constructor'));

/** Whether a key of the data would hide a member; such data, written by another program, are kept but not shown. */
export function isMemberName(key: string): boolean {
  return MEMBERS.has(key);
}

/**
 * Whether the session was there before this request: its record holds data, and not only what the library, or Quart-Session, writes
 * of its own accord.
 */
export function isEstablished(session: LiveSession): boolean {
  const keeper = keeperOf(session) as SessionKeeper | undefined;
  // A stand-in for a session, as in a unit test of an application, has no keeper.
  return keeper?.isEstablished ?? !session.isNew;
}

/** A live session from both sides. */
export interface LiveParts {
  /** What handlers get. */
  readonly live: LiveSession;
  /** The data beneath it, for whoever keeps the session: changes made here count as read, not as written. */
  readonly data: Record<string, unknown>;
}

/** Makes the object that handlers get, over a copy of the data's top level. */
export function createLiveSession(keeper: SessionKeeper, record: Readonly<Record<string, unknown>>): LiveParts {
  const data = Object.create(Session.prototype) as Record<string, unknown>;
  fillData(data, record);
  const handler = new SessionHandler(keeper);
  const live = new Proxy(data, handler) as LiveSession;
  handler.self = live;
  return { live, data };
}

/** Makes the data beneath a live session those of the record; what would hide a member is left out. */
export function fillData(data: Record<string, unknown>, record: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(data)) delete data[key];
  for (const key of Object.keys(record)) if (!isMemberName(key)) defineData(data, key, record[key]);
}

class SessionHandler implements ProxyHandler<Record<string, unknown>> {
  readonly #keeper: SessionKeeper;
  self: LiveSession | undefined;

  constructor(keeper: SessionKeeper) {
    this.#keeper = keeper;
  }

  get(target: Record<string, unknown>, key: string | symbol, receiver: unknown): unknown {
    if (key === KEEPER) return this.#keeper;
    if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return Reflect.get(target, key, receiver) as unknown;
    this.#handOut(key, target[key]);
    return target[key];
  }

  set(target: Record<string, unknown>, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return Reflect.set(target, key, value);
    refuseReservedName(key, this.#keeper.recordNames);
    if (!Object.hasOwn(target, key) || !Object.is(target[key], value)) {
      defineData(target, key, value);
      if (this.#isCurrent) this.#keeper.changes.mark(key);
    }
    if (!this.#isCurrent) this.#keeper.live[key] = value;
    return true;
  }

  deleteProperty(target: Record<string, unknown>, key: string | symbol): boolean {
    if (typeof key === 'symbol') return Reflect.deleteProperty(target, key);
    if (Object.hasOwn(target, key)) {
      delete target[key];
      if (this.#isCurrent) this.#keeper.changes.mark(key);
    }
    if (!this.#isCurrent) delete this.#keeper.live[key];
    return true;
  }

  defineProperty(target: Record<string, unknown>, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (typeof key === 'symbol') return Reflect.defineProperty(target, key, descriptor);
    return 'value' in descriptor && this.set(target, key, descriptor.value);
  }

  getOwnPropertyDescriptor(target: Record<string, unknown>, key: string | symbol): PropertyDescriptor | undefined {
    if (typeof key === 'string' && Object.hasOwn(target, key)) this.#handOut(key, target[key]);
    return Reflect.getOwnPropertyDescriptor(target, key);
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }

  /** False once a regenerate with a callback has put another object in this one's place; then writes are passed on to that one. */
  get #isCurrent(): boolean {
    return this.#keeper.live === this.self;
  }

  #handOut(key: string, value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    // An object that the old and the new session share is watched for the new one.
    if (this.#isCurrent || (Object.hasOwn(this.#keeper.live, key) && this.#keeper.live[key] === value)) {
      this.#keeper.changes.handOut(key, value);
    }
  }
}

/** @throws {TypeError} for a key that would hide a member or speak for the library. */
export function refuseReservedName(key: string, names: RecordNames): void {
  if (!isMemberName(key) && !names.has(key)) return;
  throw new TypeError(`'${key}' is a reserved name of a session and cannot hold data: choose another key.`);
}

function keeperOf(session: object): SessionKeeper {
  return (session as Kept)[KEEPER];
}

function answer<R>(
  promise: Promise<R>,
  callback: ((error: unknown, result?: R) => void) | undefined,
): Promise<R> | void {
  if (callback === undefined) return promise;
  callbackify(() => promise)((error: unknown, result) => callback(error ?? undefined, result));
}
