import type { ReadRecord, Remains } from '../session/session-record.js';
import type { RecordNames } from '../session/record-names.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import { hiddenData, isEmptyData, layKeysOver, pickKeys } from '../session/session-keys.js';
import { fillData, refuseReservedName } from '../session/live-session.js';
import type { SessionData } from '../session/session-members.js';
import { SessionDestroyedError } from '../session.errors.js';
import { retryOnConflict } from './conflict-retry.js';
import type { RecordHandle } from './record-handle.js';
import type { LiveData } from './live-data.js';
import type { SerialQueue } from './serial-queue.js';
import { WatchedPromise } from './watched-promise.js';

/** A read-modify-write: changes the data in place, and answers whatever it likes. */
export type Update<R> = (data: SessionData) => R | Promise<R>;

/** What updates of one session need of it. */
export interface SessionUpdatesParts {
  readonly held: RecordHandle;
  readonly live: LiveData;
  readonly lifetime: SessionLifetime;
  readonly recordNames: RecordNames;
  /** What a request does to its own session never overlaps. */
  readonly turns: SerialQueue;
  /** A copy that shares nothing with the original. */
  readonly copy: <T>(value: T) => T;
  /** Stores the session that is new. */
  readonly create: () => Promise<void> | undefined;
  /** What to leave where all data were removed. */
  readonly remains: () => Remains;
  /** The record is gone, as all its data were removed. */
  readonly ended: () => void;
  /** The record was written. */
  readonly written: () => void;
}

/** The keys that had been changed before an update began, and that it saves along. */
type Pending = Set<string>;

type Attempt<R> = { readonly done: R } | 'conflict';

/** The updates of one request's session. They run side by side, and the later one runs again on what the earlier one left. */
export class SessionUpdates {
  readonly #parts: SessionUpdatesParts;
  readonly #running = new Map<Promise<unknown>, Pending>();
  /** Failures of which nobody may have learnt. */
  readonly #failed: WatchedPromise<unknown>[] = [];
  #destroyed = 0;
  /** How many have won: whoever began before sees that its data are old. */
  #won = 0;

  constructor(parts: SessionUpdatesParts) {
    this.#parts = parts;
  }

  /** When all that run are done; `undefined` when there is none. Rejects with the error of one that failed and that nobody waited for. */
  get running(): Promise<unknown> | undefined {
    const untold = this.#failed.splice(0).filter((failed) => !failed.isWatched);
    const awaited = [...untold, ...this.#running.keys()];
    return awaited.length === 0 ? undefined : Promise.all(awaited);
  }

  /** The keys that updates under way will save along. */
  get pending(): readonly string[] {
    return [...this.#running.values()].flatMap((keys) => [...keys]);
  }

  /** The request has destroyed its session: an update that runs must not start another one. */
  destroyed(): void {
    this.#destroyed++;
  }

  run<R>(update: Update<R>): Promise<R> {
    const pending = this.#parts.live.take();
    const work = this.#untilWon(update, pending);
    const running = WatchedPromise.of(work.finally(() => this.#running.delete(running)));
    work.catch(() => this.#failed.push(running));
    this.#running.set(running, pending);
    return running;
  }

  async #untilWon<R>(update: Update<R>, pending: Pending): Promise<R> {
    const { held, live } = this.#parts;
    const destroyed = this.#destroyed;
    const attempt = async (): Promise<Attempt<R>> => {
      const outcome = await (held.standing === 'new' ? this.#tryNew(update, pending) : this.#tryKnown(update, pending));
      // What begins after a logout is another session, and none that this update has seen.
      if (outcome === 'conflict' && this.#destroyed > destroyed) throw hasEnded();
      return outcome;
    };
    try {
      return await held.inTurn(() => retryOnConflict(attempt));
    } catch (error) {
      live.changes.giveBack(pending);
      throw error;
    }
  }

  async #tryKnown<R>(update: Update<R>, pending: Pending): Promise<Attempt<R>> {
    const { held, live, turns } = this.#parts;
    const { id } = held;
    const fresh = await held.peek();
    // The request itself may have ended or regenerated its session meanwhile, here as well as below.
    if (held.id !== id) return 'conflict';
    if (fresh === undefined) throw hasEnded();
    const draft: SessionData = {};
    fillData(draft, fresh.data);
    layKeysOver(draft, this.#copyOf(live.data, pending), pending);
    const result = await update(draft);
    this.#checkKeys(draft);
    return turns.run(async () => {
      if (held.standing !== 'known' || held.id !== id) return 'conflict';
      if ((await this.#swap(fresh, draft)) === 'conflict') return 'conflict';
      this.#show(draft, pending);
      this.#won++;
      return { done: result };
    });
  }

  async #swap(fresh: ReadRecord, draft: SessionData): Promise<'replaced' | 'conflict'> {
    const { held, lifetime, remains, ended, written } = this.#parts;
    const data = { ...hiddenData(fresh.data), ...draft };
    const isOver = isEmptyData(data);
    const outcome = await held.swap(
      fresh,
      isOver ? remains() : { data, meta: lifetime.written(fresh.meta), text: fresh.text },
    );
    if (outcome === 'missing') throw hasEnded();
    if (outcome === 'replaced') (isOver ? ended : written)();
    return outcome;
  }

  async #tryNew<R>(update: Update<R>, pending: Pending): Promise<Attempt<R>> {
    const { held, live, turns, create } = this.#parts;
    const { id } = held;
    const won = this.#won;
    // All of a new session is still to be saved; what is marked from here on is later than the draft.
    for (const key of live.take()) pending.add(key);
    const draft = this.#copyOf(live.data, Object.keys(live.data));
    const result = await update(draft);
    this.#checkKeys(draft);
    return turns.run(async () => {
      // Another update was first, or another session has begun.
      if (held.id !== id || this.#won > won) return 'conflict';
      const before = { ...live.data };
      this.#show(draft, pending);
      try {
        await create();
      } catch (error) {
        this.#show(before, pending);
        throw error;
      }
      this.#won++;
      return { done: result };
    });
  }

  /** The object holds the result, beside what the request changed since, and what other updates will save. */
  #show(draft: SessionData, saved: Pending): void {
    const { live } = this.#parts;
    const late = live.take();
    const others = [...this.#running.values()].filter((keys) => keys !== saved).flatMap((keys) => [...keys]);
    live.rebase(draft, new Set([...late, ...others]));
    live.changes.giveBack(late);
  }

  #checkKeys(draft: SessionData): void {
    for (const key of Object.keys(draft)) refuseReservedName(key, this.#parts.recordNames);
  }

  #copyOf(data: SessionData, keys: Iterable<string>): SessionData {
    return this.#parts.copy(pickKeys(data, keys));
  }
}

function hasEnded(): SessionDestroyedError {
  return new SessionDestroyedError('The session has ended, so it cannot be updated: load the page again.');
}
