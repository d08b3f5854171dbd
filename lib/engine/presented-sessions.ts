import type { UnsignedCookie } from '../cookies/cookie-signer.js';
import type { MigratedSession } from '../migration/session-migrator.js';
import { isWellFormedId, MAX_IDS } from '../session/session-id.js';
import type { Removal, ReadRecord, SessionRecord } from '../session/session-record.js';
import { holdRecord } from './listed-record.js';
import type { OpenedOutcome } from './measurements.js';
import type { OpenRequest } from './open-request.js';
import type { EventSubject } from './event-publisher.js';
import type { RecordState } from './record-state.js';
import type { FoundRecord } from './session-records.js';
import type { EndedBecause, RefusedBecause } from './session-event.js';
import type { SessionContext } from './session-context.js';
import { handleOf } from './session-handle.js';
import { verifiedRecord, type CheckedRecord } from './verified-record.js';

/** A valid stored session, and the cookie that opened it. */
export interface FoundSession {
  readonly id: string;
  readonly record: ReadRecord;
  /** Whether this engine would now write another cookie: this one is signed with an old secret, or is another library's. */
  readonly needsNewCookie: boolean;
}

const NO_IDS: readonly string[] = [];
const NO_SESSIONS: readonly FoundSession[] = [];

/**
 * The sessions whose ids a request presents. A browser sends one cookie for each path and domain (RFC 6265, section 5.4), and the
 * first may be dead: the first cookie that opens a live session counts.
 */
export class PresentedSessions {
  /** The client's address, if sessions are pinned. */
  readonly address: string | undefined;
  readonly #context: SessionContext;
  readonly #request: OpenRequest;
  #next = 0;
  readonly #ids: string[] = [];
  /** Live sessions behind further cookies, until they are destroyed. */
  #others = NO_SESSIONS;
  /** Ids with a record that this process does not accept. Another version of the application may accept it. */
  #refused: readonly string[] = NO_IDS;
  #isRetired = false;
  /** How many cookies that tell no id were published as refused. */
  #withoutId = 0;
  #isPinnedElsewhere = false;
  /** Why the last cookie that was looked at opens no session. */
  refusedBecause: OpenedOutcome | undefined;

  constructor(context: SessionContext, request: OpenRequest) {
    this.#context = context;
    this.#request = request;
    this.address = context.options.pin && request.address();
  }

  /** Whether the browser has a cookie that a response could expire. */
  get isAny(): boolean {
    return this.#request.cookies.length + this.#request.migrationCookies.length > 0;
  }

  /** Whether every cookie was looked up and none has a record or a tombstone: then no process will ever accept them. */
  get isDead(): boolean {
    const areAll = this.#ids.length > 0 && this.#ids.length === this.#request.cookies.length;
    return areAll && this.#refused.length === 0 && !this.#isRetired && !this.#isPinnedElsewhere;
  }

