import type { SessionMeta, SignIn } from './session-record.js';

/** How long sessions live, in seconds. */
export interface SessionLifetimeOptions {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number | undefined;
  /** `'write'`: each write starts a full idle timeout, which the store's own expiry keeps. */
  readonly rolling: boolean | 'write';
}

/** A session is renewed once more than this share of its idle timeout has gone by, and not on every request. */
const RENEWAL_SHARE = 0.1;

/** How far another process's clock may be ahead, in seconds, before a write corrects the times that it left. */
const CLOCK_TOLERANCE = 60;

/** The one clock: record, cookie and check all get the same expiry from here. All times are epoch seconds. */
export class SessionLifetime {
  readonly #options: SessionLifetimeOptions;

  constructor(options: SessionLifetimeOptions) {
    this.#options = options;
  }

  now(): number {
    return Date.now() / 1000;
  }

  /** Whether each write renews the session. Records then hold no time of the last renewal: programs that share them write none. */
  get renewsOnWrite(): boolean {
    return this.#options.rolling === 'write';
  }

  /** When the session ends. A record without our times, written by another program, counts as created and renewed just now. */
  expiresAt(meta: SessionMeta): number {
    const { absoluteTimeout } = this.#options;
    const { seen, created } = this.clampedToNow(meta);
    const idle = ((this.renewsOnWrite ? undefined : seen) ?? this.now()) + this.#idleTimeoutOf(meta);
    return absoluteTimeout === undefined ? idle : Math.min(idle, (created ?? this.now()) + absoluteTimeout);
  }

  isExpired(meta: SessionMeta): boolean {
    return this.expiresAt(meta) <= this.now();
  }

  /** How long a store should keep the record: whole seconds, at least 1. */
  ttl(meta: SessionMeta): number {
    return Math.max(1, Math.ceil(this.expiresAt(meta) - this.now()));
  }

  /** Whether this request should renew the session although the application did not ask for it. */
  isRenewalDue(meta: SessionMeta): boolean {
    if (this.renewsOnWrite) return this.#options.absoluteTimeout !== undefined && meta.created === undefined;
    if (meta.seen === undefined || meta.created === undefined) return true;
    const { rolling } = this.#options;
    const due = this.#idleTimeoutOf(meta) * RENEWAL_SHARE;
    const age = this.now() - meta.seen;
    // A time in the future would keep the session from being renewed until the clock reaches it.
    return Boolean(rolling) && (age > due || -age > Math.min(due, CLOCK_TOLERANCE));
  }

  /**
   * For how many seconds the list of a user keeps an entry of this session after it was written: longer than any record lives that is
   * written before the entry is due again. Where each write renews, other programs write too, and do not keep the list.
   */
  listingSeconds(meta: SessionMeta): number {
    const idle = this.#idleTimeoutOf(meta);
    return idle * (1 + RENEWAL_SHARE) + this.#listingMargin(idle);
  }

  /**
   * Whether the entry in the list of the user is to be written anew, when the record is.
   * @param until when the list stops keeping the entry.
   * @param meta what is to be written.
   */
  isListingDue(until: number, meta: SessionMeta): boolean {
    const idle = this.#idleTimeoutOf(meta);
    const ahead = until - this.now() - this.listingSeconds(meta);
    return (
      this.expiresAt(meta) + this.#listingMargin(idle) > until ||
      ahead > Math.min(idle * RENEWAL_SHARE, CLOCK_TOLERANCE)
    );
  }

  /** Whether the session lives longer than this library has last let it, so that its entry may soon be gone: another program renews it. */
  isListingLate(until: number, meta: SessionMeta): boolean {
    return this.renewsOnWrite && this.now() > until - this.#idleTimeoutOf(meta);
  }

  /**
   * The meta without times in the future. Another program or another clock may write them, and they would keep the session alive
   * for that much longer.
   */
  clampedToNow(meta: SessionMeta): SessionMeta {
    const now = this.now();
    const { created, seen } = meta;
    if ((created ?? 0) <= now && (seen ?? 0) <= now) return meta;
    return { ...meta, created: created && Math.min(created, now), seen: seen && Math.min(seen, now) };
  }

  /**
   * The sign-in, if its time is not in the future. It counts as now where another clock may be ahead; further ahead it is no time of
   * ours, and would stay fresh for ever.
   */
  pastSignIn(signIn: SignIn | undefined): SignIn | undefined {
    const now = this.now();
    if (signIn === undefined || signIn.at <= now) return signIn;
    return signIn.at - now > CLOCK_TOLERANCE ? undefined : { ...signIn, at: now };
  }

  /** The meta after a renewal, or that of a new session. The time of creation does not change. */
  metaAfterRenewal(meta: SessionMeta): SessionMeta {
    const now = this.#rounded();
    const created = Math.min(meta.created ?? now, now);
    if (!this.renewsOnWrite) return { ...meta, created, seen: now };
    return this.#options.absoluteTimeout === undefined ? meta : { ...meta, created };
  }

  /** The meta of a record that this request writes: renewed only if each write renews. */
  metaAfterWrite(meta: SessionMeta): SessionMeta {
    return this.renewsOnWrite ? this.metaAfterRenewal(meta) : meta;
  }

  /** For how many seconds more than a record lives its entry is kept. */
  #listingMargin(idle: number): number {
    return 2 * CLOCK_TOLERANCE + (this.renewsOnWrite ? idle : 0);
  }

  /** `remember` may have set another one for this session. */
  #idleTimeoutOf({ lifetime }: SessionMeta): number {
    return typeof lifetime === 'number' ? lifetime : this.#options.idleTimeout;
  }

  /**
   * The present time in whole milliseconds, rounded down: otherwise the session would last a whole second longer when its lifetime
   * is rounded up.
   */
  #rounded(): number {
    return Math.floor(this.now() * 1000) / 1000;
  }
}
