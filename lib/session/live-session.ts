import { callbackify } from 'node:util';

import type { RecordNames } from './record-names.js';
import type { SessionChanges } from './session-changes.js';
import type { LiveSession, RegenerateOptions, SessionCallback, SessionData } from './session-members.js';
import { defineData } from './session-record.js';

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
