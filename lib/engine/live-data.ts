import { SessionChanges } from '../session/session-changes.js';
import { isEmptyData, layKeysOver } from '../session/session-keys.js';
import {
  createLiveSession,
  fillData,
  isReservedName,
  type LiveParts,
  type LiveSession,
  type SessionKeeper,
} from '../session/session.js';

/** Data of a session, by key. */
type Data = Readonly<Record<string, unknown>>;

/** The object that handlers get, the data beneath it, and what the request did to them. */
export class LiveData {
  readonly changes: SessionChanges;
  readonly #keeper: SessionKeeper;
  readonly #stringify: (value: unknown) => string;
  #sides: LiveParts;

  /** @param stringify how a value's text is made when changes are looked for. */
  constructor(keeper: SessionKeeper, stringify: (value: unknown) => string, data: Data) {
    this.changes = new SessionChanges(stringify);
    this.#keeper = keeper;
    this.#stringify = stringify;
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
    const differing = new Set([...Object.keys(mine), ...Object.keys(data)].filter((key) => !isReservedName(key)));
    for (const key of differing) {
      if (except.has(key) || this.#textAt(mine, key) === this.#textAt(data, key)) differing.delete(key);
    }
    layKeysOver(mine, data, differing);
    this.changes.watch(differing, mine);
  }

  #textAt(data: Data, key: string): string | undefined {
    return Object.hasOwn(data, key) && data[key] !== undefined ? this.#stringify(data[key]) : undefined;
  }
}
