import { fingerprint } from './fingerprint.js';

/**
 * What a request did to its session, key by key, without a look at what it never asked for: assigned and deleted keys are noted; an
 * object that was handed out may be changed behind our back, so its fingerprint is remembered and compared later.
 */
export class SessionChanges {
  readonly #textOf: (value: unknown) => string;
  readonly #marked = new Set<string>();
  /** By key; `undefined` where the object has none: it then counts as changed, and saving it says where the fault lies and why. */
  readonly #handedOut = new Map<string, string | undefined>();

  /** @param textOf the serializer's, for what has no fingerprint: an instance may hold in private what its serializer stores. */
  constructor(textOf: (value: unknown) => string) {
    this.#textOf = textOf;
  }

  /** The key was assigned or deleted. */
  mark(key: string): void {
    this.#marked.add(key);
  }

  /** The key's object is about to leave our hands. */
  handOut(key: string, value: object): void {
    if (!this.#handedOut.has(key) && !this.#marked.has(key)) this.#handedOut.set(key, this.#printOf(value));
  }

  /** The keys that differ from the last time this was asked; from here on they count as unchanged. */
  take(data: Readonly<Record<string, unknown>>): Set<string> {
    const taken = this.takeMarked();
    this.watch(taken, data);
    for (const [key, before] of this.#handedOut) {
      if (taken.has(key)) continue;
      const now = this.#remember(key, data[key]);
      if (now === undefined || now !== before) taken.add(key);
    }
    return taken;
  }

  /** The keys assigned or deleted since the last time; what was changed inside an object does not count. */
  takeMarked(): Set<string> {
    const taken = new Set(this.#marked);
    this.#marked.clear();
    return taken;
  }

  /** These keys are as the store has them; what is changed inside their objects from here on counts. */
  watch(keys: Iterable<string>, data: Readonly<Record<string, unknown>>): void {
    for (const key of keys) this.#remember(key, data[key]);
  }

  /** The keys taken were not saved after all. */
  giveBack(keys: Iterable<string>): void {
    for (const key of keys) this.#marked.add(key);
  }

  /** What was changed is forgotten, as when the record was read anew. */
  reset(): void {
    this.#marked.clear();
    this.#handedOut.clear();
  }

  #remember(key: string, value: unknown): string | undefined {
    if (typeof value !== 'object' || value === null) {
      this.#handedOut.delete(key);
      return undefined;
    }
    const now = this.#printOf(value);
    this.#handedOut.set(key, now);
    return now;
  }

  #printOf(value: object): string | undefined {
    const print = fingerprint(value);
    if (print !== undefined) return print;
    try {
      return `text ${this.#textOf(value)}`;
    } catch {
      return undefined;
    }
  }
}
