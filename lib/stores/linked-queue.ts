/** An item with its neighbours in a {@link LinkedQueue}, which alone sets them. */
export interface Linked<Item> {
  older: Item | undefined;
  newer: Item | undefined;
}

/** Items in the order in which they came. Each can leave at any time, at the same small cost. */
export class LinkedQueue<Item extends Linked<Item>> {
  #oldest: Item | undefined;
  #newest: Item | undefined;

  get oldest(): Item | undefined {
    return this.#oldest;
  }

  /** Adds an item that is in no queue. */
  add(item: Item): void {
    item.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** Removes an item that is in this queue. */
  remove(item: Item): void {
    const { older, newer } = item;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    item.older = undefined;
    item.newer = undefined;
  }
}
