import { hash } from 'node:crypto';

import type { SessionBus, SessionBusListener, SessionEnding } from '../buses/session-bus.js';
import type { SessionLogger } from '../session/session-logger.js';
import { isEndReason, type SessionEndReason } from '../session.errors.js';
import { BoundedQueue } from './bounded-queue.js';
import type { SignalScope } from './signal-scope.js';
import { WatchedSession } from './watched-session.js';

/** How many watched sessions are read at the same time. All at once would fill the store's connection, and delay the requests. */
const READS_AT_ONCE = 16;

/**
 * Over how many seconds the reads after a break of the bus are spread, as all processes may have lost it at the same moment. Less, if
 * `recheck` is.
 */
const CATCH_UP_SECONDS = 0.5;

/** Stands in a message of the bus for all sessions. No hash of a key is this. */
const EVERY_SESSION = '*';

/** What {@link SessionEndings} works with. */
export interface SessionEndingsOptions {
  /**
   * Reads a record.
   * @returns when its session ends, in epoch seconds; `undefined` when it has ended.
   */
  readonly read: (key: string) => Promise<number | undefined>;
  /** Within how many seconds a watched session is read again. */
  readonly recheck: number;
  /** Absent: what other processes end is seen when a session is read again. */
  readonly bus: SessionBus | undefined;
  readonly logger: SessionLogger;
}

/** Who watches a session. */
export interface Watcher {
  /** When the session ends, in epoch seconds, as far as the watcher knows. */
  readonly expiresAt: number;
  readonly scope: SignalScope;
  /** Aborts a signal that there is already. @default a new one */
  readonly controller?: AbortController | undefined;
}

/**
 * The sessions whose end something watches, and what is known of their ends. A session is watched by the key of its record; one that
 * nothing watches is not in here, and costs nothing.
 *
 * The record is the truth: only a store that has none ends a session here. So a watched session is read when it would expire, and
 * at the latest after `recheck`; a store that fails ends nothing. A message of the bus only has it read at once.
 */
export class SessionEndings implements SessionBusListener {
  readonly #options: SessionEndingsOptions;
  readonly #watched = new Map<string, WatchedSession>();
  readonly #reads = new BoundedQueue(READS_AT_ONCE);
  #unsubscribe: (() => void) | undefined;
  #isClosed = false;
  #hasWarned = false;

  constructor(options: SessionEndingsOptions) {
    this.#options = options;
  }

  /** How many sessions are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * A signal that aborts when the session ends. The first watcher of a session has it read at once: it may have ended between its
   * last read and this moment.
   */
  watch(key: string, { expiresAt, scope, controller }: Watcher): AbortSignal {
    const name = nameOf(key);
    let session = this.#watched.get(name);
    if (session === undefined) {
      session = new WatchedSession(key, expiresAt);
      this.#watched.set(name, session);
      this.#subscribe();
      this.#check(name, session);
    }
    const { signal, isNew } = session.signalOf(controller ?? scope.owner, controller);
    if (isNew) scope.onClose(() => this.#leave(name, controller ?? scope.owner));
    return signal;
  }

  /** This process is about to end a session. If it loses the reply, a later read that finds no record knows why. */
  expect(key: string, reason: SessionEndReason | undefined): void {
    const session = this.#find(key);
    if (session !== undefined) session.expected = reason;
  }

  /** This process has ended a session. */
  tell(key: string, reason: SessionEndReason): void {
    const { bus } = this.#options;
    if (this.#watched.size === 0 && bus === undefined) return;
    const session = nameOf(key);
    this.#end(session, reason);
    if (bus !== undefined) void this.#publish(bus, { session, reason });
  }

  /** This process has ended the sessions of all users: every watched session is read soon, here and in the other processes. */
  tellAll(): void {
    this.missed();
    const { bus } = this.#options;
    if (bus !== undefined) void this.#publish(bus, { session: EVERY_SESSION, reason: 'destroyed' });
  }

  /** A session has no record any more, or none that can be read. */
  gone(key: string): void {
    if (this.#watched.size === 0) return;
    const name = nameOf(key);
    this.#end(name, this.#watched.get(name)?.reasonOfGone ?? 'revoked');
  }

  /** Another process says that it has ended a session. The message may be anything, also a lie. */
  ended(ending: SessionEnding): void {
    const { session: name, reason } = Object(ending) as Partial<SessionEnding>;
    if (name === EVERY_SESSION) return this.missed();
    const session = this.#watched.get(name as string);
    if (name === undefined || session === undefined) return;
    if (isEndReason(reason)) session.expected ??= reason;
    this.#check(name, session);
  }

  missed(): void {
    const within = Math.min(CATCH_UP_SECONDS, this.#options.recheck);
    for (const [name, session] of this.#watched) session.planSoon(within, () => this.#check(name, session));
  }

  failed(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#options.logger.warn(
      `The session bus fails, so that a session which another process has ended is noticed only within the option \`recheck\`. ${cause}`,
    );
  }

  /** Watches no longer. Ends no session: they go on in other processes. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const session of this.#watched.values()) session.stop();
    this.#watched.clear();
  }

  #find(key: string): WatchedSession | undefined {
    return this.#watched.size === 0 ? undefined : this.#watched.get(nameOf(key));
  }

  #end(name: string, reason: SessionEndReason): void {
    const session = this.#watched.get(name);
    if (session === undefined) return;
    this.#watched.delete(name);
    session.end(reason);
  }

  #leave(name: string, owner: object): void {
    const session = this.#watched.get(name);
    if (session === undefined || session.leave(owner)) return;
    session.stop();
    this.#watched.delete(name);
  }

  #subscribe(): void {
    const { bus } = this.#options;
    if (this.#isClosed || bus === undefined || this.#unsubscribe !== undefined) return;
    try {
      const unsubscribe: unknown = bus.subscribe(this);
      this.#unsubscribe = isFunction(unsubscribe) ? unsubscribe : this.#misfit(unsubscribe);
    } catch (error) {
      this.failed(error);
    }
  }

  /** What a bus without types may return, such as a promise. That may reject, which must not end the process. */
  #misfit(returned: unknown): () => void {
    Promise.resolve(returned).catch(() => {});
    this.failed(new TypeError('subscribe() of the bus must return a function that ends the subscription.'));
    return () => {};
  }

  async #publish(bus: SessionBus, ending: SessionEnding): Promise<void> {
    try {
      await bus.publish(ending);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Reads a session again. One that is being read is read once more: that read may have begun too early. */
  #check(name: string, session: WatchedSession): void {
    if (this.#isClosed || !session.wantCheck()) return;
    const read = async (): Promise<void> => {
      if (session.beginCheck()) {
        session.endCheck(await this.#read(session.key));
        // Behind all that wait: messages of one session that never end must not keep the others from being read.
        this.#reads.add(read);
      } else if (this.#watched.get(name) === session) {
        session.plan(this.#options.recheck, () => this.#check(name, session));
      }
    };
    this.#reads.add(read);
  }

  /** @returns when the session ends; `'unknown'` when the store has failed. */
  async #read(key: string): Promise<number | 'unknown'> {
    try {
      const expiresAt = await this.#options.read(key);
      if (expiresAt !== undefined) return expiresAt;
      this.gone(key);
      return 'unknown';
    } catch {
      return 'unknown';
    }
  }
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function';
}

/** The name of a session outside the store: it tells nothing of the key, and so nothing of the id. */
function nameOf(key: string): string {
  return hash('sha256', key, 'base64url');
}