  /** Finds the next live session: at first the one that the request opens. Each cookie costs one read of the store. */
  async findNext(): Promise<FoundSession | undefined> {
    for (let cookie = this.#nextCookie(); cookie !== undefined; cookie = this.#nextCookie()) {
      const { id, rotated } = cookie;
      const record = this.#live(id, await this.#read(id));
      if (record === undefined) continue;
      if (!this.#isElsewhere(record)) return { id, record, needsNewCookie: rotated };
      await this.#refuseElsewhere(id, record);
    }
    return undefined;
  }

  /**
   * What the request opens where no cookie of ours opens a live session.
   * @returns `'retired'` when one of the ids has a tombstone; the session that another library left; `undefined` when there is none.
   */
  async findInstead(): Promise<FoundSession | 'retired' | undefined> {
    return this.#isRetired ? 'retired' : this.#migrate();
  }

  /**
   * Destroys all sessions that the request presents, except the one that it has opened: records that this process does not accept,
   * live sessions behind further cookies of the name, and sessions of the library that is migrated from.
   * @param current the session that the request has opened.
   * @param removal how to remove a record that was not accepted. A live session behind a further cookie leaves
   * nothing: the response cannot expire all of those cookies, so their ids must be able to open a new session at once.
   * @param because why these sessions end, for an event.
   */
  async destroyOthers(
    current: { readonly state: RecordState; readonly id: string },
    removal: Removal,
    because: EndedBecause,
  ): Promise<void> {
    const { migrator } = this.#context;
    for (let live = await this.findNext(); live !== undefined; live = await this.findNext())
      this.#others = [...this.#others, live];
    await Promise.all([
      ...this.#others.map((other) => this.#destroyOther(other, because)),
      ...this.#refused.map((id) => this.#destroyRefused(id, removal, because)),
    ]);
    // Only now, so that a second attempt finds them again if the store has failed.
    this.#others = NO_SESSIONS;
    this.#refused = NO_IDS;
    const { migrationCookies } = this.#request;
    if (migrationCookies.length > 0)
      await migrator?.destroyAll(migrationCookies, current.state === 'known' ? current.id : undefined);
  }

  #nextCookie(): UnsignedCookie | undefined {
    const { cookies, incoming } = this.#request;
    const { signer } = this.#context.options;
    while (this.#next < cookies.length && this.#ids.length < MAX_IDS) {
      const cookie = cookies[this.#next++] ?? '';
      const verified = signer ? signer.unsign(cookie, incoming) : { id: cookie, rotated: false };
      if (verified === undefined || !isWellFormedId(verified.id)) {
        this.#refuseCookie(cookie, verified);
        continue;
      }
      if (this.#ids.includes(verified.id)) continue;
      this.#ids.push(verified.id);
      return verified;
    }
    return undefined;
  }

  #read(id: string): Promise<CheckedRecord> {
    const read = this.#context.records.read(id);
    return (this.#verifiesReads ? this.#verified(id, read) : read).catch((error: unknown) => {
      // A second attempt begins with this cookie again.
      this.#next--;
      this.#ids.pop();
      throw error;
    });
  }

