import { fingerprint } from './fingerprint.js';
import { fillData, isEmptyData, isMemberName, layKeysOver, pickKeys, type Data } from './session-keys.js';
import { defineData } from './session-record.js';

/** What the serializer makes of a value. */
export interface StoredForm {
  stringify(value: unknown): string;
  /** What a value becomes when it is stored and read. It shares nothing with the original. */
  copy(value: unknown): unknown;
}

/**
 * The data of one session as one request has them, and the keys that the request changed. It notes which keys were assigned or
 * deleted. The application may change an object that it was given unseen, so the object's fingerprint is taken then and compared
 * later. What the application never looked at is never looked at here.
 */
export class TrackedData {
  /** What the live session shows. A change made to this object directly counts as read from the store, not as written. */
  readonly values: Record<string, unknown>;
  readonly #form: StoredForm;
  /** The keys that were assigned or deleted, each with the number of its latest assignment. */
  readonly #assigned = new Map<string, number>();
  #assignments = 0;
  /**
   * The fingerprints, by key; `undefined` where an object has none: it counts as changed, and the save says what is wrong with it.
   */
  readonly #prints = new Map<string, string | undefined>();

  /**
   * @param data the data of the record.
   * @param form the serializer's part in comparing values.
   * @param prototype what the values inherit: the members of a live session.
   */
  constructor(data: Data, form: StoredForm, prototype: object) {
    this.#form = form;
    this.values = Object.create(prototype) as Record<string, unknown>;
    fillData(this.values, data);
  }

  get isEmpty(): boolean {
    return isEmptyData(this.values);
  }

  assign(key: string, value: unknown): void {
    if (Object.hasOwn(this.values, key) && Object.is(this.values[key], value)) return;
    defineData(this.values, key, value);
    this.#assigned.set(key, ++this.#assignments);
  }

  delete(key: string): void {
    if (!Object.hasOwn(this.values, key)) return;
    delete this.values[key];
    this.#assigned.set(key, ++this.#assignments);
  }

  /** Notes that the application is given the object under this key, and may change what is inside. */
  handOut(key: string, value: object): void {
    if (!this.#prints.has(key) && !this.#assigned.has(key)) this.#prints.set(key, this.#printOf(value));
  }

  /** How many assignments there were so far: a point in time for {@link TrackedData.takeChanges}. */
  get assignments(): number {
    return this.#assignments;
  }

  /**
   * Takes the keys that changed since the last time. From here on they count as unchanged.
   * @param until a number of assignments. Keys assigned after that point are left for the next time.
   */
  takeChanges(until = this.#assignments): Set<string> {
    const taken = this.takeAssigned(until);
    this.#remember(taken);
    for (const [key, before] of this.#prints) {
      if (taken.has(key) || this.#assigned.has(key)) continue;
      const now = this.#rememberOne(key);
      if (now === undefined || now !== before) taken.add(key);
    }
    return taken;
  }

  /** Takes the keys that were assigned or deleted since the last time. Changes inside an object do not count. */
  takeAssigned(until = this.#assignments): Set<string> {
    const taken = new Set<string>();
    for (const [key, assignment] of this.#assigned) {
      if (assignment > until) continue;
      taken.add(key);
      this.#assigned.delete(key);
    }
    return taken;
  }

  /** Makes these keys count as changed, because they were taken and not saved. */
  markChanged(keys: Iterable<string>): void {
    for (const key of keys) if (!this.#assigned.has(key)) this.#assigned.set(key, 0);
  }

  pick(keys: Iterable<string>): Record<string, unknown> {
    return pickKeys(this.values, keys);
  }

  /** Copies of the data under these keys, as storing and reading would make them. */
  copy(keys: Iterable<string>): Record<string, unknown> {
    return this.#form.copy(this.pick(keys)) as Record<string, unknown>;
  }

  /** Replaces the data with others, which count as unchanged. */
  become(data: Data): void {
    fillData(this.values, data);
    this.forgetChanges();
  }

  forgetChanges(): void {
    this.#assigned.clear();
    this.#prints.clear();
  }

  /** Takes over other data, except keys that were changed here and those in `except`. Equal values stay the same objects. */
  adopt(data: Data, except: ReadonlySet<string> = new Set()): void {
    const keys = new Set([...Object.keys(this.values), ...Object.keys(data)]);
    const differing = [...keys].filter(
      (key) =>
        !isMemberName(key) &&
        !except.has(key) &&
        !this.#isChanged(key) &&
        !this.#isSame(valueAt(this.values, key), valueAt(data, key)),
    );
    layKeysOver(this.values, data, differing);
    this.#remember(differing);
  }

  #isChanged(key: string): boolean {
    if (this.#assigned.has(key)) return true;
    if (!this.#prints.has(key)) return false;
    const value = valueAt(this.values, key);
    const now = isObject(value) ? this.#printOf(value) : undefined;
    return now === undefined || now !== this.#prints.get(key);
  }

  /**
   * Whether storing this request's value gives the store's value. They need not look the same: a date may lose its milliseconds.
   */
  #isSame(mine: unknown, theirs: unknown): boolean {
    if (mine === undefined || theirs === undefined) return mine === theirs;
    const print = fingerprint(theirs);
    return print !== undefined && (fingerprint(mine) === print || this.#printOfCopy(mine) === print);
  }

  #printOfCopy(value: unknown): string | undefined {
    try {
      return fingerprint(this.#form.copy(value));
    } catch {
      // The store cannot hold a value that cannot be stored.
      return undefined;
    }
  }

  /** Notes that the store has these keys as they are now. A later change inside their objects counts. */
  #remember(keys: Iterable<string>): void {
    for (const key of keys) this.#rememberOne(key);
  }

  #rememberOne(key: string): string | undefined {
    const value = valueAt(this.values, key);
    if (!isObject(value)) {
      this.#prints.delete(key);
      return undefined;
    }
    const print = this.#printOf(value);
    this.#prints.set(key, print);
    return print;
  }

  /** The object's fingerprint; without one, the serializer's text: an instance may hold in private what its serializer stores. */
  #printOf(value: object): string | undefined {
    const print = fingerprint(value);
    if (print !== undefined) return print;
    try {
      return `text ${this.#form.stringify(value)}`;
    } catch {
      return undefined;
    }
  }
}

function valueAt(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
