import type { SessionChanges } from '../session/session-changes.js';
import type { RecordNames } from '../session/record-names.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionMeta, SessionRecord, ReadRecord, Remains } from '../session/session-record.js';
import { hiddenData, isEmptyData, layKeysOver, pickKeys } from '../session/session-keys.js';
import type { SessionKeeper } from '../session/live-session.js';
import type { LiveSession, RegenerateOptions } from '../session/session-members.js';
import { SessionConfigurationError, SessionDestroyedError } from '../session.errors.js';
import { COOKIE_OBSTACLE_REMEDY, type CookieObstacle } from './cookie-obstacle.js';
import { RecordHandle, type RecordHandleParts, type RecordState, type Successor } from './record-handle.js';
import { LiveData } from './live-data.js';
import type { LeavingClient } from './keyed-queue.js';
import type { PresentedSessions } from './presented-sessions.js';
import type { SessionLogger } from '../session/session-logger.js';
import { SessionUpdates, type Update } from './session-updates.js';
import { SerialQueue } from './serial-queue.js';
import { WatchedPromise } from './watched-promise.js';

/** What every open session of one engine shares. */
export interface OpenSessionParts extends RecordHandleParts {
  readonly lifetime: SessionLifetime;
  readonly recordNames: RecordNames;
  readonly logger: SessionLogger;
  /** Whether a cookie that opens nothing any more is expired also where the request changes nothing. */
  readonly expireDeadCookies: boolean;
}

/** A destroy or regenerate that failed. */
interface FailedEnding {
  readonly error: Error;
  /** What the application was given, and may wait for. */
  readonly promise: WatchedPromise<void>;
}

/** What is known of a session as it is opened. */
export interface Opening {
  /** The id the record was found under. */
  readonly id?: string | undefined;
  /** The record; absent for a new session. */
  readonly record?: ReadRecord | undefined;
  /** Whether the id was retired a moment ago: then nothing is stored unless the request asks for a new one. */
  readonly retired?: boolean;
  /** The address to pin the session to, when sessions are pinned. */
  readonly address?: string | undefined;
  /** What a new record says of `_permanent`; absent: nothing. */
  readonly permanent?: boolean | undefined;
  /** The sessions whose ids the request carries, this one among them. */
  readonly presented: PresentedSessions;
  /** Whether the cookie is not the one that we would write: signed with an old secret, or another library's. */
  readonly rotated?: boolean;
  readonly cookieObstacle?: CookieObstacle | undefined;
  /** Method and route, to name in a warning. */
  readonly route: () => string;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: LeavingClient | undefined;
  /** Called after a regenerate, when another object stands for the session. */
  readonly onReplaced?: ((live: LiveSession) => void) | undefined;
}

/** What the answer has to say about the cookie. */
export type CookieNeed = 'none' | 'set' | 'expire';

/** What a request did with its session, as far as the store and the cookie are concerned. */
type Status = 'untouched' | 'changed' | 'regenerated' | 'destroyed';

/** One request's session, from open to the last commit. Requests share nothing, not even when they carry the same id. */
export class OpenSession implements SessionKeeper {
  readonly #parts: OpenSessionParts;
  readonly #opening: Opening;
  readonly #held: RecordHandle;
  readonly #live: LiveData;
  #madeUpdates: SessionUpdates | undefined;
  /** What a request does to its own session never overlaps. */
  readonly #turns = new SerialQueue();
  #meta: SessionMeta;
  #cookieObstacle: CookieObstacle | undefined;
  #cookieNeed: CookieNeed = 'none';
  #renewalWanted: boolean;
  /** This request ended a session, so the browser's cookie opens nothing any more. */
  #ended = false;
  /** A destroy that has begun and is not done: should it fail, the answer fails too, so that its head may say it is done. */
  #isBeingDestroyed = false;
  /** A destroy or regenerate that failed: what comes after it must not be saved as if it had been done. */
  #failedEnding: FailedEnding | undefined;

