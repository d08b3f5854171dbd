import type { Data } from '../session/session-data.js';
import type { Removal, ReadRecord, SessionRecord } from '../session/session-record.js';
import { SessionConfigurationError, SessionConflictError, type SessionEndReason } from '../session.errors.js';
import { pauseAfterConflict } from './conflict-retry.js';
import type { EventSubject } from './event-publisher.js';
import { JointSave } from './joint-save.js';
import type { Admission } from './keyed-queue.js';
import type { OpenRequest } from './open-request.js';
import type { Change, Rewritten, SyncChange } from './record-change.js';
import type { RecordState } from './record-state.js';
import type { SessionContext } from './session-context.js';
import { handleOf } from './session-handle.js';
import type { Written } from './session-records.js';
import { SessionSignal, type SignalledRecord } from './session-signal.js';

/** A compare-and-set that is over, and the text that it wrote, if that is a record. */
type Attempt<C extends Change> = Rewritten<C> & { readonly text?: string | undefined };

/** What a request knows of the record when it opens a session. */
export interface HandleStart {
  readonly state: RecordState;
  /** Absent: the handle draws an id only when it is needed, as drawing one costs as much as a signature. */
  readonly id?: string | undefined;
  readonly record?: ReadRecord | undefined;
  /** The request, if the handle is that of its session. */
  readonly request?: OpenRequest | undefined;
}

/** How a {@link RecordHandle} rewrites its record. */
export interface RewriteOptions {
  /** Whether to read the record again before the first attempt. */
  readonly reread?: boolean;
  /** The data that the request shows: a sign-in that it has noted is that of their user. */
  readonly shown?: Data;
}

/** Where no task waits or runs, the first begins at once. */
const INSIDE: Admission = { outcome: 'inside', text: undefined };

const EMPTY: SessionRecord = { data: {}, meta: {} };

/** One request's handle on its session's record: id, state, content as far as it is known, and how to change it. */
export class RecordHandle implements SignalledRecord, EventSubject {
  readonly #context: SessionContext;
  readonly #request: OpenRequest | undefined;
  #id: string | undefined;
  #state: RecordState;
  #base: SessionRecord;
  /** The text of the record, which another save has written with its own: it is decoded only when something asks for the base. */
  #written: string | undefined;
  /** The last read, while its version may be the newest. A write clears it: the request does not know the version that it wrote. */
  #read: ReadRecord | undefined;
  /** Made when something asks for it. */
  #signal: SessionSignal | undefined;
  /** The handle of the session that this one continues after a regenerate, where an event will say so. */
  #former: string | undefined;

  constructor(context: SessionContext, { state, id, record, request }: HandleStart) {
    this.#context = context;
    this.#state = state;
    this.#id = id;
    this.#read = record;
    this.#base = record ?? EMPTY;
    this.#request = request;
  }

