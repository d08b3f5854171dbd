import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { AddressPin } from '../pinning/address-pin.js';
import { isWellFormedId, MOST_IDS } from '../session/session-id.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionRecord, ReadRecord, Remains } from '../session/session-record.js';
import { RecordHandle, type RecordHandleParts } from './record-handle.js';
import type { SessionMigrator } from '../migration/session-migrator.js';

/** What decides whether a cookie opens a session. */
export interface PresentedSessionsParts extends RecordHandleParts {
  /** Absent: the cookie holds the bare id. */
  readonly signer: CookieSigner | undefined;
  readonly lifetime: SessionLifetime;
  /** Absent: sessions are not pinned. */
  readonly pin: AddressPin | undefined;
  /** Whether a session presented from another address is ended, or only refused. */
  readonly onMismatch: 'destroy' | 'reject';
  /** Absent: there are no sessions of another library to take over. */
  readonly takeover: SessionMigrator | undefined;
}

/** The cookies of a request, and where it comes from. */
export interface PresentedCookies {
  /** The values of the session cookie, as sent; there may be several of that name. */
  readonly cookies: readonly string[];
  /** The values of the cookie of the library that was used before. */
  readonly oldCookies: readonly string[];
  /** The client's address, when sessions are pinned. */
  readonly address: string | undefined;
}

/** A cookie that may open a session. */
interface VerifiedCookie {
  readonly id: string;
  /** Whether an old secret has signed it. */
  readonly rotated: boolean;
}

/** A live session, and the cookie that opened it. */
export interface FoundSession extends VerifiedCookie {
  readonly record: ReadRecord;
}

/**
 * The sessions whose ids a request presents. A browser sends one cookie for each path and domain (RFC 6265, section 5.4), and a dead
 * one may come first: the first that opens a live session counts.
 */
export class PresentedSessions {
  readonly #parts: PresentedSessionsParts;
  readonly #presented: PresentedCookies;
  #next = 0;
  readonly #ids = new Set<string>();
  /** Ids with a record that this process does not accept; another version of the application may. */
  #refused: string[] = [];
  #isRetired = false;
  #isForeign = false;

  constructor(parts: PresentedSessionsParts, presented: PresentedCookies) {
    this.#parts = parts;
    this.#presented = presented;
  }

  /** Whether the browser has a cookie that an answer could expire. */
  get isAny(): boolean {
    const { cookies, oldCookies } = this.#presented;
    return cookies.length + oldCookies.length > 0;
  }

  /** Whether one of the ids that were looked up was retired a moment ago. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether every cookie was looked up, and none has a record or a tombstone: no process will ever accept them. */
  get isDead(): boolean {
    const areAll = this.#ids.size > 0 && this.#ids.size === this.#presented.cookies.length;
    return areAll && this.#refused.length === 0 && !this.#isRetired && !this.#isForeign;
  }

  /** The first live session; one store command each until it is found. */
  async findLive(): Promise<FoundSession | undefined> {
    for (let cookie = this.#nextCookie(); cookie !== undefined; cookie = this.#nextCookie()) {
      const record = await this.#read(cookie.id);
      if (record !== undefined) return { ...cookie, record };
    }
    return undefined;
  }

  /** Whether a record may be used from the client's address; ends it where it may not, if sessions are pinned that strictly. */
  async accepts(id: string, record: ReadRecord): Promise<boolean> {
    if (!this.#isPinnedElsewhere(record)) return true;
    this.#isForeign = true;
    if (this.#parts.onMismatch === 'destroy') await this.#endPinned(id, record);
    return false;
  }

  /**
   * Ends all sessions that the request presents beside the one it has opened: records that this process does not accept, live ones
   * behind further cookies of our name, and those of the library that was used before.
   * @param current the id of the session that the request has opened, if it has a record.
   * @param remains what to leave in place of a record that was not accepted; the cookies behind the others cannot all be expired, so
   * their ids must be able to open a new session at once.
   */
  async endOthers(current: string | undefined, remains: Remains): Promise<void> {
    for (let live = await this.findLive(); live !== undefined; live = await this.findLive()) {
      await this.#parts.records.end(live.id, 'nothing');
    }
    await Promise.all(this.#refused.map((id) => this.#parts.records.end(id, remains)));
    this.#refused = [];
    const { oldCookies } = this.#presented;
    if (oldCookies.length > 0) await this.#parts.takeover?.endAll(oldCookies, current);
  }

  #nextCookie(): VerifiedCookie | undefined {
    const { cookies } = this.#presented;
    while (this.#next < cookies.length && this.#ids.size < MOST_IDS) {
      const verified = this.#verified(cookies[this.#next++] ?? '');
      if (verified === undefined || this.#ids.has(verified.id)) continue;
      this.#ids.add(verified.id);
      return verified;
    }
    return undefined;
  }

  #verified(cookie: string): VerifiedCookie | undefined {
    const { signer } = this.#parts;
    const verified = signer ? signer.unsign(cookie) : { id: cookie, rotated: false };
    return verified !== undefined && isWellFormedId(verified.id) ? verified : undefined;
  }

  /** The record, if it is live and may be used from here. */
  async #read(id: string): Promise<ReadRecord | undefined> {
    const found = await this.#parts.records.read(id);
    if (found === 'retired') this.#isRetired = true;
    if (found === undefined || found === 'retired') return undefined;
    if (found === 'unreadable' || this.#parts.lifetime.isExpired(found.meta)) {
      this.#refused.push(id);
      return undefined;
    }
    return (await this.accepts(id, found)) ? found : undefined;
  }

  /** The owner may start anew at once, so no tombstone is left. Nor is one removed that the owner's own login has left by now. */
  async #endPinned(id: string, record: ReadRecord): Promise<void> {
    const held = new RecordHandle(this.#parts, 'known', { id, record });
    await held.rewrite((base) => (this.#isPinnedElsewhere(base) ? 'nothing' : base));
  }

  #isPinnedElsewhere({ meta: { addr } }: SessionRecord): boolean {
    const { pin } = this.#parts;
    const { address } = this.#presented;
    return pin !== undefined && address !== undefined && addr !== undefined && !pin.matches(addr, address);
  }
}
