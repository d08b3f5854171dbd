import { createLiveSession, type SessionKeeper, type SessionTerms } from '../session/live-session.js';
import type { MetaEdit } from '../session/meta-edit.js';
import { hiddenData, isEmptyData, layKeysOver, type Data } from '../session/session-data.js';
import type { LiveSession, RegenerateOptions } from '../session/session-members.js';
import type { SessionRecord, SignIn } from '../session/session-record.js';
import type { TrackedData } from '../session/tracked-data.js';
import { TrackedMeta } from '../session/tracked-meta.js';
import { ActionQueue } from './action-queue.js';
import { CommitMeasurement } from './commit-measurement.js';
import { obstacleError, type CookieObstacle } from './cookie-obstacle.js';
import { holdRecord } from './listed-record.js';
import { endedError } from './ended-error.js';
import type { OpenRequest } from './open-request.js';
import type { FoundSession, PresentedSessions } from './presented-sessions.js';
import type { Change, Replacement } from './record-change.js';
import type { RecordHandle } from './record-handle.js';
import { ResponseCookie, type CookieAction } from './response-cookie.js';
import { RegenerateKeep, type NewStart } from './regenerate-keep.js';
import type { SessionContext } from './session-context.js';
import { statusOf, type SessionContent } from './session-status.js';
import { UnsavedChanges } from './unsaved-changes.js';
import { runUpdate, type UpdateFunction } from './update-function.js';

/*
 * Three words for the end of a session, here and in the rest of the engine:
 * - destroy: the session is over. `destroy()` does it, and so does a request that removes all data.
 * - retire: the session gives its id up for another one. `regenerate()` does it.
 * - gone: another request has destroyed or retired the record, or it has expired or can no longer be read, while this request held
 *   it.
 */

/** What the engine found behind the cookies of a request. */
export interface OpenSessionStart {
  readonly presented: PresentedSessions;
  /** Absent: a new session. `'retired'`: nothing is stored until the request regenerates or destroys the session. */
  readonly found: FoundSession | 'retired' | undefined;
}

/** The session of one request, from open to the last commit. Requests share nothing, even if they carry the same id. */
export class OpenSession implements SessionKeeper, SessionContent {
  readonly #context: SessionContext;
  readonly #request: OpenRequest;
  readonly #presented: PresentedSessions;
  readonly #record: RecordHandle;
  readonly #actions = new ActionQueue(this);
  #live: LiveSession;
  #data: TrackedData;
  readonly #meta: TrackedMeta;
  readonly #cookie: ResponseCookie;
  /** Only this class sets it. */
  hasStartedOver = false;

  constructor(context: SessionContext, request: OpenRequest, { presented, found }: OpenSessionStart) {
    const { permanent } = request;
    const known = typeof found === 'object' ? found : undefined;
    this.#context = context;
    this.#request = request;
    this.#presented = presented;
    this.#cookie = new ResponseCookie(presented, this.#actions, request.cookieObstacle);
    const state = typeof found === 'object' ? 'known' : (found ?? 'new');
    this.#record = holdRecord(context, { state, id: known?.id, record: known?.record, request });
    this.#meta = new TrackedMeta(context.lifetime, { addr: presented.address, permanent }, known?.record.meta);
    if (this.#cookie.isOutdated(known) || this.#record.lacksListing) this.#meta.wantRenewal();
    ({ live: this.#live, data: this.#data } = createLiveSession(this, {
      data: this.#record.base.data,
      form: context.records,
    }));
  }

  get id(): string {
    return this.#record.id;
  }

  get isNew(): boolean {
    return this.#record.state !== 'known';
  }

  get signal(): AbortSignal {
    return this.#record.signal;
  }

  get listedAs(): readonly string[] {
    return this.#record.listedAs;
  }

  get route(): string {
    return this.#request.route();
  }