  get id(): string {
    return (this.#id ??= this.#context.options.generateId());
  }

  get state(): RecordState {
    return this.#state;
  }

  /** What the store holds, as far as is known. For a new session: what its record will hold beside the data of the request. */
  get base(): SessionRecord {
    if (this.#written !== undefined) {
      this.#noteBase(this.#context.records.decoded(this.id, this.#written) ?? this.#base);
    }
    return this.#base;
  }

  get expiresAt(): number {
    return this.#context.lifetime.expiresAt(this.base.meta);
  }

  get handle(): string {
    return handleOf(this.#context.records.nameOf(this.id));
  }

  get user(): string | undefined {
    return this.#context.events.userOf(this.base.data);
  }

  get route(): string | undefined {
    return this.#request?.route();
  }

  /** Aborts when the session ends. */
  get signal(): AbortSignal {
    return (this.#signal ??= new SessionSignal(this.#context, this, this.#request?.signalScope?.())).current;
  }

  /**
   * From here on the handle is that of a new session, which has no id yet.
   * @param base what its record will hold beside the data of the request.
   * @param reason why the present session has ended.
   * @param _kept the data that survive.
   */
  startOver(base: SessionRecord, reason: SessionEndReason, _kept: Data): void {
    if (reason !== 'regenerated') this.#former = undefined;
    else if (this.#state === 'known') this.#former = this.#context.events.wants('created') ? this.handle : undefined;
    this.#id = undefined;
    this.#state = 'new';
    this.#noteBase(base);
    this.#read = undefined;
    this.#signal?.startOver(reason);
  }

  /**
   * Stores the new session.
   * @throws {SessionConfigurationError} when three ids in a row are taken.
   */
  async create(record: SessionRecord): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const created = await this.createOnce(record);
      if (created !== undefined) return this.#noteCreated(created);
      this.#id = undefined;
    }
    throw new SessionConfigurationError('`generateId` keeps making ids that are taken: make it random.');
  }

  /**
   * Reads the record again.
   * @returns the record; `undefined` when the session has none any more, or has none yet.
   */
  async read(): Promise<ReadRecord | undefined> {
    if (this.#state !== 'known') return undefined;
    const found = await this.#context.records.read(this.id);
    if (typeof found !== 'object') {
      this.#state = 'gone';
      return undefined;
    }
    this.#noteBase(found);
    this.#read = found;
    return found;
  }

  /**
   * Repeats a compare-and-set until it wins, each time on what another request has written meanwhile. Never brings back a record
   * that is gone.
   * @param change makes the replacement from the record as it is in the store. It may run several times.
   * @param options see {@link RewriteOptions}.
   * @throws {SessionConflictError} when no attempt wins, too many saves wait, or the client has left.
   */
  async rewrite<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    { reread = false }: RewriteOptions = {},
  ): Promise<Rewritten<C>> {
    // A change that begins with a read takes its time, and is not done by another save.
    let joinable = reread ? undefined : (change as SyncChange<C>);
    for (;;) {
      const waiting = this.#enterQueue(joinable, reread);
      let admission: Admission = INSIDE;
      try {
        if (waiting !== undefined) admission = await waiting;
      } catch (error) {
        throw this.#gaveUp(error);
      }
      if (admission === 'alone') joinable = undefined;
      if (typeof admission === 'string') continue;
      if (admission.outcome !== 'inside') return this.#noteJoined<C>(admission);
      return this.#rewriteInTurn(change, reread, admission.text);
    }
  }

  /**
   * Stores the new session under its present id.
   * @returns what was stored; `undefined` when the id is taken.
   */
  protected async createOnce(record: SessionRecord): Promise<SessionRecord | undefined> {
    return (await this.#context.records.create(this.id, record)) ? record : undefined;
  }

  /**
   * Tidies up where a session was retired and no other has taken its place.
   * @returns a promise of it; `undefined` when there is nothing to wait for.
   */
  settle(): Promise<void> | undefined {
    return undefined;
  }

  /** Whether the record lacks its entry in the list of its user. */
  get lacksListing(): boolean {
    return false;
  }

  /** The names of the entries that stand for this session in the list of its user: more than one during a regenerate. */
  get listedAs(): readonly string[] {
    return [this.#context.records.nameOf(this.id)];
  }

  /**
   * Destroys the record, if there is one, no matter what other requests do to it meanwhile.
   * @returns `false` when there was none.
   */
  async destroy(removal: Removal): Promise<boolean> {
    const { records, events } = this.#context;
    const isDestroyed = this.#state === 'known' && (await records.destroy(this.id, removal));
    if (isDestroyed && this.#request !== undefined) events.ended(this, 'logout');
    return isDestroyed;
  }

  /** The session is retired, and nothing has told of its end before. */
  protected noteRetired(): void {}

  #enterQueue(change: SyncChange | undefined, reread: boolean): Promise<Admission> | undefined {
    const waiting = this.#context.saveQueue.enter(this.id, this.#request?.client, change);
    // Where other requests save first, the version that was read is old by the time they are done.
    if (reread || waiting !== undefined) this.#read = undefined;
    return waiting;
  }

  /** @param left the text that the save before this one has left. */
  async #rewriteInTurn<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    reread: boolean,
    left: string | undefined,
  ): Promise<Rewritten<C>> {
    let written: string | undefined;
    try {
      if (left !== undefined) this.#takeOver(left);
      for (let conflicts = 0; ; await this.#pause(++conflicts)) {
        const rewritten = await this.#attempt(change);
        if (rewritten === 'conflict') continue;
        ({ text: written } = rewritten);
        return rewritten;
      }
    } finally {
      // The function of an update may have changed the record's objects and then failed. No later save may write them.
      if (reread) this.#read = undefined;
      this.#context.saveQueue.leave(this.id, written);
    }
  }

  async #pause(conflicts: number): Promise<void> {
    try {
      await pauseAfterConflict(conflicts);
    } catch (error) {
      throw this.#gaveUp(error);
    }
  }

  /** Waiting for other writers has failed. The function of an update may throw a conflict too, which is that of another session. */
  #gaveUp(error: unknown): unknown {
    if (error instanceof SessionConflictError) this.#context.events.conflict(this);
    return error;
  }

  /**
   * Goes on from the text that the save before this one has written, as if it were read now: another process that writes meanwhile
   * makes a conflict, as it does after a read. The text is decoded anew, so that two requests never share an object.
   */
  #takeOver(text: string): void {
    const found = this.#context.records.recordOf(this.id, text);
    if (found === undefined) return;
    this.#noteBase(found);
    this.#read = found;
  }

