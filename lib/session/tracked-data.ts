import { fingerprint, fingerprintOfOther } from './fingerprint.js';
import { copyData, defineData, fillData, layKeysOver, pickKeys, type Data } from './session-data.js';
import { isSameTape, plainTape, type PlainTape } from './plain-tape.js';
import { isMemberName } from './session-members.js';

/** What the serializer makes of a value. */
export interface StoredForm {
  stringify(value: unknown): string;
  /** What a value becomes when it is stored and read. It shares nothing with the original. */
  copy(value: unknown): unknown;
}

/**
 * What an object held, to compare it later. `undefined` where that cannot be told: the object then counts as changed, and the save
 * says what is wrong with it.
 */
type Print = PlainTape | string | undefined;

const NOTHING: ReadonlySet<string> = new Set();

/** What {@link TrackedData} begins with. */
export interface TrackedDataStart {
  readonly data: Data;
  readonly form: StoredForm;
  /** What the values inherit: the members of a live session. */
  readonly prototype: object;
  /** The data whose place these take. What was assigned there and not taken belongs to these. */
  readonly former?: TrackedData | undefined;
}

/**
 * The data of one session as one request has them, and the keys that the request changed. It notes which keys were assigned or
 * deleted, and when. The application may change an object that it was given unseen, so what the object holds is noted then and
 * compared later. What the application never looked at is never looked at here.
 */
export class TrackedData {
  /** What the live session shows. Only {@link assign} and {@link delete} note a change: what the engine does to this object is none. */
  readonly values: Record<string, unknown>;
  /** Whether the response has ended, so that nothing is saved of itself any more. */
  isOver = false;
  readonly #form: StoredForm;
  /** The number of the latest assignment of the request. All its data share the clock. */
  readonly #clock: { now: number };
  /**
   * The keys that were assigned or deleted and not taken yet, each with the moment of its latest assignment. Both maps are made when
   * they are needed, as most requests need none.
   */
  #assigned: Map<string, number> | undefined;
  /** What the objects held that the application was given, by key. */
  #prints: Map<string, Print> | undefined;

