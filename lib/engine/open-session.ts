import type { SessionLifetime } from '../session/session-lifetime.js';
import { SessionChanges } from '../session/session-changes.js';
import type { SessionMeta, SessionRecord } from '../session/session-record.js';
import { hiddenData, isEmptyData, layKeysOver, pickKeys } from '../session/session-keys.js';
import {
  createLiveSession,
  fillData,
  refuseReservedName,
  type LiveParts,
  type LiveSession,
  type RegenerateOptions,
  type SessionData,
  type SessionKeeper,
} from '../session/session.js';
import { SessionConfigurationError, SessionDestroyedError } from '../session.errors.js';
import { retryOnConflict } from './conflict-retry.js';
import { COOKIE_BAR_REMEDY, type CookieBar } from './cookie-bar.js';
import type { KeyedTurns } from './keyed-turns.js';
import type { SessionLogger } from './session-logger.js';
import type { ReadRecord, SessionRecords } from './session-records.js';
import { Turns } from './turns.js';

/** What every open session of one engine shares. */
export interface OpenSessionParts {
  readonly records: SessionRecords;
  readonly lifetime: SessionLifetime;
  readonly logger: SessionLogger;
  readonly saves: KeyedTurns;
  readonly generateId: () => string;
  /** How a value's text is made when changes are looked for. */
  readonly stringify: (value: unknown) => string;
}

/** What is known of a session as it is opened. */
export interface Opening {
  /** The id the record was found under; a new session draws one when it is needed, which costs as much as a signature. */
  readonly id?: string | undefined;
  /** The record; absent for a new session. */
  readonly record?: ReadRecord | undefined;
  /** The address to pin the session to, when sessions are pinned. */
  readonly address?: string | undefined;
  /** Whether the request carried a cookie of our name, so that there is one to expire. */
  readonly presented: boolean;
  /** Whether the cookie was signed with an old secret. */
  readonly rotated?: boolean;
  readonly cookieBar?: CookieBar | undefined;
  /** Method and path, to name in a warning. */
  readonly route: string;
  /** Called after a regenerate, when another object stands for the session. */
  readonly onReplaced?: ((live: LiveSession) => void) | undefined;
}

/** What the answer has to say about the cookie. */
export type CookieNeed = 'none' | 'set' | 'expire';

/** What a request did with its session, as far as the store and the cookie are concerned. */
type Status = 'untouched' | 'changed' | 'regenerated' | 'destroyed';

/** Where a session stands: not stored yet, stored, or ended by somebody else while we held it. */
type Standing = 'new' | 'known' | 'gone';

/** The version is not known, because we wrote the record ourselves: read it before the next replace. */
const UNREAD = Symbol('unread');

/** One request's session, from open to the last commit. Requests share nothing, not even when they carry the same id. */
export class OpenSession implements SessionKeeper {
  readonly #parts: OpenSessionParts;
  readonly #opening: Opening;
  readonly changes: SessionChanges;
  #drawnId: string | undefined;
  #standing: Standing;
  /** What the store holds, as far as we know. */
  #base: SessionRecord;
  #version: unknown;
  #meta: SessionMeta;
  #sides: LiveParts;
  #cookieBar: CookieBar | undefined;
  #cookieNeed: CookieNeed = 'none';
  #renewalWanted: boolean;
  /** This request ended a session, so the browser's cookie opens nothing any more. */
  #ended = false;
  /** Why a destroy or regenerate failed: what comes after it must not be saved as if it had been done. */
  #failedEnding: Error | undefined;
  /** What a request does to its own session never overlaps. */
  readonly #turns = new Turns();

