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
  #state: MetaState;

  /**
   * @param lifetime the clock of the sessions.
   * @param initial the meta of a session that this request creates.
   * @param stored the meta of the record; absent for a new session.
   */
  constructor(lifetime: SessionLifetime, initial: SessionMeta, stored?: SessionMeta) {
    this.#lifetime = lifetime;
    this.#initial = initial;
    if (stored === undefined) {
      this.#state = { meta: initial, isRenewalWanted: false };
      return;
    }
    const meta = { ...stored, addr: stored.addr ?? initial.addr };
    // A session from before sessions were pinned gets its pin now, not at its next change.
    this.#state = { meta, isRenewalWanted: lifetime.isRenewalDue(stored) || meta.addr !== stored.addr };
  }

  /** The state that a failed save restores. */
  get state(): MetaState {
    return this.#state;
  }

  get current(): SessionMeta {
    return this.#state.meta;
  }

  get isRenewalWanted(): boolean {
    return this.#state.isRenewalWanted;
  }

  /** When the session ends, in epoch seconds; `undefined`: when the browser closes, as `_permanent` in the record says. */
  get expiresAt(): number | undefined {
    const { permanent } = this.current;
    const isPermanent = this.#initial.permanent === undefined ? permanent !== false : permanent === true;
    return isPermanent ? this.#lifetime.expiresAt(this.current) : undefined;
  }

  wantRenewal(): void {
    this.#state = { meta: this.current, isRenewalWanted: true };
  }

  /** Notes that the session is renewed, or created. */
  renew(): void {
    this.#state = { meta: this.#lifetime.renewed(this.current), isRenewalWanted: false };
  }

  /** Notes that the record is written without being renewed. */
  write(): void {
    this.hold(this.#lifetime.written(this.current));
  }

  /** Notes the meta that the store has from now on. */
  hold(meta: SessionMeta): void {
    this.#state = { meta, isRenewalWanted: this.isRenewalWanted };
  }

  restore(state: MetaState): void {
    this.#state = state;
  }

  /** Begins the meta of a new session. With `keepsBirth` it was created when the present one was. */
  startOver({ keepsBirth }: { readonly keepsBirth: boolean }): void {
    const meta = keepsBirth ? this.current : this.#initial;
    this.#state = { meta: { ...meta, seen: undefined }, isRenewalWanted: false };
  }

  /**
   * The meta to write over that of another request. The later of two renewals counts. What another program wrote about the pin and
   * the cookie's lifetime stays; where it wrote no pin, the record gets that of this request.
   */
  mergedInto(meta: SessionMeta): SessionMeta {
    const { created, seen } = this.#lifetime.past(meta);
    return {
      created: created ?? this.current.created,
      seen: Math.max(seen ?? 0, this.current.seen ?? 0) || undefined,
      addr: meta.addr ?? this.#initial.addr,
      permanent: meta.permanent,
    };
  }
}