  constructor({ data, form, prototype, former }: TrackedDataStart) {
    this.#form = form;
    this.values = copyData(data, prototype);
    this.#clock = former === undefined ? { now: 0 } : former.#clock;
    if (former === undefined || former.#assigned === undefined) return;
    this.#assigned = new Map(former.#assigned);
    layKeysOver(this.values, former.values, this.#assigned.keys());
  }

  /** The present moment, to give to {@link takeChanges} and {@link valuesUntil} later. */
  get moment(): number {
    return this.#clock.now;
  }

  /** The moment of a change that is none of the data. It comes after all calls that were made until now. */
  nextMoment(): number {
    return ++this.#clock.now;
  }

  /** Whether there is a change that was not taken yet. */
  get hasChanges(): boolean {
    if (this.#assigned !== undefined && this.#assigned.size > 0) return true;
    return [...(this.#prints?.keys() ?? [])].some((key) => this.#isChanged(key));
  }

  /** @param mayDiffer whether a call that waits or runs may change the value, so that the same value assigned is a change. */
  assign(key: string, value: unknown, mayDiffer = false): void {
    if (!mayDiffer && Object.hasOwn(this.values, key) && Object.is(this.values[key], value)) return;
    defineData(this.values, key, value);
    this.#noteAssigned(key, ++this.#clock.now);
  }

  /** @param mayDiffer whether a call that waits or runs may set the key, so that deleting what is not there is a change. */
  delete(key: string, mayDiffer = false): void {
    if (!mayDiffer && !Object.hasOwn(this.values, key)) return;
    delete this.values[key];
    this.#noteAssigned(key, ++this.#clock.now);
  }

  /** Notes that the application is given the object under this key, and may change what is inside. */
  handOut(key: string, value: object): void {
    if (this.#prints?.has(key) !== true && !this.#isAssigned(key)) this.#notePrint(key, this.#printOf(value));
  }

  /**
   * Takes the keys that changed since the last time. From here on they count as unchanged.
   * @param until keys assigned after this moment are left for later.
   */
  takeChanges(until: number): ReadonlySet<string> {
    // Most requests read scalars only.
    if (this.#assigned === undefined && this.#prints === undefined) return NOTHING;
    const taken = this.#takeAssigned(until);
    for (const [key, before] of this.#prints ?? []) {
      if (taken.has(key) || this.#isAssigned(key)) continue;
      if (!isSamePrint(before, this.#remember(key))) taken.add(key);
    }
    return taken;
  }

  /** Makes these keys count as changed, because they were taken and not saved. A later assignment keeps its moment. */
  markChanged(keys: Iterable<string>): void {
    for (const key of keys) if (!this.#isAssigned(key)) this.#noteAssigned(key, 0);
  }

  /** The values without the keys that were assigned after this moment. */
  valuesUntil(until: number): Data {
    if (until >= this.#clock.now) return this.values;
    return this.pick(Object.keys(this.values).filter((key) => (this.#assigned?.get(key) ?? 0) <= until));
  }

  pick(keys: Iterable<string>): Record<string, unknown> {
    return pickKeys(this.values, keys);
  }

  /** A draft of the data of a record, with copies of these changes over it: the keys are set as in `changes`, or not there. */
  draftOf(data: Data, changes: Data, keys: Iterable<string>): Record<string, unknown> {
    const draft: Record<string, unknown> = {};
    fillData(draft, data);
    layKeysOver(draft, this.#form.copy(changes) as Data, keys);
    return draft;
  }

  /** Replaces the data with others, which count as unchanged, but for the keys that were assigned and not taken. */
  replaceBy(data: Data): void {
    const keys = [...(this.#assigned?.keys() ?? [])];
    const assigned = this.pick(keys);
    fillData(this.values, data);
    layKeysOver(this.values, assigned, keys);
    this.#prints = undefined;
  }

  /** Takes over other data, except keys that were changed here and those in `except`. Equal values stay the same objects. */
  merge(data: Data, except: ReadonlySet<string> = new Set()): void {
    for (const key of new Set([...Object.keys(this.values), ...Object.keys(data)])) {
      if (isMemberName(key) || except.has(key) || this.#isChanged(key)) continue;
      if (this.#isSame(valueAt(this.values, key), valueAt(data, key))) continue;
      layKeysOver(this.values, data, [key]);
      this.#remember(key);
    }
  }

  #takeAssigned(until: number): Set<string> {
    const taken = new Set<string>();
    for (const [key, moment] of this.#assigned ?? []) if (moment <= until) taken.add(key);
    for (const key of taken) {
      this.#assigned?.delete(key);
      this.#remember(key);
    }
    return taken;
  }

  #isAssigned(key: string): boolean {
    return this.#assigned?.has(key) === true;
  }

  #noteAssigned(key: string, moment: number): void {
    (this.#assigned ??= new Map()).set(key, moment);
  }

  #notePrint(key: string, print: Print): void {
    (this.#prints ??= new Map()).set(key, print);
  }

  #isChanged(key: string): boolean {
    if (this.#isAssigned(key)) return true;
    if (this.#prints?.has(key) !== true) return false;
    const value = valueAt(this.values, key);
    return !isSamePrint(this.#prints.get(key), isObject(value) ? this.#printOf(value) : undefined);
  }

  /** Whether storing the first value, of this request, makes the second, of the store: a date may lose its milliseconds. */
  #isSame(mine: unknown, theirs: unknown): boolean {
    if (mine === undefined || theirs === undefined) return mine === theirs;
    const print = fingerprint(theirs);
    return print !== undefined && (fingerprint(mine) === print || this.#printOfCopy(mine) === print);
  }

  #printOfCopy(value: unknown): string | undefined {
    try {
      return fingerprint(this.#form.copy(value));
    } catch {
      // The store cannot hold this value, so it has no equal there.
      return undefined;
    }
  }

  /** The store has this key as it is now. A later change inside its object counts. */
  #remember(key: string): Print {
    const value = valueAt(this.values, key);
    if (!isObject(value)) {
      this.#prints?.delete(key);
      return undefined;
    }
    const print = this.#printOf(value);
    this.#notePrint(key, print);
    return print;
  }

  /** Without a fingerprint the serializer's text serves: an instance may keep in private fields what its serializer stores. */
  #printOf(value: object): Print {
    const print = plainTape(value) ?? fingerprintOfOther(value);
    if (print !== undefined) return print;
    try {
      return `text ${this.#form.stringify(value)}`;
    } catch {
      return undefined;
    }
  }
}

function isSamePrint(before: Print, now: Print): boolean {
  if (typeof before === 'object' && typeof now === 'object') return isSameTape(before, now);
  return now !== undefined && before === now;
}

function valueAt(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