  /** Tries one compare-and-set on what was read. */
  async #attempt<C extends Change>(change: (base: ReadRecord) => C | Promise<C>): Promise<Attempt<C> | 'conflict'> {
    const { records } = this.#context;
    const read = this.#read ?? (await this.read());
    if (read === undefined) return { outcome: 'gone' };
    const making = change(read);
    const made = making instanceof Promise ? await making : making;
    const { replacement, reason = 'destroyed' } = made;
    const { outcome, text }: Written =
      typeof replacement === 'string'
        ? { outcome: await records.retire(this.id, read.version, { removal: replacement, reason }) }
        : await this.#replace(replacement, read.version);
    this.#read = undefined;
    if (outcome === 'conflict') return outcome;
    if (outcome === 'missing') {
      this.#state = 'gone';
      return { outcome: 'gone' };
    }
    if (typeof replacement === 'string') this.#noteRemoved(reason);
    else this.#noteStored(replacement);
    return { outcome, change: made, text };
  }

  /** Replaces the record, and does at once what waits for it in the queue. */
  async #replace(replacement: SessionRecord, version: unknown): Promise<Written> {
    const { records, saveQueue } = this.#context;
    const joint = new JointSave(replacement, version);
    saveQueue.join(this.id, (save) => joint.add(save));
    if (!joint.isJoint) return records.replace(this.id, replacement, version);
    try {
      const written = await records.replace(this.id, joint.record, version);
      joint.end(written);
      return written;
    } catch (error) {
      if (!joint.fail(error)) throw error;
      // The fault may be that of another save, or all together may be too much for one record.
      return records.replace(this.id, replacement, version);
    }
  }

  /** Notes what another save has done with its own. */
  #noteJoined<C extends Change>(admission: Exclude<Admission, string>): Rewritten<C> {
    if (admission.outcome !== 'replaced') {
      this.#state = 'gone';
      return { outcome: 'gone' };
    }
    this.#read = undefined;
    this.#written = admission.text;
    return { outcome: 'replaced', change: admission.change as C };
  }

  #noteCreated(record: SessionRecord): void {
    this.#noteStored(record);
    this.#signal?.noteStored();
    this.#context.events.created(this, this.#former);
    this.#former = undefined;
  }

  /** The record is removed by compare-and-set, so that no other request has done so. */
  #noteRemoved(reason: SessionEndReason): void {
    const { events } = this.#context;
    // What has a handle on the session of another request knows why it removes that.
    if (this.#request === undefined) return;
    if (reason !== 'regenerated') events.ended(this, 'emptied');
    else if (events.regenerated(this)) this.noteRetired();
  }

  #noteStored(record: SessionRecord): void {
    this.#state = 'known';
    this.#noteBase(record);
    this.#read = undefined;
  }

  #noteBase(record: SessionRecord): void {
    this.#base = record;
    this.#written = undefined;
  }
}
