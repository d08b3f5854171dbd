import type { Removal, ReadRecord, SessionRecord } from '../session/session-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import { pauseAfterConflict } from './conflict-retry.js';
import type { ClientConnection } from './keyed-queue.js';
import type { SessionContext } from './session-context.js';
import type { Written } from './session-records.js';

/**
 * Where a session's record stands: `'new'`, not stored yet; `'known'`, stored; `'retired'`, opened under an id that has a
 * tombstone; `'gone'`, destroyed or retired by another request, expired or no longer readable, while this one held it.
 */
export type RecordState = 'new' | 'known' | 'retired' | 'gone';

/** What takes a record's place. */
export type Replacement = SessionRecord | Removal;

/** What a compare-and-set writes. A caller may add what it wants to know of the attempt that won. */
export interface Change {
  readonly replacement: Replacement;
}

/** How a compare-and-set ended: with the change that won, or with no record left to change. */
export type Rewritten<C extends Change> =
  { readonly outcome: 'replaced'; readonly change: C } | { readonly outcome: 'gone' };

/** A compare-and-set that is over, and the text that it wrote, if that is a record. */
type Attempt<C extends Change> = Rewritten<C> & { readonly text?: string | undefined };

/** What a request knows of the record when it opens a session. */
export interface HandleStart {
  readonly state: RecordState;
  /** Absent: the handle draws an id only when it is needed, as drawing one costs as much as a signature. */
  readonly id?: string | undefined;
  readonly record?: ReadRecord | undefined;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: ClientConnection | undefined;
}

const EMPTY: SessionRecord = { data: {}, meta: {} };

/** One request's handle on its session's record: id, state, content as far as it is known, and how to change it. */
export class RecordHandle {
  readonly #context: SessionContext;
  readonly #client: ClientConnection | undefined;
  #id: string | undefined;
  #state: RecordState;
  #base: SessionRecord;
  /** The last read, while its version may be the newest. A write clears it: the request does not know the version that it wrote. */
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

  /** What the store holds, as far as is known. For a new session: what its record will hold beside the data of the request. */
  get base(): SessionRecord {
    return this.#base;
  }

  /** From here on the handle is that of a new session, which has no id yet. */
  startOver(base: SessionRecord): void {
    this.#id = undefined;
    this.#state = 'new';
    this.#base = base;
    this.#read = undefined;
  }

  /**
   * Stores the new session.
   * @throws {SessionConfigurationError} when three ids in a row are taken.
   */
  async create(record: SessionRecord): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.#context.records.create(this.id, record)) return this.#noteStored(record);
      this.#id = undefined;
    }
    throw new SessionConfigurationError('`generateId` keeps making ids that are taken: make it random.');
  }

  /**
   * Reads the record again.
   * @returns the record; `undefined` when the session has none any more, or has none yet.
   */
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
   * Repeats a compare-and-set until it wins, each time on what another request has written meanwhile. Never brings back a record
   * that is gone.
   * @param change makes the replacement from the record as it is in the store. It may run several times.
   * @param reread whether to read the record again before the first attempt.
   * @throws {SessionConflictError} when no attempt wins, too many saves wait, or the client has left.
   */
  async rewrite<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    { reread = false }: { readonly reread?: boolean } = {},
  ): Promise<Rewritten<C>> {
    const { id } = this;
    const { saveQueue } = this.#context;
    const turn = saveQueue.enter(id, this.#client);
    // Where other requests save first, the version that was read is old by the time they are done.
    if (reread || turn !== undefined) this.#read = undefined;
    const left = turn && (await turn);
    let written: string | undefined;
    try {
      if (left !== undefined) this.#takeOver(left);
      for (let conflicts = 0; ; await pauseAfterConflict(++conflicts)) {
        const rewritten = await this.#attempt(change);
        if (rewritten === 'conflict') continue;
        ({ text: written } = rewritten);
        return rewritten;
      }
    } finally {
      // The function of an update may have changed the record's objects and then failed. No later save may write them.
      if (reread) this.#read = undefined;
      saveQueue.leave(id, written);
    }
  }

  /** Destroys the record, if there is one, no matter what other requests do to it meanwhile. */
  async destroy(removal: Removal): Promise<void> {
    if (this.#state === 'known') await this.#context.records.destroy(this.id, removal);
  }

  /**
   * Goes on from the text that the save before this one has written, as if it were read now: another process that writes meanwhile
   * makes a conflict, as it does after a read. The text is decoded anew, so that two requests never share an object.
   */
  #takeOver(text: string): void {
    const found = this.#context.records.recordOf(this.id, text);
    if (found === undefined) return;
    this.#base = found;
    this.#read = found;
  }

  /** Tries one compare-and-set on what was read. */
  async #attempt<C extends Change>(change: (base: ReadRecord) => C | Promise<C>): Promise<Attempt<C> | 'conflict'> {
    const { records } = this.#context;
    const read = this.#read ?? (await this.read());
    if (read === undefined) return { outcome: 'gone' };
    const making = change(read);
    const made = making instanceof Promise ? await making : making;
    const { replacement } = made;
    const { outcome, text }: Written =
      typeof replacement === 'string'
        ? { outcome: await records.retire(this.id, read.version, replacement) }
        : await records.replace(this.id, replacement, read.version);
    this.#read = undefined;
    if (outcome === 'conflict') return outcome;
    if (outcome === 'missing') {
      this.#state = 'gone';
      return { outcome: 'gone' };
    }
    if (typeof replacement !== 'string') this.#noteStored(replacement);
    return { outcome, change: made, text };
  }

  #noteStored(record: SessionRecord): void {
    this.#state = 'known';
    this.#base = record;
    this.#read = undefined;
  }
}
