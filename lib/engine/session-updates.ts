import type { SessionLifetime } from '../session/session-lifetime.js';
import { hiddenData, isEmptyData, layKeysOver, pickKeys } from '../session/session-keys.js';
import { fillData, refuseReservedName, type SessionData } from '../session/session.js';
import { SessionDestroyedError } from '../session.errors.js';
import { retryOnConflict } from './conflict-retry.js';
import type { HeldRecord } from './held-record.js';
import type { KeyedTurns } from './keyed-turns.js';
import type { LiveData } from './live-data.js';
import type { ReadRecord } from './session-records.js';
import type { Turns } from './turns.js';

/** A read-modify-write: changes the data in place, and answers whatever it likes. */
export type Update<R> = (data: SessionData) => R | Promise<R>;

/** What updates of one session need of it. */
export interface SessionUpdatesParts {
  readonly held: HeldRecord;
  readonly live: LiveData;
  readonly lifetime: SessionLifetime;
  /** What a request does to its own session never overlaps. */
  readonly turns: Turns;
  /** Saves on one id queue up in one process, instead of colliding. */
  readonly saves: KeyedTurns;
  /** A copy that shares nothing with the original. */
  readonly copy: <T>(value: T) => T;
  /** How a value's text is made when changes are looked for. */
  readonly stringify: (value: unknown) => string;
  /** Stores the session that is new. */
  readonly create: () => Promise<void> | undefined;
  /** The record is gone, as all its data were removed. */
  readonly over: () => void;
  /** The record was written. */
  readonly written: () => void;
}

type Attempt<R> = { readonly done: R } | 'conflict';

/** The updates of one request's session. They run side by side, and the later one runs again on what the earlier one left. */
export class SessionUpdates {
  readonly #parts: SessionUpdatesParts;
  /** Each with the keys that had been changed before it began, and that it saves along. */
  readonly #running = new Map<Promise<unknown>, ReadonlySet<string>>();
  #destroyed = 0;

  constructor(parts: SessionUpdatesParts) {
    this.#parts = parts;
  }

  /** When all that run are done; `undefined` when none does. Rejects with the error of one that failed. */
  get running(): Promise<unknown> | undefined {
    return this.#running.size === 0 ? undefined : Promise.all(this.#running.keys());
  }

  /** The request has destroyed its session: an update that runs must not start another one. */
  destroyed(): void {
    this.#destroyed++;
  }

  run<R>(update: Update<R>): Promise<R> {
    const pending = this.#parts.live.take();
    const running = this.#untilWon(update, pending).finally(() => this.#running.delete(running));
    this.#running.set(running, pending);
    return running;
  }

  async #untilWon<R>(update: Update<R>, pending: ReadonlySet<string>): Promise<R> {
    const { held, live, saves } = this.#parts;
    const destroyed = this.#destroyed;
    const attempt = (): Promise<Attempt<R>> => {
      if (this.#destroyed > destroyed) throw endedMeanwhile();
      return held.standing === 'new' ? this.#tryNew(update) : this.#tryKnown(update, pending);
    };
    try {
      return await saves.run(held.id, () => retryOnConflict(async () => attempt()));
    } catch (error) {
      live.changes.giveBack(pending);
      throw error;
    }
  }

  async #tryKnown<R>(update: Update<R>, pending: ReadonlySet<string>): Promise<Attempt<R>> {
    const { held, live, turns } = this.#parts;
    const { id } = held;
    const fresh = await held.read();
    if (fresh === undefined) throw endedMeanwhile();
    const draft: SessionData = {};
    fillData(draft, fresh.data);
    layKeysOver(draft, this.#copyOf(live.data, pending), pending);
    const result = await update(draft);
    checkKeys(draft);
    return turns.run(async () => {
      // The request itself may have ended or regenerated its session while the function ran.
      if (held.standing !== 'known' || held.id !== id) return 'conflict';
      if ((await this.#swap(fresh, draft)) === 'conflict') return 'conflict';
      this.#show(draft, pending);
      return { done: result };
    });
  }

  async #swap(fresh: ReadRecord, draft: SessionData): Promise<'replaced' | 'conflict'> {
    const { held, lifetime, over, written } = this.#parts;
    const data = { ...hiddenData(fresh.data), ...draft };
    const isOver = isEmptyData(data);
    const outcome = await held.swap(fresh, isOver ? 'tombstone' : { data, meta: lifetime.written(fresh.meta) });
    if (outcome === 'missing') throw endedMeanwhile();
    if (outcome === 'replaced') (isOver ? over : written)();
    return outcome;
  }

  async #tryNew<R>(update: Update<R>): Promise<Attempt<R>> {
    const { held, live, turns, create, stringify } = this.#parts;
    const before = stringify({ ...live.data });
    const draft = this.#copyOf(live.data, Object.keys(live.data));
    const result = await update(draft);
    checkKeys(draft);
    return turns.run(async () => {
      const present = { ...live.data };
      // Something else has changed the session meanwhile, such as another update.
      if (held.standing !== 'new' || stringify(present) !== before) return 'conflict';
      live.rebase(draft, new Set());
      try {
        await create();
      } catch (error) {
        live.become(present);
        throw error;
      }
      return { done: result };
    });
  }

  /** The object holds the result, beside what the request has not saved yet: what it changed since, and what other updates will save. */
  #show(draft: SessionData, saved: ReadonlySet<string>): void {
    const { live } = this.#parts;
    const late = live.take();
    const others = [...this.#running.values()]
      .filter((pending) => pending !== saved)
      .flatMap((pending) => [...pending]);
    live.rebase(draft, new Set([...late, ...others]));
    live.changes.giveBack(late);
  }

  #copyOf(data: SessionData, keys: Iterable<string>): SessionData {
    return this.#parts.copy(pickKeys(data, keys));
  }
}

function checkKeys(draft: SessionData): void {
  Object.keys(draft).forEach(refuseReservedName);
}

function endedMeanwhile(): SessionDestroyedError {
  return new SessionDestroyedError('The session was ended by another request while it was being updated.');
}