  constructor(parts: OpenSessionParts, opening: Opening) {
    const { record, address, rotated = false } = opening;
    this.#parts = parts;
    this.#opening = opening;
    this.#cookieObstacle = opening.cookieObstacle;
    this.#held = new RecordHandle(parts, stateOf(opening), opening);
    const { data, meta } = this.#held.base;
    this.#meta = record === undefined ? this.#metaOfNew : { ...meta, addr: meta.addr ?? address };
    // A session from before sessions were pinned gets its pin now, not at its next change. A cookie with an old signature is
    // signed anew together with a save alone: that shows whether the id is still the session's.
    this.#renewalWanted =
      record !== undefined && (rotated || parts.lifetime.isRenewalDue(meta) || this.#meta.addr !== meta.addr);
    this.#live = new LiveData(this, parts.records, data);
  }

  get id(): string {
    return this.#held.id;
  }

  get isNew(): boolean {
    return this.#held.standing !== 'known';
  }

  get isEstablished(): boolean {
    return !this.isNew && !isEmptyData(this.#held.base.data);
  }

  get recordNames(): RecordNames {
    return this.#parts.recordNames;
  }

  get live(): LiveSession {
    return this.#live.live;
  }

  get changes(): SessionChanges {
    return this.#live.changes;
  }

  /** What the answer must say about the cookie, should its head be formed now; for a head that is formed, what it must have said. */
  get cookieNeed(): CookieNeed {
    if (this.#cookieObstacle !== undefined && this.#cookieObstacle !== 'head-sent') return 'none';
    return this.#isBeingDestroyed ? this.#expiry : this.#cookieNeed;
  }

  /** The error of a destroy or regenerate that the application has waited for, and that still stands in the way of a save. */
  get toldFailure(): Error | undefined {
    const failed = this.#failureInTheWay;
    return failed?.promise.isWatched ? failed.error : undefined;
  }

  /** When the session ends, in epoch seconds; `undefined`: with the browser, as another program has written into the record. */
  get expiresAt(): number | undefined {
    const { permanent } = this.#meta;
    const isPermanent = this.#opening.permanent === undefined ? permanent !== false : permanent === true;
    return isPermanent ? this.#parts.lifetime.expiresAt(this.#meta) : undefined;
  }

  /** From now on no answer can carry the cookie. */
  withholdCookie(bar: CookieObstacle): void {
    this.#cookieObstacle ??= bar;
  }

  /**
   * Saves what changed since the last commit, after the updates that nobody waited for. Answers `undefined` when nothing is to be
   * waited for; {@link cookieNeed} is right as soon as this returns, before the save is done, unless an earlier action still runs.
   */
  commit(): Promise<void> | undefined {
    const updating = this.#madeUpdates?.running;
    return updating === undefined ? this.#commitInTurn() : updating.then(() => this.commit());
  }

  async save(): Promise<void> {
    // An update may call this, so it must not wait for updates.
    await this.#commitInTurn();
  }

  touch(): void {
    this.#renewalWanted = this.#held.standing === 'known';
  }

  regenerate({ keep = false }: RegenerateOptions, detach: boolean): Promise<void> {
    if (typeof keep !== 'boolean' && !Array.isArray(keep)) {
      return Promise.reject(new TypeError("regenerate: `keep` is true, false or a list of keys, such as ['cart']."));
    }
    return this.#ending(async (mine) => {
      const bar = this.#cookieObstacle;
      if (bar !== undefined && this.#held.standing === 'known') {
        throw new SessionConfigurationError(`The session cannot change its id here: ${COOKIE_OBSTACLE_REMEDY[bar]}.`);
      }
      await this.#retire(mine);
      const { data } = this.#live;
      const kept = keep === true ? { ...this.#hidden(), ...data } : pickKeys(data, keep === false ? [] : keep);
      this.#startAnew(kept, this.#meta, detach);
    });
  }

  destroy(): Promise<void> {
    this.#isBeingDestroyed = true;
    return this.#ending(async () => {
      try {
        await this.#endOthers();
        await this.#held.end(this.#remains);
      } finally {
        this.#isBeingDestroyed = false;
      }
      this.#madeUpdates?.destroyed();
      // A logout stands even if another request was first: what is written from here on is a session of its own.
      this.#ended = true;
      this.#startAnew({}, this.#metaOfNew);
    });
  }

