import type { SessionLifetime } from './session-lifetime.js';
import type { SessionMeta } from './session-record.js';

/** The meta, and whether the request renews the session. */
export interface MetaState {
  readonly meta: SessionMeta;
  readonly isRenewalWanted: boolean;
}

/** The times and the pin of one session as one request has them, and whether the request renews the session. */
export class TrackedMeta {
  readonly #lifetime: SessionLifetime;
  /** The meta of a session that this request creates. */
  readonly #initial: SessionMeta;
  #meta: SessionMeta;
  #isRenewalWanted = false;

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

  /** When the session ends, in epoch seconds; `undefined`: when the browser closes, as `_permanent` in the record says. */
  get expiresAt(): number | undefined {
    const { permanent } = this.#meta;
    const isPermanent = this.#initial.permanent === undefined ? permanent !== false : permanent === true;
    return isPermanent ? this.#lifetime.expiresAt(this.#meta) : undefined;
  }

  wantRenewal(): void {
    this.#isRenewalWanted = true;
  }

  /** Notes that the session is renewed, or created. */
  markRenewed(): void {
    this.#meta = this.#lifetime.metaAfterRenewal(this.#meta);
    this.#isRenewalWanted = false;
  }

  /** Notes that the record is written without being renewed. */
  markWritten(): void {
    this.#meta = this.#lifetime.metaAfterWrite(this.#meta);
  }

  /** Notes the meta that the store has from now on. */
  set(meta: SessionMeta): void {
    this.#meta = meta;
  }

  restore({ meta, isRenewalWanted }: MetaState): void {
    this.#meta = meta;
    this.#isRenewalWanted = isRenewalWanted;
  }

  /** Begins the meta of a new session. With `keepsCreated` it was created when the present one was. */
  startOver({ keepsCreated }: { readonly keepsCreated: boolean }): void {
    const meta = keepsCreated ? this.#meta : this.#initial;
    this.#meta = { ...meta, seen: undefined };
    this.#isRenewalWanted = false;
  }

  /**
   * The meta to write over that of another request. The later of two renewals counts. What another program wrote about the pin and
   * the cookie's lifetime stays; where it wrote no pin, the record gets that of this request.
   */
  mergedWith(meta: SessionMeta): SessionMeta {
    const { created, seen } = this.#lifetime.clampedToNow(meta);
    return {
      created: created ?? this.#meta.created,
      seen: Math.max(seen ?? 0, this.#meta.seen ?? 0) || undefined,
      addr: meta.addr ?? this.#initial.addr,
      permanent: meta.permanent,
      lifetime: meta.lifetime,
      signIn: meta.signIn,
      listing: meta.listing,
    };
  }
}
