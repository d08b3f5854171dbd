/** Keys of one Map: at a million keys in all, some 16,000. */
const PARTS = 64;

/**
 * A map from keys. It consists of many, because a `Map` of a million keys stops the process for 70 ms each time it rehashes: when it
 * grows, and when as many keys have gone as it has room for.
 */
export class KeyIndex<Item> {
  readonly #parts = Array.from({ length: PARTS }, () => new Map<string, Item>());
  #size = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  get(key: string): Item | undefined {
    return this.#part(key).get(key);
  }

  set(key: string, item: Item): void {
    const part = this.#part(key);
    this.#size -= part.size;
    part.set(key, item);
    this.#size += part.size;
  }

  delete(key: string): void {
    if (this.#part(key).delete(key)) this.#size--;
  }

  /** Keys differ most at their end: it is random in those of sessions. */
  #part(key: string): Map<string, Item> {
    const end = key.length - 1;
    const number =
      (key.charCodeAt(end) || 0) + 7 * (key.charCodeAt(end - 1) || 0) + 31 * (key.charCodeAt(end - 2) || 0);
    return this.#parts[number % PARTS] as Map<string, Item>;
  }
}