  get isEstablished(): boolean {
    return !this.isNew && !isEmptyData(this.#record.base.data);
  }

  get isEmpty(): boolean {
    return isEmptyData(this.#data.valuesUntil(this.#actions.horizon)) && isEmptyData(this.#hidden);
  }

  get hasEdits(): boolean {
    return this.#meta.hasEdits(this.#actions.horizon);
  }

  get signIn(): SignIn | undefined {
    return this.#meta.signInOf(this.#record);
  }

  get hasCalls(): boolean {
    return this.#actions.hasCalls;
  }

  get terms(): SessionTerms {
    return this.#context.options;
  }

  get live(): LiveSession {
    return this.#live;
  }

  get data(): TrackedData {
    return this.#data;
  }

  /** The cookie action for the response; once the head is formed, the action that it should have contained. */
  get cookieAction(): CookieAction {
    return this.#cookie.action;
  }

  /** The error of a failed destroy or regenerate that the application has waited for, and after which nothing may be saved. */
  get watchedFailure(): Error | undefined {
    const failed = this.#actions.failedEnding;
    return failed?.promise.isWatched ? failed.error : undefined;
  }

  /** When the session ends, in epoch seconds; `undefined`: when the browser closes. */
  get expiresAt(): number | undefined {
    return this.#meta.expiresAt;
  }

  /** Whether the cookie outlives the browser, whatever the options say. */
  get isRemembered(): boolean {
    return this.#meta.isRemembered;
  }

  noteLateTouch(): void {
    // The application has until the next turn of the event loop to call `save`.
    setImmediate(() => this.#unsaved.ofLateChange(this, this.#cookie.obstacle));
  }

  /** Notes that no response can carry the cookie from here on. */
  withholdCookie(obstacle: CookieObstacle): void {
    this.#cookie.withhold(obstacle);
  }

  /**
   * Saves what changed since the last commit. {@link OpenSession.cookieAction} is right as soon as this returns, before the save is
   * done, unless an earlier action still runs.
   * @returns a promise of the save; `undefined` when there is nothing to wait for.
   */
  commit(): Promise<void> | undefined {
    if (this.#actions.isBusy) return this.#commitInTurn();
    const saving = this.#commitNow();
    return saving && this.#actions.run(() => saving);
  }

  save(): Promise<void> {
    return this.#actions.runCall('save', async (changed) => {
      this.#data.markChanged(changed);
      await this.#saveChanges();
    });
  }

  touch(): void {
    if (this.#record.state === 'known') this.#meta.wantRenewal();
  }

  edit(edit: MetaEdit): void {
    if (edit.lifetime !== undefined) this.#cookie.needFor(this.#record, 'The session cannot get another lifetime here');
    this.#meta.edit(edit);
  }

  regenerate({ keep = false }: RegenerateOptions, detach: boolean): Promise<void> {
    const keeping = new RegenerateKeep(keep);
    return this.#actions.runEnding('regenerate', async (changed, moment) => {
      keeping.check();
      this.#cookie.needFor(this.#record, 'The session cannot change its id here');
      await this.#retire(changed);
      const data = keeping.dataOf(this.#data.values, this.#hidden);
      const retired = { record: this.#record, meta: this.#meta, mine: this.#data.valuesUntil(moment) };
      const kept = keeping.metaOf(this.#context.options.users, retired, data);
      this.#startOver(data, { moment, kept, detach });
    });
  }

  destroy(): Promise<void> {
    return this.#actions.runEnding('destroy', async (_changed, moment) => {
      await this.#presented.destroyOthers(this.#record, this.#cookie.removal, 'logout');
      await this.#record.destroy(this.#cookie.removal);
      // A logout stands even if another request was first. Data written from here on belong to a session of their own.
      this.hasStartedOver = true;
      this.#startOver({}, { moment });
    });
  }

  reload(): Promise<void> {
    return this.#actions.runCall('reload', async (_changed, moment) => {
      const fresh = await this.#record.read();
      if (fresh === undefined) throw endedError('reload');
      this.#data.replaceBy(fresh.data);
      this.#meta.dropEdits(moment);
      this.#actions.forgetWatchedEnding();
    });
  }

