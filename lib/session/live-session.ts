import { callbackify } from 'node:util';

import type { Duration } from '../duration.js';
import { checkedLifetime, checkedMethods } from './member-arguments.js';
import type { MetaEdit } from './meta-edit.js';
import type { RecordNames } from './record-names.js';
import {
  isMemberName,
  type LiveSession,
  type RegenerateOptions,
  type SessionCallback,
  type SignedInOptions,
} from './session-members.js';
import type { SignIn } from './session-record.js';
import { TrackedData, type TrackedDataStart } from './tracked-data.js';

/** What the options of a SessionModule say of the data of its sessions. */
export interface SessionTerms {
  /** The keys that cannot be data. */
  readonly recordNames: RecordNames;
  /** Tells the id of the user from the data. Absent: the application has not said how. */
  readonly users: { of(data: Readonly<Record<string, unknown>>): string | undefined } | undefined;
}

/** The session behind a live session. It does what the members promise. */
export interface SessionKeeper {
  readonly id: string;
  readonly isNew: boolean;
  /** Aborts when the session of this id ends. */
  readonly signal: AbortSignal;
  /** Whether the store has a record of this session that holds data, as far as the engine knows. */
  readonly isEstablished: boolean;
  /** The last sign-in of the user, as far as this request knows, and also if it is not saved yet. */
  readonly signIn: SignIn | undefined;
  /** The names of the entries that stand for it in the list of its user. */
  readonly listedAs: readonly string[];
  /** Method and route of its request. */
  readonly route: string;
  /** Whether a call of the application, such as `save`, waits or runs. */
  readonly hasCalls: boolean;
  /** The live session that stands for this session now. A regenerate with a callback replaces the first one. */
  readonly live: LiveSession;
  /** The data that {@link SessionKeeper.live} shows. */
  readonly data: TrackedData;
  /** What the options say of the data. */
  readonly terms: SessionTerms;
  /**
   * @param options what survives.
   * @param detach whether a new live session takes this one's place, so that this one can stay as it is.
   */
  regenerate(options: RegenerateOptions, detach: boolean): Promise<void>;
  destroy(): Promise<void>;
  save(): Promise<void>;
  reload(): Promise<void>;
  touch(): void;
  /** Notes what `remember` or `signedIn` has set. */
  edit(edit: MetaEdit): void;
  update<R>(fn: (data: Record<string, unknown>) => R | Promise<R>): Promise<R>;
  /** The application has changed the data after the response, or was given an object of them that it may change. */
  noteLateTouch(): void;
}

/** A live session and the data that it shows. */
export interface LiveSessionWithData {
  readonly live: LiveSession;
  readonly data: TrackedData;
}

/** Makes the object that handlers get, over a copy of the data's top level. */
export function createLiveSession(
  keeper: SessionKeeper,
  { data: stored, form, former }: Omit<TrackedDataStart, 'prototype'>,
): LiveSessionWithData {
  const data = new TrackedData({ data: stored, form, former, prototype: Session.prototype });
  const live = new Proxy(data.values, new LiveSessionHandler(keeper, data)) as LiveSession;
  return { live, data };
}

/**
 * Whether the session existed before this request. It did if its record holds data, and not only what this library or Quart-Session
 * writes of its own accord.
 */
export function isEstablished(session: LiveSession): boolean {
  const keeper = keeperOf(session) as SessionKeeper | undefined;
  // A stand-in for a session, as in an application's unit test, has no keeper.
  return keeper?.isEstablished ?? !session.isNew;
}

/**
 * Whether the session is that of a user, by the option `user`; `undefined` where that cannot be told: without the option, or of a
 * stand-in that `fakeSession()` has not made.
 */
export function isOfUser(session: LiveSession): boolean | undefined {
  const keeper = keeperOf(session) as SessionKeeper | undefined;
  const users = keeper?.terms.users;
  // A copy, as of a record: the function sees no members, and what it reads is not taken for a change of the application's.
  return users === undefined ? undefined : users.of({ ...keeper?.data.values }) !== undefined;
}

/**
 * The last sign-in of the user: what `signedIn` has noted, or the library itself when the session became that of a user.
 * @returns `undefined` when there is none, or the session has ended.
 */
export function signInOf(session: LiveSession): SignIn | undefined {
  return (keeperOf(session) as SessionKeeper | undefined)?.signIn;
}

/** The names of the entries that stand for a session in the list of its user; `undefined` when it is no live session. */
export function listedAs(session: object): readonly string[] | undefined {
  return (keeperOf(session) as SessionKeeper | undefined)?.listedAs;
}

/** Method and route of the request of a session; `undefined` when it is no live session. */
export function routeOf(session: object): string | undefined {
  return (keeperOf(session) as SessionKeeper | undefined)?.route;
}

/** Whether the value is the session, or a wrapper around it. */
export function standsFor(value: unknown, session: LiveSession): boolean {
  return typeof value === 'object' && value !== null && keeperOf(value) === keeperOf(session);
}

