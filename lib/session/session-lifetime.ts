import type { SessionMeta } from './session-record.js';

/** How long sessions live, in seconds. */
export interface SessionLifetimeOptions {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number | undefined;
  /** `'write'`: a full idle timeout from each write, which the store's own expiry keeps. */
  readonly rolling: boolean | 'write';
}

/** A session is renewed once more than this part of its idle time has gone by, not on every request. */
const RENEWAL_SHARE = 0.1;

/** How far another process's clock may be ahead, in seconds, before its times are put right by a write of their own. */
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

  /** Whether each write renews the session. Then no record says when that was: programs share it that write no such time. */
  get renewsOnWrite(): boolean {
    return this.#options.rolling === 'write';
  }

  /** When the session ends; a record without our times, written by another program, counts as renewed just now. */
  expiresAt(meta: SessionMeta): number {
    const { idleTimeout, absoluteTimeout } = this.#options;
    const { seen, created } = this.past(meta);
    const idle = ((this.renewsOnWrite ? undefined : seen) ?? this.now()) + idleTimeout;
    return absoluteTimeout === undefined ? idle : Math.min(idle, (created ?? this.now()) + absoluteTimeout);
  }

  isExpired(meta: SessionMeta): boolean {
    return this.expiresAt(meta) <= this.now();
  }

  /** Whole seconds that a store should keep the record for, at least 1. */
  ttl(meta: SessionMeta): number {
    return Math.max(1, Math.ceil(this.expiresAt(meta) - this.now()));
  }

  /** Whether this request should renew the session although nothing asked for it. */
  isRenewalDue(meta: SessionMeta): boolean {
    if (this.renewsOnWrite) return this.#options.absoluteTimeout !== undefined && meta.created === undefined;
    if (meta.seen === undefined || meta.created === undefined) return true;
    const { rolling, idleTimeout } = this.#options;
    const due = idleTimeout * RENEWAL_SHARE;
    const age = this.now() - meta.seen;
    // Until its clock is reached, a time to come would keep the session from being renewed.
    return Boolean(rolling) && (age > due || -age > Math.min(due, CLOCK_TOLERANCE));
  }

  /** The meta without times to come, from another program or another clock: they would keep the session alive for as long. */
  past(meta: SessionMeta): SessionMeta {
    const now = this.now();
    const { created, seen } = meta;
    if ((created ?? 0) <= now && (seen ?? 0) <= now) return meta;
    return { ...meta, created: created && Math.min(created, now), seen: seen && Math.min(seen, now) };
  }

  /** The meta after a renewal, or that of a new session. The birth stays what it was. */
  renewed(meta: SessionMeta): SessionMeta {
    const now = this.#rounded();
    const created = Math.min(meta.created ?? now, now);
    if (!this.renewsOnWrite) return { ...meta, created, seen: now };
    return this.#options.absoluteTimeout === undefined ? meta : { ...meta, created };
  }

  /** The meta of a record that is written without being renewed, unless each write renews. */
  written(meta: SessionMeta): SessionMeta {
    return this.renewsOnWrite ? this.renewed(meta) : meta;
  }

  /** Milliseconds are enough; downwards, or the session would last a whole second longer when its lifetime is rounded up. */
  #rounded(): number {
    return Math.floor(this.now() * 1000) / 1000;
  }
}
