type Stringify = (value: unknown) => string;

/**
 * What a request did to its session, key by key, without serialising what it never looked at: assigned and deleted keys are
 * noted; an object that was handed out may be changed behind our back, so its text is remembered and compared later.
 */
export class SessionChanges {
  readonly #stringify: Stringify;
  readonly #marked = new Set<string>();
  readonly #handedOut = new Map<string, string>();

  constructor(stringify: Stringify) {
    this.#stringify = stringify;
  }

  /** The key was assigned or deleted. */
  mark(key: string): void {
    this.#marked.add(key);
  }

  /** The key's object is about to leave our hands. */
  handOut(key: string, value: object): void {
    if (!this.#handedOut.has(key) && !this.#marked.has(key)) this.#handedOut.set(key, this.#textOf(value));
  }

  /** The keys that differ from the last time this was asked; from here on they count as unchanged. */
  take(data: Readonly<Record<string, unknown>>): Set<string> {
    const taken = this.takeMarked();
    this.watch(taken, data);
    for (const [key, before] of this.#handedOut) {
      if (!taken.has(key) && this.#remember(key, data[key]) !== before) taken.add(key);
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
    const text = this.#textOf(value);
    this.#handedOut.set(key, text);
    return text;
  }

  /** A value that cannot be stored counts as changed; saving the record then says where it lies and why. */
  #textOf(value: object): string {
    try {
      return this.#stringify(value);
    } catch {
      return '';
    }
  }
}