  update<R>(fn: UpdateFunction<R>): Promise<R> {
    return this.#actions.runCall('update', async (changed, moment) => {
      const failed = this.#actions.failedEnding;
      // After a login whose regenerate failed, this would save the user's data in the session from before the login.
      if (failed !== undefined) throw failed.error;
      return this.#record.state === 'new' ? this.#updateNew(fn) : this.#updateKnown(fn, changed, moment);
    });
  }

  /** Commits after the calls that were made before, and again after those that were made meanwhile. */
  async #commitInTurn(): Promise<void> {
    do await this.#actions.run(async () => this.#commitNow());
    while (this.#actions.hasCalls);
  }

  #commitNow(): Promise<void> | undefined {
    const failure = this.#actions.takeUnwatchedFailure();
    return failure === undefined ? this.#saveChanges() : Promise.reject(failure);
  }

  #saveChanges(): Promise<void> | undefined {
    const failed = this.#actions.failedEnding;
    if (failed !== undefined) return Promise.reject(failed.error);
    const changed = this.#data.takeChanges(this.#actions.horizon);
    const status = statusOf(this.#record.state, changed.size > 0, this);
    switch (status) {
      case 'untouched':
        // A record without data, as Quart-Session writes it, would be removed.
        if (this.#mayRenew && !this.isEmpty) return this.#write(changed, 'set');
        if (this.#isCookieDead) this.#cookie.decide('expire');
        return undefined;
      case 'created': {
        const { obstacle } = this.#cookie;
        return obstacle === undefined ? this.#write(changed, 'set') : this.#unsaved.ofNewSession(obstacle);
      }
      case 'changed':
        return this.#write(changed, this.#mayRenew ? 'set' : this.#actionOfWrite);
      case 'destroyed':
        if (this.#record.state === 'known') return this.#write(changed, this.#cookie.actionWhenOver);
        this.#cookie.decide(this.#cookie.actionWhenOver);
        return this.#record.settle();
      case 'dropped':
        return this.#discard(changed);
      default:
        return status satisfies never;
    }
  }

  /** Saves the session. Decides the cookie action at once, and takes every change of state back if the save fails. */
  async #write(changed: ReadonlySet<string>, action: CookieAction): Promise<void> {
    const measurement = CommitMeasurement.begin(this.#context.options.name);
    const before = { meta: this.#meta.state, action: this.#cookie.decided };
    const isNew = this.#record.state === 'new';
    const { horizon } = this.#actions;
    if (isNew || this.#mayRenew) this.#meta.markRenewed(horizon);
    else this.#meta.markWritten(horizon);
    this.#cookie.decide(action);
    try {
      await (isNew ? this.#createRecord() : this.#replaceRecord(changed));
      this.#meta.markSaved();
      measurement?.ended(isNew, this.#record.state);
    } catch (error) {
      measurement?.failed(error);
      this.#meta.restore(before.meta);
      this.#cookie.decide(before.action);
      this.#data.markChanged(changed);
      throw error;
    }
  }

  async #createRecord(): Promise<void> {
    const { data, text } = this.#record.base;
    await this.#record.create({
      data: { ...data, ...this.#data.valuesUntil(this.#actions.horizon) },
      meta: this.#meta.current,
      text,
    });
  }

  /** Lays the changed keys of this request over what the store holds by then. If no data remain, the session is over. */
  async #replaceRecord(changed: ReadonlySet<string>): Promise<void> {
    const mine = this.#data.pick(changed);
    const shown = this.#data.valuesUntil(this.#actions.horizon);
    const change = ({ data, meta, text }: SessionRecord): Change => {
      const merged = { ...data };
      layKeysOver(merged, mine, changed);
      return { replacement: this.#recordOf({ data: merged, meta: this.#meta.mergedWith(meta), text }) };
    };
    const rewritten = await this.#record.rewrite(change, { shown });
    if (rewritten.outcome === 'gone') return this.#discard(changed);
    const { replacement } = rewritten.change;
    if (typeof replacement === 'string') return this.#wasEmptied(0);
    this.#meta.set(replacement.meta);
    // Another request has added data to the session that this one emptied, so it goes on, and its cookie stays.
    if (this.#cookie.decided === 'expire') this.#cookie.decide('none');
  }

  async #updateKnown<R>(fn: UpdateFunction<R>, changed: ReadonlySet<string>, moment: number): Promise<R> {
    const mine = this.#data.pick(changed);
    const rewritten = await this.#record.rewrite(
      async ({ data, meta, text }) => {
        const draft = this.#data.draftOf(data, mine, changed);
        const result = await this.#runUpdate(fn, draft);
        const written = this.#context.lifetime.metaAfterWrite(meta);
        const replacement = this.#recordOf({ data: { ...hiddenData(data), ...draft }, meta: written, text });
        return { replacement, draft, result };
      },
      { reread: true },
    );
    if (rewritten.outcome === 'gone') throw endedError('update');
    const { draft, result, replacement } = rewritten.change;
    if (typeof replacement === 'string') this.#wasEmptied(moment);
    else {
      this.#meta.set(this.#meta.mergedWith(replacement.meta));
      this.#cookie.decide(this.#actionOfWrite);
    }
    this.#data.merge(draft);
    return result;
  }

  async #updateNew<R>(fn: UpdateFunction<R>): Promise<R> {
    const before = { ...this.#data.valuesUntil(this.#actions.horizon) };
    const draft = this.#data.draftOf({}, before, Object.keys(before));
    const result = await this.#runUpdate(fn, draft);
    this.#data.merge(draft);
    try {
      await this.#saveChanges();
      const { obstacle } = this.#cookie;
      // An update that resolves is counted.
      if (obstacle !== undefined && !this.isEmpty) throw obstacleError(obstacle, 'The new session cannot be stored');
    } catch (error) {
      this.#data.merge(before);
      throw error;
    }
    return result;
  }

  #runUpdate<R>(fn: UpdateFunction<R>, draft: Record<string, unknown>): Promise<R> {
    return runUpdate({ fn, session: this, warn: (message) => this.#warn(message) }, draft);
  }

  /**
   * Retires the old id, which then opens nothing. Takes over what other requests wrote until then, except the keys changed here.
   */
  async #retire(changed: ReadonlySet<string>): Promise<void> {
    const { state } = this.#record;
    await this.#presented.destroyOthers(this.#record, this.#cookie.removal, 'replaced');
    if (state === 'known') {
      const { outcome } = await this.#record.rewrite(() => ({ replacement: 'tombstone', reason: 'regenerated' }));
      if (outcome === 'replaced') this.#data.merge(this.#record.base.data, changed);
    }
    if (this.#record.state === 'gone') throw endedError('regenerate');
    if (state !== 'new') this.hasStartedOver = true;
  }

  /** Starts a new session with these data, and with what was assigned while the old one was being destroyed or retired. */
  #startOver(data: Data, { moment, kept, detach = false }: NewStart): void {
    // Data that are kept also keep the text in which they were stored.
    const { text } = this.#record.base;
    this.#meta.startOver(moment, kept);
    const { signIn } = this.#meta.current;
    const base = { data: hiddenData(data), meta: { signIn }, text: isEmptyData(data) ? undefined : text };
    this.#record.startOver(base, kept === undefined ? 'destroyed' : 'regenerated', data);
    this.#cookie.decide('none');
    if (detach) {
      const start = { data, form: this.#context.records, former: this.#data };
      ({ live: this.#live, data: this.#data } = createLiveSession(this, start));
      this.#request.show?.(this.#live);
    } else this.#data.replaceBy(data);
    // The next save begins to watch these keys: the application may still hold an object from before, and change it later.
    this.#data.markChanged(Object.keys(this.#data.values));
  }

  /** Starts over after all data were removed, and the record with them. */
  #wasEmptied(moment: number): void {
    this.hasStartedOver = true;
    this.#startOver({}, { moment });
    this.#cookie.decide(this.#cookie.actionWhenOver);
  }

  /** The record is gone and stays gone: drops the changes of this request, and sends no cookie. */
  #discard(changed: ReadonlySet<string>): Promise<void> | undefined {
    this.#cookie.decide('none');
    if (!this.#meta.dropEdits(this.#actions.horizon) && changed.size === 0) return undefined;
    return this.#unsaved.ofEndedSession(this.#record.state, this.#cookie.obstacle);
  }

  get #unsaved(): UnsavedChanges {
    return new UnsavedChanges(this.#context.logger, () => this.#request.route());
  }

  #warn(message: string): void {
    this.#context.logger.warn(`${message} (${this.#request.route()}).`);
  }

  get #hidden(): Record<string, unknown> {
    return hiddenData(this.#record.base.data);
  }

  get #mayRenew(): boolean {
    if (this.#record.state !== 'known' || !this.#cookie.mayRenew) return false;
    return this.#meta.isRenewalWanted || this.#meta.hasNewLifetime(this.#actions.horizon);
  }

  /** The cookie action when the record is written without being renewed. */
  get #actionOfWrite(): CookieAction {
    return this.#context.lifetime.renewsOnWrite && this.expiresAt !== undefined ? 'set' : this.#cookie.decided;
  }

  /** Whether the response should expire a cookie that opens nothing in any process, and never will (`expireDeadCookies`). */
  get #isCookieDead(): boolean {
    return this.#context.options.expireDeadCookies && this.#record.state === 'new' && this.#presented.isDead;
  }

  /** What to write for a record. One without data is none, and is removed. */
  #recordOf(record: SessionRecord): Replacement {
    return isEmptyData(record.data) ? this.#cookie.removal : record;
  }
}
