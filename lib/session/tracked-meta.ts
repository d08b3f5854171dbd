import { lastSignIn, NO_EDITS, outlives, withEdits, type KeptMeta, type MetaEdit } from './meta-edit.js';
import type { SessionLifetime } from './session-lifetime.js';
import type { SessionMeta, SessionRecord, SignIn } from './session-record.js';

/** The meta, and whether the request renews the session. */
export interface MetaState {
  readonly meta: SessionMeta;
  readonly isRenewalWanted: boolean;
}

/** Where the record stands, and what the store holds of it. */
interface KnownRecord {
  readonly state: string;
  readonly base: SessionRecord;
}

/** What a regenerate keeps of the meta. */
export interface KeptParts {
  /** Of what the store has. */
  readonly stored: KeptMeta;
  /** Of what this request has set and not saved. */
  readonly unsaved: KeptMeta;
}

/**
 * The times, the pin, the lifetime and the sign-in of one session as one request has them, and whether the request renews the
 * session.
 */
export class TrackedMeta {
  readonly #lifetime: SessionLifetime;
  /** The meta of a session that this request creates. */
  readonly #initial: SessionMeta;
  #meta: SessionMeta;
  #isRenewalWanted = false;
  /** What the application has set and no save has taken, in order. */
  #edits = NO_EDITS;
  /** What the save that runs has taken of it. */
  #saving = NO_EDITS;

  /**
   * @param lifetime the clock of the sessions.
   * @param initial the meta of a session that this request creates.
   * @param stored the meta of the record; absent for a new session.
   */
  constructor(lifetime: SessionLifetime, initial: SessionMeta, stored?: SessionMeta) {
    this.#lifetime = lifetime;
    this.#initial = initial;
    if (stored === undefined) {
      this.#meta = initial;
      return;
    }
    // A session from before sessions were pinned gets its pin now, not at its next change.
    const lacksPin = stored.addr === undefined && initial.addr !== undefined;
    this.#meta = lacksPin ? { ...stored, addr: initial.addr } : stored;
    this.#isRenewalWanted = lacksPin || lifetime.isRenewalDue(stored);
  }