/** @throws {TypeError} when the key would hide a member or is the name of one of the library's own values. */
export function refuseReservedName(key: string, names: RecordNames): void {
  if (!isMemberName(key) && !names.has(key)) return;
  throw new TypeError(`'${key}' is a reserved name of a session and cannot hold data: choose another key.`);
}

const KEEPER = Symbol('nest-session.keeper');

function keeperOf(session: object): SessionKeeper {
  return (session as { readonly [KEEPER]: SessionKeeper })[KEEPER];
}

/** The members of a session, as the prototype that every live session shares. */
class Session {
  get id(): string {
    return keeperOf(this).id;
  }

  get isNew(): boolean {
    return keeperOf(this).isNew;
  }

  get signal(): AbortSignal {
    return keeperOf(this).signal;
  }

  regenerate(options?: RegenerateOptions | SessionCallback, callback?: SessionCallback): Promise<void> | void {
    const wanted = typeof options === 'function' ? {} : (options ?? {});
    const done = typeof options === 'function' ? options : callback;
    return settle(keeperOf(this).regenerate(wanted, done !== undefined), done);
  }

  destroy(callback?: SessionCallback): Promise<void> | void {
    return settle(keeperOf(this).destroy(), callback);
  }

  save(callback?: SessionCallback): Promise<void> | void {
    return settle(keeperOf(this).save(), callback);
  }

  reload(callback?: SessionCallback): Promise<void> | void {
    return settle(keeperOf(this).reload(), callback);
  }

  touch(): void {
    keeperOf(this).touch();
  }

  remember(lifetime: Duration | false): void {
    edit(this, { lifetime: checkedLifetime(lifetime) });
  }

  signedIn(options?: SignedInOptions): void {
    const amr = checkedMethods(options);
    const at = Date.now() / 1000;
    edit(this, { signIn: amr === undefined ? { at } : { at, amr } });
  }

  update<R>(
    fn: (data: Record<string, unknown>) => R | Promise<R>,
    callback?: (error: unknown, result?: R) => void,
  ): Promise<R> | void {
    return settle(keeperOf(this).update(fn), callback);
  }
}

// All sessions of the process share this prototype: code that reached it through one session could change them all.
Object.freeze(Session.prototype);

function edit(session: object, change: Omit<MetaEdit, 'moment'>): void {
  const keeper = keeperOf(session);
  keeper.edit({ ...change, moment: keeper.data.nextMoment() });
  if (keeper.data.isOver) keeper.noteLateTouch();
}

/** Passes the outcome to the callback if there is one, and returns the promise otherwise. */
function settle<R>(
  promise: Promise<R>,
  callback: ((error: unknown, result?: R) => void) | undefined,
): Promise<R> | void {
  if (callback === undefined) return promise;
  callbackify(() => promise)((error: unknown, result) => callback(error ?? undefined, result));
}

/** Notes what the application reads and writes. */
class LiveSessionHandler implements ProxyHandler<Record<string, unknown>> {
  readonly #keeper: SessionKeeper;
  readonly #data: TrackedData;

  constructor(keeper: SessionKeeper, data: TrackedData) {
    this.#keeper = keeper;
    this.#data = data;
  }

  get(target: Record<string, unknown>, key: string | symbol, receiver: unknown): unknown {
    if (key === KEEPER) return this.#keeper;
    if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return Reflect.get(target, key, receiver) as unknown;
    const value = target[key];
    if (typeof value === 'object' && value !== null) this.#handOut(key, value);
    return value;
  }

  set(target: Record<string, unknown>, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return Reflect.set(target, key, value);
    refuseReservedName(key, this.#keeper.terms.recordNames);
    this.#data.assign(key, value, this.#keeper.hasCalls);
    if (this.#data.isOver) this.#keeper.noteLateTouch();
    if (!this.#isCurrent) this.#keeper.live[key] = value;
    return true;
  }

  deleteProperty(target: Record<string, unknown>, key: string | symbol): boolean {
    if (typeof key === 'symbol') return Reflect.deleteProperty(target, key);
    this.#data.delete(key, this.#keeper.hasCalls);
    if (this.#data.isOver) this.#keeper.noteLateTouch();
    if (!this.#isCurrent) delete this.#keeper.live[key];
    return true;
  }

  defineProperty(target: Record<string, unknown>, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (typeof key === 'symbol') return Reflect.defineProperty(target, key, descriptor);
    return 'value' in descriptor && this.set(target, key, descriptor.value);
  }

  getOwnPropertyDescriptor(target: Record<string, unknown>, key: string | symbol): PropertyDescriptor | undefined {
    if (typeof key === 'string' && Object.hasOwn(target, key)) this.get(target, key, undefined);
    return Reflect.getOwnPropertyDescriptor(target, key);
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }

  /** False once a regenerate with a callback has put another live session in this one's place: writes then go to both. */
  get #isCurrent(): boolean {
    return this.#keeper.data === this.#data;
  }

  #handOut(key: string, value: object): void {
    const { data } = this.#keeper;
    // If the old and the new session share the object, the new one watches it.
    if (data === this.#data || (Object.hasOwn(data.values, key) && data.values[key] === value))
      data.handOut(key, value);
    if (data.isOver) this.#keeper.noteLateTouch();
  }
}