  get #verifiesReads(): boolean {
    return this.#context.options.users?.verifiesReads === true;
  }

  async #verified(id: string, reading: FoundRecord | Promise<FoundRecord>): Promise<CheckedRecord> {
    const found = await reading;
    if (typeof found !== 'object') return found;
    const checked = await verifiedRecord(this.#context, id, found);
    if (checked === 'unlisted') this.#end(id, found, 'unlisted');
    return checked;
  }

  /** The record, if it is live. Notes what else there is. */
  #live(id: string, found: CheckedRecord): ReadRecord | undefined {
    if (found === 'unlisted') return undefined;
    if (found === 'retired') this.#isRetired = true;
    if (found === undefined || found === 'retired') {
      this.#refuse(found === undefined ? 'unknown' : 'ended', id);
      return undefined;
    }
    if (found !== 'unreadable' && !this.#context.lifetime.isExpired(found.meta)) return found;
    this.#refused = [...this.#refused, id];
    if (found === 'unreadable') this.#refuse('unreadable', id);
    else this.#end(id, found, 'expired');
    return undefined;
  }

  /** Opens a session that another library left, if no cookie of ours opens one. */
  async #migrate(): Promise<FoundSession | 'retired' | undefined> {
    const { migrationCookies, permanent } = this.#request;
    const { migrator, lifetime } = this.#context;
    if (migrator === undefined || migrationCookies.length === 0) return undefined;
    const migrated = await migrator.open(migrationCookies, { addr: this.address, permanent });
    if (migrated === 'retired' || migrated === undefined) return migrated;
    const { id } = migrated;
    const record = await this.#checked(migrated);
    if (typeof record !== 'object') return record;
    if (lifetime.isExpired(record.meta)) {
      this.#end(id, record, 'expired');
      return undefined;
    }
    if (this.#isElsewhere(record)) return this.#refuseElsewhere(id, record);
    // As for a cookie with an old signature, a save shows whether the id still holds before the new cookie leaves.
    return { id, record, needsNewCookie: true };
  }

  /** What is left of a migrated record after a look into the list of its user. */
  async #checked({ id, record, isNew }: MigratedSession): Promise<ReadRecord | 'retired' | undefined> {
    if (isNew) this.#create(id, record);
    const checked = this.#verifiesReads ? await this.#verified(id, record) : record;
    return checked === 'unlisted' || checked === 'unreadable' ? undefined : checked;
  }

  /** Refuses a record that the client's address may not use. The option `onMismatch` decides whether it is destroyed. */
  async #refuseElsewhere(id: string, record: ReadRecord): Promise<undefined> {
    this.#isPinnedElsewhere = true;
    const isDestroyed = this.#context.options.onMismatch === 'destroy' && (await this.#destroyPinned(id, record));
    if (isDestroyed) this.#end(id, record, 'pin');
    else this.#refuse('pin', id, record);
    return undefined;
  }

  /**
   * Destroys a record that is pinned to another address. Leaves no tombstone, so that the owner can start anew at once, and removes
   * none that the owner's own login has left meanwhile.
   * @returns whether it destroyed the record.
   */
  async #destroyPinned(id: string, record: ReadRecord): Promise<boolean> {
    const handle = holdRecord(this.#context, { state: 'known', id, record });
    const rewritten = await handle.rewrite((base) => ({ replacement: this.#isElsewhere(base) ? 'delete' : base }));
    return rewritten.outcome === 'replaced' && rewritten.change.replacement === 'delete';
  }

  async #destroyOther({ id, record }: FoundSession, because: EndedBecause): Promise<void> {
    const isDestroyed = await holdRecord(this.#context, { state: 'known', id, record }).destroy('delete');
    if (isDestroyed) this.#end(id, record, because);
  }

  async #destroyRefused(id: string, removal: Removal, because: EndedBecause): Promise<void> {
    if (await this.#context.records.destroy(id, removal)) this.#end(id, undefined, because);
  }

  /** Publishes that another library's session is one of ours. */
  #create(id: string, record: SessionRecord): void {
    const { events } = this.#context;
    if (events.wants('created')) events.created({ ...this.#about(record), handle: this.#handleOf(id) }, undefined);
  }

  /** Publishes that a session is over. */
  #end(id: string, record: SessionRecord | undefined, because: EndedBecause): void {
    if (because === 'expired' || because === 'unlisted' || because === 'pin') this.refusedBecause = because;
    const { events } = this.#context;
    if (events.wants('ended')) events.ended({ ...this.#about(record), handle: this.#handleOf(id) }, because);
  }

  /** Publishes that a cookie opens no session. */
  #refuse(because: RefusedBecause, id?: string, record?: SessionRecord): void {
    this.refusedBecause = because;
    const { events } = this.#context;
    if (!events.wants('refused')) return;
    events.refused({ ...this.#about(record), handle: id === undefined ? undefined : this.#handleOf(id) }, because);
  }

  /** Of one request, no more cookies are published than ids are looked up. One of another library is no cookie of ours. */
  #refuseCookie(cookie: string, verified: UnsignedCookie | undefined): void {
    if (this.#withoutId >= MAX_IDS || this.#request.migrationCookies.includes(cookie)) return;
    this.#withoutId++;
    this.#refuse(verified === undefined ? 'signature' : 'malformed');
  }

  #handleOf(id: string): string {
    return handleOf(this.#context.records.nameOf(id));
  }

  #about(record: SessionRecord | undefined): Pick<EventSubject, 'user' | 'route'> {
    return { user: record && this.#context.events.userOf(record.data), route: this.#request.route() };
  }

  #isElsewhere({ meta: { addr } }: SessionRecord): boolean {
    const { pin } = this.#context.options;
    return pin !== undefined && this.address !== undefined && addr !== undefined && !pin.matches(addr, this.address);
  }
}
