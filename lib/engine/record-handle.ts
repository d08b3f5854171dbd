import type { SessionRecord, ReadRecord, Remains } from '../session/session-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { ReplaceOutcome } from '../stores/session-store.js';
import { retryOnConflict } from './conflict-retry.js';
import type { KeyedQueue, LeavingClient } from './keyed-queue.js';
import type { SessionRecords } from './session-records.js';

/**
 * Where a session stands: not stored yet; stored; opened under an id that was retired before the request came; or ended by
 * somebody else while the request held it.
 */
export type RecordState = 'new' | 'known' | 'retired' | 'gone';

/** What a held record is made of. */
export interface RecordHandleParts {
  readonly records: SessionRecords;
  /** Saves on one id queue up in one process, instead of colliding. */
  readonly saves: KeyedQueue;
  readonly generateId: () => string;
}

/** What a request holds when it begins. */
export interface Hold {
  /** Absent: a new session draws one when it is needed, which costs as much as a signature. */
  readonly id?: string | undefined;
  readonly record?: ReadRecord | undefined;
  /** The client's end of the connection, which may close while a save waits for others. */
  readonly client?: LeavingClient | undefined;
}

/** What shall be stored in a record's place. */
export type Successor = SessionRecord | Remains;

const EMPTY: SessionRecord = { data: {}, meta: {} };

/** One request's hold on the record of its session: which it is, what it holds as far as we know, and how to change it. */
export class RecordHandle {
  readonly #parts: RecordHandleParts;
  readonly #client: LeavingClient | undefined;
  #id: string | undefined;
  #standing: RecordState;
  #base: SessionRecord;
  /** The last read, unless we have written since: then the version is not known any more. */
  #read: ReadRecord | undefined;

  constructor(parts: RecordHandleParts, standing: RecordState, { id, record, client }: Hold) {
    this.#parts = parts;
    this.#standing = standing;
    this.#id = id;
    this.#read = record;
    this.#base = record ?? EMPTY;
    this.#client = client;
  }

  get id(): string {
    return (this.#id ??= this.#parts.generateId());
  }

  get standing(): RecordState {
    return this.#standing;
  }

  /** What the store holds, as far as we know; of a new session, what it will hold whatever the request does. */
  get base(): SessionRecord {
    return this.#base;
  }

  /** From here on another session is held, which is not stored yet and has no id. */
  startAnew(base: SessionRecord = EMPTY): void {
    this.#id = undefined;
    this.#standing = 'new';
    this.#base = base;
    this.#read = undefined;
  }

  async create(record: SessionRecord): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.#parts.records.create(this.id, record)) return this.#wrote(record);
      this.#id = undefined;
    }
    throw new SessionConfigurationError('`generateId` keeps making ids that are taken: make it random.');
  }

  /**
   * The record as it is now, for whoever runs beside others: what is held stays as it is, unless it turns out to have ended.
   * `undefined`: somebody has ended the session, or the request itself holds another one by now.
   */
  async peek(): Promise<ReadRecord | undefined> {
    if (this.#standing !== 'known') return undefined;
    const { id } = this;
    const found = await this.#parts.records.read(id);
    if (this.#id !== id || this.standing !== 'known') return undefined;
    if (typeof found === 'object') return found;
    this.#standing = 'gone';
    return undefined;
  }

  /** Reads the record again, and holds that from now on. `undefined`: somebody has ended the session. */
  async read(): Promise<ReadRecord | undefined> {
    const found = await this.peek();
    if (found === undefined) return undefined;
    this.#base = found;
    this.#read = found;
    return found;
  }

  /** One compare-and-set on what was read. */
  async swap(read: ReadRecord, successor: Successor): Promise<ReplaceOutcome> {
    const { records } = this.#parts;
    const isEnd = successor === 'tombstone' || successor === 'nothing';
    const outcome = await (isEnd
      ? records.retire(this.id, read.version, successor)
      : records.replace(this.id, successor, read.version));
    this.#read = undefined;
    if (outcome === 'missing') this.#standing = 'gone';
    if (outcome === 'replaced' && !isEnd) this.#wrote(successor);
    return outcome;
  }

  /**
   * Compare-and-set until it wins, each time on what the other one wrote.
   * @param successor makes what shall be stored from what is.
   * @returns `false` if somebody has ended the session: ending is final, so nothing was stored.
   */
  rewrite(successor: (base: SessionRecord) => Successor): Promise<boolean> {
    const { saves } = this.#parts;
    // Who has to wait for others need not try with a version that will be old by then.
    if (saves.isBusy(this.id)) this.#read = undefined;
    return this.inTurn(() =>
      retryOnConflict(async () => {
        const read = this.#read ?? (await this.read());
        if (read === undefined) return { done: false };
        const outcome = await this.swap(read, successor(read));
        return outcome === 'conflict' ? outcome : { done: outcome === 'replaced' };
      }),
    );
  }

  /** Runs a save after those on the same id that are under way in this process. */
  inTurn<R>(save: () => Promise<R>): Promise<R> {
    return this.#parts.saves.run(this.id, save, this.#client);
  }

  /** Ends the session, if it has a record, whatever others do to it in the meantime. */
  async end(remains: Remains): Promise<void> {
    if (this.#standing === 'known') await this.#parts.records.end(this.id, remains);
  }

  #wrote(record: SessionRecord): void {
    this.#standing = 'known';
    this.#base = record;
    this.#read = undefined;
  }
}