  constructor(parts: OpenSessionParts, opening: Opening) {
    const { record, address } = opening;
    this.#parts = parts;
    this.#opening = opening;
    this.#drawnId = opening.id;
    this.#cookieBar = opening.cookieBar;
    this.#standing = record === undefined ? 'new' : 'known';
    this.#base = record ?? { data: {}, meta: {} };
    this.#version = record?.version ?? UNREAD;
    this.#meta = { ...this.#base.meta, addr: this.#base.meta.addr ?? address };
    // A session from before sessions were pinned gets its pin now, not at its next change.
    this.#renewalWanted =
      record !== undefined && (parts.lifetime.isRenewalDue(record.meta) || this.#meta.addr !== record.meta.addr);
    if (opening.rotated === true && record !== undefined) this.#cookieNeed = 'set';
    this.changes = new SessionChanges(parts.stringify);
    this.#sides = createLiveSession(this, this.#base.data);
  }

  get id(): string {
    return (this.#drawnId ??= this.#parts.generateId());
  }

  get isNew(): boolean {
    return this.#standing !== 'known';
  }

  get live(): LiveSession {
    return this.#sides.live;
  }

  /** What the answer must say about the cookie, should its head be formed now; for a head that is formed, what it must have said. */
  get cookieNeed(): CookieNeed {
    return this.#cookieBar === undefined || this.#cookieBar === 'head-sent' ? this.#cookieNeed : 'none';
  }

  /** When the session ends, in epoch seconds. */
  get expiresAt(): number {
    return this.#parts.lifetime.expiresAt(this.#meta);
  }

  /** From now on no answer can carry the cookie. */
  barCookie(bar: CookieBar): void {
    this.#cookieBar ??= bar;
  }

  /**
   * Saves what changed since the last commit. Answers `undefined` when nothing is to be waited for; {@link cookieNeed} is right as
   * soon as this returns, before the save is done, unless an earlier action still runs.
   */
  commit(): Promise<void> | undefined {
    if (this.#turns.isBusy) return this.#turns.run(async () => this.#commitNow());
    const saving = this.#commitNow();
    return saving && this.#turns.run(() => saving);
  }

  async save(): Promise<void> {
    await this.commit();
  }

  touch(): void {
    this.#renewalWanted = this.#standing === 'known';
  }

  regenerate({ keep = false }: RegenerateOptions, detach: boolean): Promise<void> {
    if (typeof keep !== 'boolean' && !Array.isArray(keep)) {
      throw new TypeError("regenerate: `keep` is true, false or a list of keys, such as ['cart'].");
    }
    return this.#ending(async () => {
      const bar = this.#cookieBar;
      if (bar !== undefined && this.#standing === 'known') {
        throw new SessionConfigurationError(`The session cannot change its id here: ${COOKIE_BAR_REMEDY[bar]}.`);
      }
      await this.#retire();
      const { data } = this.#sides;
      const kept = keep === true ? { ...this.#hidden(), ...data } : pickKeys(data, keep === false ? [] : keep);
      this.#cookieNeed = 'none';
      this.#startAnew(kept, this.#meta);
      if (!detach) return fillData(data, kept);
      this.#sides = createLiveSession(this, kept);
      this.#opening.onReplaced?.(this.live);
    });
  }

  destroy(): Promise<void> {
    return this.#ending(async () => {
      const { addr } = this.#meta;
      await this.#retire();
      // A logout stands even if another request was first: what is written from here on is a session of its own.
      this.#standing = 'new';
      this.#ended = true;
      this.#cookieNeed = 'none';
      this.#startAnew({}, { addr });
      fillData(this.#sides.data, {});
    });
  }

  reload(): Promise<void> {
    return this.#turns.run(async () => this.#adopt(await this.#readAgain()));
  }

  async update<R>(fn: (data: SessionData) => R | Promise<R>): Promise<R> {
    const pending = this.changes.take(this.#sides.data);
    try {
      return await (this.#standing === 'new' ? this.#updateNew(fn) : this.#updateKnown(fn, pending));
    } catch (error) {
      this.changes.giveBack(pending);
      throw error;
    }
  }

  /** Whether or not somebody waits for it, the commit that follows tells of its failure. */
  #ending(task: () => Promise<void>): Promise<void> {
    const ending = this.#turns.run(async () => {
      this.#failedEnding = undefined;
      try {
        await task();
      } catch (error) {
        this.#failedEnding = error as Error;
        throw error;
      }
    });
    ending.catch(() => undefined);
    return ending;
  }