  /** The state that a failed save restores. */
  get state(): MetaState {
    return { meta: this.#meta, isRenewalWanted: this.#isRenewalWanted };
  }

  get current(): SessionMeta {
    return this.#meta;
  }

  get isRenewalWanted(): boolean {
    return this.#isRenewalWanted;
  }

  /** When the session ends, in epoch seconds; `undefined`: when the browser closes, as the record says. */
  get expiresAt(): number | undefined {
    return this.#isPermanent ? this.#lifetime.expiresAt(this.#meta) : undefined;
  }

  /** Whether `remember` has set how long the session lives. */
  get isRemembered(): boolean {
    return typeof this.#meta.lifetime === 'number';
  }

  /** Whether the session has a lifetime or a sign-in of its own, saved or not. */
  get hasChoices(): boolean {
    const { lifetime, signIn } = this.#meta;
    return lifetime !== undefined || signIn !== undefined || this.#edits.length > 0;
  }

  /** @param until what was set after this moment does not count. */
  hasEdits(until: number): boolean {
    const [first] = this.#edits;
    return first !== undefined && first.moment <= until;
  }

  /** Whether the application has set a lifetime that is not saved. */
  hasNewLifetime(until: number): boolean {
    return (
      this.hasEdits(until) && this.#edits.some(({ lifetime, moment }) => lifetime !== undefined && moment <= until)
    );
  }

  /**
   * The last sign-in, of this request or another one.
   * @param record the record of the session, as far as it is known.
   */
  signInOf({ state, base }: KnownRecord): SignIn | undefined {
    if (state !== 'known' && state !== 'new') return undefined;
    const stored = state === 'new' ? this.#meta : base.meta;
    return lastSignIn(this.#lifetime.pastSignIn(stored.signIn), this.#edits);
  }

  /** Notes what the application has set. */
  edit(edit: MetaEdit): void {
    this.#edits = [...this.#edits, edit];
  }

  /**
   * Drops what was set until this moment, and what a save has taken.
   * @returns whether there was anything.
   */
  dropEdits(until: number): boolean {
    const hasAny = this.#saving.length > 0 || this.hasEdits(until);
    if (hasAny) this.#edits = this.#edits.filter(({ moment }) => moment > until);
    this.#saving = NO_EDITS;
    return hasAny;
  }

  wantRenewal(): void {
    this.#isRenewalWanted = true;
  }

  /**
   * Notes that the session is renewed, or created.
   * @param until what was set after this moment is left for later.
   */
  markRenewed(until: number): void {
    this.#meta = this.#lifetime.metaAfterRenewal(this.#takeEdits(until));
    this.#isRenewalWanted = false;
  }

  /**
   * Notes that the record is written without being renewed. A lifetime that was set counts from now on all the same.
   * @param until what was set after this moment is left for later.
   */
  markWritten(until: number): void {
    if (this.hasNewLifetime(until)) this.#meta = this.#lifetime.metaAfterRenewal(this.#takeEdits(until));
    else this.#meta = this.#lifetime.metaAfterWrite(this.#takeEdits(until));
  }

  /** Notes that the save is done. A later one must not set the same again, as another request may have changed it meanwhile. */
  markSaved(): void {
    this.#saving = NO_EDITS;
  }

  /** Notes the meta that the store has from now on. */
  set(meta: SessionMeta): void {
    this.#meta = meta;
  }

  /** Takes everything back after a save that failed. */
  restore({ meta, isRenewalWanted }: MetaState): void {
    this.#meta = meta;
    this.#isRenewalWanted = isRenewalWanted;
    if (this.#saving.length > 0) this.#edits = [...this.#saving, ...this.#edits];
    this.#saving = NO_EDITS;
  }

  /**
   * Begins the meta of a new session.
   * @param until what was set after this moment belongs to it.
   * @param kept what it has of the present one, which it continues: it was created when that was. Absent: nothing.
   */
  startOver(until: number, kept?: KeptParts): void {
    this.#meta = { ...(kept === undefined ? this.#initial : this.#continued(kept.stored)), seen: undefined };
    this.#isRenewalWanted = false;
    if (!this.hasEdits(until)) return;
    this.#edits = this.#edits.filter((edit) => edit.moment > until || outlives(edit, kept?.unsaved));
  }

  /**
   * The meta to write over that of another request. The later of two renewals counts, and the later of two sign-ins. What another
   * request wrote about the pin and the lifetime stays, unless this one sets the lifetime; where it wrote no pin, the record gets
   * that of this request.
   */
  mergedWith(meta: SessionMeta): SessionMeta {
    const { created, seen } = this.#lifetime.clampedToNow(meta);
    const merged = {
      created: created ?? this.#meta.created,
      seen: Math.max(seen ?? 0, this.#meta.seen ?? 0) || undefined,
      addr: meta.addr ?? this.#initial.addr,
      permanent: meta.permanent,
      lifetime: meta.lifetime,
      signIn: this.#lifetime.pastSignIn(meta.signIn),
      listing: meta.listing,
    };
    return withEdits(merged, this.#saving, this.#writesPermanent);
  }

  #takeEdits(until: number): SessionMeta {
    this.#saving = NO_EDITS;
    if (!this.hasEdits(until)) return this.#meta;
    this.#saving = this.#edits.filter(({ moment }) => moment <= until);
    this.#edits = this.#edits.filter(({ moment }) => moment > until);
    return withEdits(this.#meta, this.#saving, this.#writesPermanent);
  }

  /** The meta without what the new session does not keep. */
  #continued({ lifetime: keepsLifetime, signIn: keepsSignIn }: KeptMeta): SessionMeta {
    const { lifetime, permanent, signIn } = this.#meta;
    const hasLost = lifetime !== undefined && !keepsLifetime;
    return {
      ...this.#meta,
      lifetime: keepsLifetime ? lifetime : undefined,
      // As for a session that the module creates: what stands there is what `remember` has set.
      permanent: hasLost && this.#writesPermanent ? this.#initial.permanent : permanent,
      signIn: keepsSignIn ? signIn : undefined,
    };
  }

  /** Whether `_permanent` tells the other programs how long the cookie lasts. */
  get #writesPermanent(): boolean {
    return this.#initial.permanent !== undefined;
  }

  get #isPermanent(): boolean {
    const { permanent, lifetime } = this.#meta;
    if (this.#writesPermanent) return permanent === true;
    return lifetime === undefined ? permanent !== false : lifetime !== false;
  }
}
