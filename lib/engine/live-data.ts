import { fingerprint } from '../session/fingerprint.js';
import { SessionChanges } from '../session/session-changes.js';
import { isEmptyData, layKeysOver } from '../session/session-keys.js';
import {
  createLiveSession,
  fillData,
  isMemberName,
  type LiveParts,
  type SessionKeeper,
} from '../session/live-session.js';
import type { LiveSession } from '../session/session-members.js';

/** Data of a session, by key. */
type Data = Readonly<Record<string, unknown>>;

/** What storing makes of values. */
export interface StoredValues {
  stringify(value: unknown): string;
  /** What comes back of a value that is stored and read. */
  copy(value: unknown): unknown;
}

/** The object that handlers get, the data beneath it, and what the request did to them. */
export class LiveData {
  readonly changes: SessionChanges;
  readonly #keeper: SessionKeeper;
  readonly #values: StoredValues;
  #sides: LiveParts;

  constructor(keeper: SessionKeeper, values: StoredValues, data: Data) {
    this.changes = new SessionChanges((value) => values.stringify(value));
    this.#keeper = keeper;
    this.#values = values;
    this.#sides = createLiveSession(keeper, data);
  }

  get live(): LiveSession {
    return this.#sides.live;
  }

  get data(): Data {
    return this.#sides.data;
  }

  get isEmpty(): boolean {
    return isEmptyData(this.data);
  }

  /** The keys changed since the last time; from here on they count as unchanged. */
  take(): Set<string> {
    return this.changes.take(this.data);
  }

  /** Other data, with these keys as they are here. */
  layOver(base: Data, keys: Iterable<string>): Record<string, unknown> {
    const data = { ...base };
    layKeysOver(data, this.data, keys);
    return data;
  }

  /** Holds these data from now on, unchanged. */
  become(data: Data): void {
    fillData(this.#sides.data, data);
    this.changes.reset();
  }

  /** Leaves the object as it is to whoever holds it; another one stands for the session from now on. */
  standAside(data: Data): void {
    this.changes.reset();
    this.#sides = createLiveSession(this.#keeper, data);
  }

  /** Takes over what others changed, but for these keys. What is the same stays the same object for whoever holds it. */
  rebase(data: Data, except: ReadonlySet<string>): void {
    const mine = this.#sides.data;
    const keys = new Set([...Object.keys(mine), ...Object.keys(data)]);
    const differing = [...keys].filter(
      (key) => !isMemberName(key) && !except.has(key) && !this.#isSame(valueAt(mine, key), valueAt(data, key)),
    );
    layKeysOver(mine, data, differing);
    this.changes.watch(differing, mine);
  }

  /** Whether the one, of this request, is the other, of the store, or becomes that by being stored: a date may lose its milliseconds. */
  #isSame(mine: unknown, theirs: unknown): boolean {
    if (mine === undefined || theirs === undefined) return mine === theirs;
    const text = fingerprint(theirs);
    return text !== undefined && (fingerprint(mine) === text || this.#copyPrint(mine) === text);
  }

  #copyPrint(value: unknown): string | undefined {
    try {
      return fingerprint(this.#values.copy(value));
    } catch {
      // What cannot be stored is nothing that the store has.
      return undefined;
    }
  }
}

function valueAt(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}