  #commitNow(): Promise<void> | undefined {
    if (this.#failedEnding !== undefined) return Promise.reject(this.#failedEnding);
    const keys = this.changes.take(this.#sides.data);
    const status = this.#status(keys);
    switch (status) {
      case 'untouched':
        return this.#mayRenew ? this.#carryOut(keys, () => this.#replace(keys), 'set') : undefined;
      case 'changed':
        if (this.#standing === 'known') {
          return this.#carryOut(keys, () => this.#replace(keys), this.#mayRenew ? 'set' : this.#cookieNeed);
        }
        return this.#create(keys);
      case 'regenerated':
        return this.#create(keys);
      case 'destroyed':
        return this.#destroyed(keys);
      default:
        return status satisfies never;
    }
  }

  #status(keys: ReadonlySet<string>): Status {
    if (this.#standing === 'gone') return this.#dropped(keys);
    if (this.#standing === 'known') {
      if (keys.size === 0) return 'untouched';
      return this.#isEmpty ? 'destroyed' : 'changed';
    }
    if (this.#isEmpty) return this.#ended ? 'destroyed' : 'untouched';
    return this.#ended ? 'regenerated' : 'changed';
  }

  get #isEmpty(): boolean {
    return isEmptyData(this.#sides.data) && isEmptyData(this.#hidden());
  }

  get #mayRenew(): boolean {
    return this.#standing === 'known' && this.#renewalWanted && this.#cookieBar === undefined;
  }

  /** Sets the cookie's need at once, and takes everything back if the work fails. */
  async #carryOut(keys: ReadonlySet<string>, work: () => Promise<void>, need: CookieNeed): Promise<void> {
    const before = { meta: this.#meta, renewalWanted: this.#renewalWanted, cookieNeed: this.#cookieNeed };
    if (this.#standing === 'new' || this.#mayRenew) this.#meta = this.#parts.lifetime.renewed(this.#meta);
    if (this.#mayRenew) this.#renewalWanted = false;
    this.#cookieNeed = need;
    try {
      await work();
    } catch (error) {
      this.#meta = before.meta;
      this.#renewalWanted = before.renewalWanted;
      this.#cookieNeed = before.cookieNeed;
      this.changes.giveBack(keys);
      throw error;
    }
  }

  #create(keys: ReadonlySet<string>): Promise<void> | undefined {
    const bar = this.#cookieBar;
    if (bar === undefined) return this.#carryOut(keys, () => this.#createRecord(), 'set');
    const message = `A new session was not stored: ${COOKIE_BAR_REMEDY[bar]}`;
    if (bar === 'head-sent') this.#parts.logger.warn(`${message} (${this.#opening.route}).`);
    else this.#parts.logger.warnOnce(`${message}.`);
    return undefined;
  }

  async #createRecord(): Promise<void> {
    const record = { data: this.#overlay(this.#base.data, Object.keys(this.#sides.data)), meta: this.#meta };
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.#parts.records.create(this.id, record)) return this.#saved(record);
      this.#drawnId = undefined;
    }
    throw new SessionConfigurationError('`generateId` keeps making ids that are taken: make it random.');
  }

  /** Compare-and-set: on a conflict this request's keys are laid over what the other one wrote. */
  #replace(keys: ReadonlySet<string>): Promise<void> {
    return this.#parts.saves.run(this.id, () =>
      retryOnConflict(async () => {
        if (this.#version === UNREAD && !(await this.#refresh())) return { done: this.#lost() };
        const record = { data: this.#overlay(this.#base.data, keys), meta: this.#mergedMeta() };
        const outcome = await this.#parts.records.replace(this.id, record, this.#version);
        this.#version = UNREAD;
        if (outcome === 'conflict') return outcome;
        return { done: outcome === 'missing' ? this.#lost() : this.#saved(record) };
      }),
    );
  }

  async #refresh(): Promise<boolean> {
    const fresh = await this.#parts.records.read(this.id);
    if (fresh === undefined) return false;
    this.#base = fresh;
    this.#version = fresh.version;
    return true;
  }

  /** The record is gone already, unless all data were removed: then the session is over too, as in Flask. */
  #destroyed(keys: ReadonlySet<string>): Promise<void> | undefined {
    const need = this.#opening.presented ? 'expire' : 'none';
    if (this.#standing === 'known') return this.#carryOut(keys, () => this.#empty(keys), need);
    this.#cookieNeed = need;
    return undefined;
  }

  async #empty(keys: ReadonlySet<string>): Promise<void> {
    if (!(await this.#refresh())) return this.#lost();
    if (!isEmptyData(this.#overlay(this.#base.data, keys))) {
      // Another request has added something since; it is not ours to remove.
      this.#cookieNeed = 'none';
      return this.#replace(keys);
    }
    await this.#retire();
    this.#ended = true;
    this.#startAnew({}, { addr: this.#meta.addr });
  }

  #saved(record: SessionRecord): void {
    this.#standing = 'known';
    this.#base = record;
    this.#meta = record.meta;
    this.#version = UNREAD;
  }

  /** Somebody ended the session while we held it. Ending is final: our changes go, and no cookie leaves. */
  #lost(): void {
    this.#standing = 'gone';
    this.#cookieNeed = 'none';
    this.#parts.logger.warn('A session ended while a request was changing it: the change was dropped.');
  }

  #dropped(keys: ReadonlySet<string>): Status {
    this.#cookieNeed = 'none';
    if (keys.size > 0) this.#parts.logger.warn('A change to a session that has ended was dropped.');
    return 'untouched';
  }