  reload(): Promise<void> {
    return this.#turns.run(async () => {
      const fresh = await this.#held.read();
      if (fresh === undefined) {
        throw new SessionDestroyedError(
          'The session has no record in the store: it is new, has expired or was destroyed.',
        );
      }
      this.#live.become(fresh.data);
      this.#failedEnding = undefined;
    });
  }

  update<R>(update: Update<R>): Promise<R> {
    return this.#updates.run(update);
  }

  /**
   * Unless the application waits for it, the commit that follows tells of its failure.
   * @param task is given the keys changed before; what is changed while it runs belongs to what comes after.
   */
  #ending(task: (mine: ReadonlySet<string>) => Promise<void>): Promise<void> {
    const promise = WatchedPromise.of(
      this.#turns.run(async () => {
        this.#failedEnding = undefined;
        const mine = this.#live.take();
        try {
          await task(mine);
        } catch (error) {
          this.changes.giveBack(mine);
          this.#failedEnding = { error: error as Error, promise };
          throw error;
        }
      }),
    );
    return promise;
  }

  #commitInTurn(): Promise<void> | undefined {
    if (this.#turns.isBusy) return this.#turns.run(async () => this.#commitNow());
    const saving = this.#commitNow();
    return saving && this.#turns.run(() => saving);
  }

  #commitNow(): Promise<void> | undefined {
    const failed = this.#failureInTheWay;
    if (failed !== undefined) return Promise.reject(failed.error);
    const keys = this.#live.take();
    for (const key of this.#madeUpdates?.pending ?? []) keys.add(key);
    const status = this.#status(keys);
    switch (status) {
      case 'untouched':
        if (this.#mayRenew) return this.#carryOut(keys, () => this.#replace(keys), 'set');
        if (this.#isCookieDead) this.#cookieNeed = 'expire';
        return undefined;
      case 'changed':
        if (this.#held.standing !== 'known') return this.#create(keys);
        return this.#carryOut(keys, () => this.#replace(keys), this.#mayRenew ? 'set' : this.#needOfWrite);
      case 'regenerated':
        return this.#create(keys);
      case 'destroyed':
        if (this.#held.standing === 'known') return this.#carryOut(keys, () => this.#replace(keys), this.#expiry);
        this.#cookieNeed = this.#expiry;
        return undefined;
      default:
        return status satisfies never;
    }
  }

  /**
   * The failed destroy or regenerate that keeps what follows from being saved. One that has found the session ended by another
   * request, and has told the application, does not: nothing of that session will be saved anyway.
   */
  get #failureInTheWay(): FailedEnding | undefined {
    const failed = this.#failedEnding;
    return failed?.promise.isWatched && failed.error instanceof SessionDestroyedError ? undefined : failed;
  }

  #status(keys: ReadonlySet<string>): Status {
    switch (this.#held.standing) {
      case 'known':
        if (keys.size === 0) return 'untouched';
        // All data were removed: then the session is over, as in Flask.
        return this.#isEmpty ? 'destroyed' : 'changed';
      case 'new':
        if (this.#isEmpty) return this.#ended ? 'destroyed' : 'untouched';
        return this.#ended ? 'regenerated' : 'changed';
      default:
        this.#drop(keys);
        return 'untouched';
    }
  }

  #endOthers(): Promise<void> {
    const current = this.#held.standing === 'known' ? this.#held.id : undefined;
    return this.#opening.presented.endOthers(current, this.#remains);
  }

  get #metaOfNew(): SessionMeta {
    const { address, permanent } = this.#opening;
    return { addr: address, permanent };
  }

  /** Made with the first update: most requests have none. */
  get #updates(): SessionUpdates {
    return (this.#madeUpdates ??= new SessionUpdates({
      ...this.#parts,
      held: this.#held,
      live: this.#live,
      turns: this.#turns,
      copy: (value) => this.#parts.records.copy(value),
      create: () => this.#commitNow(),
      remains: () => this.#remains,
      ended: () => this.#isOver(),
      written: () => void (this.#cookieNeed = this.#needOfWrite),
    }));
  }

  get #isEmpty(): boolean {
    return this.#live.isEmpty && isEmptyData(this.#hidden());
  }

  get #mayRenew(): boolean {
    return this.#held.standing === 'known' && this.#renewalWanted && this.#cookieObstacle === undefined;
  }

  /** What the answer says of the cookie when the record is written and not renewed. */
  get #needOfWrite(): CookieNeed {
    return this.#parts.lifetime.renewsOnWrite && this.expiresAt !== undefined ? 'set' : this.#cookieNeed;
  }

  /** Where the answer cannot expire the cookie, the browser keeps it: its id must be able to open a new session at once. */
  get #remains(): Remains {
    return this.#cookieObstacle === undefined ? 'tombstone' : 'nothing';
  }

  /** What the answer says of the cookie of a session that is over. */
  get #expiry(): CookieNeed {
    return this.#opening.presented.isAny ? 'expire' : 'none';
  }

  /** Whether the browser's cookie opens nothing, here or in any other process, and never will. */
  get #isCookieDead(): boolean {
    return this.#parts.expireDeadCookies && this.#held.standing === 'new' && this.#opening.presented.isDead;
  }

  /** Sets the cookie's need at once, and takes everything back if the work fails. */
  async #carryOut(keys: ReadonlySet<string>, work: () => Promise<void>, need: CookieNeed): Promise<void> {
    const before = { meta: this.#meta, renewalWanted: this.#renewalWanted, cookieNeed: this.#cookieNeed };
    const { lifetime } = this.#parts;
    const renews = this.#held.standing === 'new' || this.#mayRenew;
    this.#meta = renews ? lifetime.renewed(this.#meta) : lifetime.written(this.#meta);
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
    const bar = this.#cookieObstacle;
    if (bar === undefined) {
      const data = this.#live.layOver(this.#held.base.data, Object.keys(this.#live.data));
      return this.#carryOut(
        keys,
        () => this.#held.create({ data, meta: this.#meta, text: this.#held.base.text }),
        'set',
      );
    }
    const message = `A new session was not stored: ${COOKIE_OBSTACLE_REMEDY[bar]}`;
    if (bar === 'head-sent') this.#parts.logger.warn(`${message} (${this.#opening.route()}).`);
    else this.#parts.logger.warnOnce(`${message}.`);
    return undefined;
  }

  /** This request's keys are laid over what the store holds by then; if nothing is left, the session is over. */
  async #replace(keys: ReadonlySet<string>): Promise<void> {
    const remains = this.#remains;
    let successor: Successor = remains;
    const mine = pickKeys(this.#live.data, keys);
    const stands = await this.#held.rewrite(({ data, meta, text }) => {
      const merged = { ...data };
      layKeysOver(merged, mine, keys);
      return (successor = isEmptyData(merged) ? remains : { data: merged, meta: this.#mergedMeta(meta), text });
    });
    if (!stands) this.#drop(keys);
    else if (typeof successor === 'string') this.#isOver();
    else this.#stands(successor);
  }

  #stands({ meta }: SessionRecord): void {
    this.#meta = meta;
    // Another request has added something to what this one emptied; it is not ours to remove.
    if (this.#cookieNeed === 'expire') this.#cookieNeed = 'none';
  }

  /** All data were removed, and the record with them. */
  #isOver(): void {
    this.#ended = true;
    this.#startAnew({}, this.#metaOfNew);
    this.#cookieNeed = this.#expiry;
  }

  /** The session has been ended by somebody else. Ending is final: our changes go, and no cookie leaves. */
  #drop(keys: ReadonlySet<string>): void {
    this.#cookieNeed = 'none';
    if (keys.size === 0) return;
    const { route, retired = false } = this.#opening;
    const when = retired ? 'came with the id of a session that had ended' : 'was under way when its session ended';
    this.#parts.logger.warn(`A request ${when}: what it changed in the session was dropped (${route()}).`);
  }

  /** The old id opens nothing from here on. What others wrote until then counts, beside the keys changed here. */
  async #retire(mine: ReadonlySet<string>): Promise<void> {
    const { standing } = this.#held;
    await this.#endOthers();
    if (standing === 'known' && (await this.#held.rewrite(() => 'tombstone'))) {
      const late = this.changes.takeMarked();
      const ours = [...mine, ...late, ...this.#live.take(), ...(this.#madeUpdates?.pending ?? [])];
      this.#live.rebase(this.#held.base.data, new Set(ours));
      this.changes.giveBack(late);
      this.#ended = true;
    }
    if (this.#held.standing === 'gone') {
      throw new SessionDestroyedError(
        'The session was ended by another request, such as a second click: load the page again.',
      );
    }
    if (standing === 'retired') this.#ended = true;
  }

  /** Another session begins, with these data and what was assigned while the old one was being ended. */
  #startAnew(data: Readonly<Record<string, unknown>>, meta: SessionMeta, detach = false): void {
    const late = this.changes.takeMarked();
    const lateData = pickKeys(this.#live.data, late);
    // What is kept keeps its text, too.
    const { text } = this.#held.base;
    this.#held.startAnew({ data: hiddenData(data), meta: {}, text: isEmptyData(data) ? undefined : text });
    this.#meta = { ...meta, seen: undefined };
    this.#cookieNeed = 'none';
    this.#renewalWanted = false;
    const fresh = { ...data };
    layKeysOver(fresh, lateData, late);
    if (detach) {
      this.#live.standAside(fresh);
      this.#opening.onReplaced?.(this.live);
    } else this.#live.become(fresh);
    // Whoever still holds one of the objects may change it after the next save.
    this.changes.giveBack(Object.keys(this.#live.data));
  }

  /** The later of the two renewals counts; what another program wrote about the pin, or removed from it, stays. */
  #mergedMeta(meta: SessionMeta): SessionMeta {
    const { created, seen } = this.#parts.lifetime.past(meta);
    return {
      created: created ?? this.#meta.created,
      seen: Math.max(seen ?? 0, this.#meta.seen ?? 0) || undefined,
      addr: meta.addr ?? this.#opening.address,
      permanent: meta.permanent,
    };
  }

  #hidden(): Record<string, unknown> {
    return hiddenData(this.#held.base.data);
  }
}

function stateOf({ record, retired = false }: Opening): RecordState {
  if (record !== undefined) return 'known';
  return retired ? 'retired' : 'new';
}
