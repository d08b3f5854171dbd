import type { Placeholder, ReadRecord, SessionRecord } from '../session/session-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { ReplaceOutcome } from '../stores/session-store.js';
import { pauseAfterConflict } from './conflict-retry.js';
import type { LeavingClient } from './keyed-queue.js';
import type { SessionContext } from './session-context.js';

/**
 * Where a session's record stands: `'new'`, not stored yet; `'known'`, stored; `'retired'`, opened under an id over which a
 * tombstone stood; `'gone'`, destroyed or retired by another request, or expired, while this one held it.
 */
export type RecordState = 'new' | 'known' | 'retired' | 'gone';

/** What shall stand in a record's place. */
export type Replacement = SessionRecord | Placeholder;

/** What a compare-and-set writes. A caller may add what it wants to know of the attempt that won. */
export interface Change {
  readonly replacement: Replacement;
}

/** How a compare-and-set ended: with the change that won, or without a record to change. */
export type Rewritten<C extends Change> =
  { readonly outcome: 'replaced'; readonly change: C } | { readonly outcome: 'gone' };

/** What a request has when it opens a session. */
export interface HandleStart {
  readonly state: RecordState;
  /** Absent: a new session draws one when it is needed, which costs as much as a signature. */
  readonly id?: string | undefined;
  readonly record?: ReadRecord | undefined;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: LeavingClient | undefined;
}

const EMPTY: SessionRecord = { data: {}, meta: {} };

/** One request's handle on the record of its session: its id, its state, what it holds as far as is known, and how to change it. */
export class RecordHandle {
  readonly #context: SessionContext;
  readonly #client: LeavingClient | undefined;
  #id: string | undefined;
  #state: RecordState;
  #base: SessionRecord;
  /** The last read, unless this request has written since: the version is not known then. */
  #read: ReadRecord | undefined;

  constructor(context: SessionContext, { state, id, record, client }: HandleStart) {
    this.#context = context;
    this.#state = state;
    this.#id = id;
    this.#read = record;
    this.#base = record ?? EMPTY;
    this.#client = client;
  }

  get id(): string {
    return (this.#id ??= this.#context.options.generateId());
  }

  get state(): RecordState {
    return this.#state;
  }

  /** What the store holds, as far as is known. Of a new session: what it will hold, whatever the request does. */
  get base(): SessionRecord {
    return this.#base;
  }

  /** From here on the handle is one on a new session, which has no id yet. */
  startOver(base: SessionRecord): void {
    this.#id = undefined;
    this.#state = 'new';
    this.#base = base;
    this.#read = undefined;
  }

  /** Stores the new session. */
  async create(record: SessionRecord): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.#context.records.create(this.id, record)) return this.#holds(record);
      this.#id = undefined;
    }
    throw new SessionConfigurationError('`generateId` keeps making ids that are taken: make it random.');
  }

  /** Reads the record again. `undefined`: it is gone. */
  async read(): Promise<ReadRecord | undefined> {
    if (this.#state !== 'known') return undefined;
    const found = await this.#context.records.read(this.id);
    if (typeof found !== 'object') {
      this.#state = 'gone';
      return undefined;
    }
    this.#base = found;
    this.#read = found;
    return found;
  }

  /**
   * Compare-and-set until it wins, each time on what another request has written meanwhile. It never brings back a record that is gone.
   * @param change makes what shall stand in the record's place, from what stands there.
   * @param reread whether the record must be read again first.
   */
  async rewrite<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    { reread = false }: { readonly reread?: boolean } = {},
  ): Promise<Rewritten<C>> {
    const { id } = this;
    const { saves } = this.#context;
    // A version that was read before others save will be old by the time they are done.
    if (reread || saves.isBusy(id)) this.#read = undefined;
    await saves.enter(id, this.#client);
    try {
      for (let conflicts = 0; ; await pauseAfterConflict(++conflicts)) {
        const read = this.#read ?? (await this.read());
        if (read === undefined) return { outcome: 'gone' };
        // The function of an update may change the record's objects and then fail: no later attempt must write them.
        this.#read = undefined;
        const made = await change(read);
        const outcome = await this.#replace(read, made.replacement);
        if (outcome === 'replaced') return { outcome, change: made };
        if (outcome === 'missing') return { outcome: 'gone' };
      }
    } finally {
      saves.leave(id);
    }
  }

  /** Destroys the record, if there is one, whatever other requests do to it meanwhile. */
  async destroy(placeholder: Placeholder): Promise<void> {
    if (this.#state === 'known') await this.#context.records.destroy(this.id, placeholder);
  }

  /** One compare-and-set on what was read. */
  async #replace(read: ReadRecord, replacement: Replacement): Promise<ReplaceOutcome> {
    const { records } = this.#context;
    const outcome =
      typeof replacement === 'string'
        ? await records.retire(this.id, read.version, replacement)
        : await records.replace(this.id, replacement, read.version);
    if (outcome === 'missing') this.#state = 'gone';
    if (outcome === 'replaced' && typeof replacement !== 'string') this.#holds(replacement);
    return outcome;
  }

  #holds(record: SessionRecord): void {
    this.#state = 'known';
    this.#base = record;
    this.#read = undefined;
  }
}