  /** The old id opens nothing from here on. */
  async #retire(): Promise<void> {
    if (this.#standing !== 'known') return;
    if (!(await this.#parts.records.retire(this.id))) return this.#lost();
    this.#standing = 'new';
    this.#ended = true;
  }

  #startAnew(data: Readonly<Record<string, unknown>>, meta: SessionMeta): void {
    this.#drawnId = undefined;
    this.#base = { data: hiddenData(data), meta: {} };
    this.#meta = { ...meta, seen: undefined };
    this.#version = UNREAD;
    this.#renewalWanted = false;
    this.changes.reset();
  }

  async #readAgain(): Promise<ReadRecord> {
    const fresh = this.#standing === 'known' ? await this.#parts.records.read(this.id) : undefined;
    if (fresh !== undefined) return fresh;
    if (this.#standing === 'known') this.#lost();
    throw new SessionDestroyedError('The session has no record in the store: it is new, has expired or was destroyed.');
  }

  /** The record as read, without any change of ours. */
  #adopt(record: ReadRecord): void {
    this.#base = record;
    this.#version = record.version;
    fillData(this.#sides.data, record.data);
    this.changes.reset();
  }

  async #updateNew<R>(fn: (data: SessionData) => R | Promise<R>): Promise<R> {
    const { data } = this.#sides;
    const draft = this.#copyOf(data, Object.keys(data));
    const result = await fn(draft);
    Object.keys(draft).forEach(refuseReservedName);
    for (const key of new Set([...Object.keys(data), ...Object.keys(draft)])) this.changes.mark(key);
    fillData(data, draft);
    await this.save();
    return result;
  }

  #updateKnown<R>(fn: (data: SessionData) => R | Promise<R>, pending: ReadonlySet<string>): Promise<R> {
    return retryOnConflict(async () => {
      const fresh = await this.#readAgain();
      const draft: Record<string, unknown> = {};
      fillData(draft, fresh.data);
      layKeysOver(draft, this.#copyOf(this.#sides.data, pending), pending);
      const result = await fn(draft);
      Object.keys(draft).forEach(refuseReservedName);
      if (isEmptyData(draft) && isEmptyData(hiddenData(fresh.data))) {
        await this.destroy();
        return { done: result };
      }
      const data = { ...hiddenData(fresh.data), ...draft };
      const outcome = await this.#turns.run(() => this.#replaceWhole({ data, meta: fresh.meta }, fresh.version));
      return outcome === 'conflict' ? outcome : { done: result };
    });
  }

  async #replaceWhole(record: SessionRecord, version: unknown): Promise<'replaced' | 'conflict'> {
    const outcome = await this.#parts.records.replace(this.id, record, version);
    if (outcome === 'missing') {
      this.#lost();
      throw new SessionDestroyedError('The session was ended by another request while it was being updated.');
    }
    if (outcome === 'replaced') {
      // What the request changed while `fn` ran is not saved yet.
      const { data } = this.#sides;
      const late = this.changes.take(data);
      const mine = pickKeys(data, late);
      this.#adopt({ ...record, version: UNREAD });
      layKeysOver(data, mine, late);
      this.changes.giveBack(late);
    }
    return outcome;
  }

  /** The later of the two renewals counts; what another program wrote about the pin stays. */
  #mergedMeta(): SessionMeta {
    const { meta } = this.#base;
    return {
      created: meta.created ?? this.#meta.created,
      seen: Math.max(meta.seen ?? 0, this.#meta.seen ?? 0) || undefined,
      addr: meta.addr ?? this.#meta.addr,
      permanent: meta.permanent,
    };
  }

  #overlay(base: Readonly<Record<string, unknown>>, keys: Iterable<string>): Record<string, unknown> {
    const data = { ...base };
    layKeysOver(data, this.#sides.data, keys);
    return data;
  }

  #copyOf(data: Readonly<Record<string, unknown>>, keys: Iterable<string>): Record<string, unknown> {
    return this.#parts.records.copy(pickKeys(data, keys));
  }

  #hidden(): Record<string, unknown> {
    return hiddenData(this.#base.data);
  }
}
