/** Something that expires, with its place in an {@link ExpiryQueue}. */
export interface Expiring {
  /** Milliseconds, on the clock of the one who asks the queue. */
  readonly expiresAt: number;
  /** Kept by the queue; -1 outside of it. */
  place: number;
}

/**
 * Finds what expires first, at a cost that hardly grows with the number of items: a binary heap, in which each item knows its place
 * and so can leave at any time.
 */
export class ExpiryQueue<Item extends Expiring> {
  /** None expires before the one at half its index. The first index is 1. */
  readonly #heap: (Item | undefined)[] = [undefined];

  /** The item that expires before all others. */
  get first(): Item | undefined {
    return this.#heap[1];
  }

  add(item: Item): void {
    this.#rise(item, this.#heap.push(item) - 1);
  }

  /** Does nothing for an item that is not in the queue. */
  remove(item: Item): void {
    const hole = item.place;
    if (hole === -1) return;
    item.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#sink(last, hole);
    this.#rise(last, last.place);
  }

  /** Puts an item into a place, or above it. */
  #rise(item: Item, from: number): void {
    let place = from;
    for (
      let above = this.#heap[place >> 1];
      above && above.expiresAt > item.expiresAt;
      above = this.#heap[place >> 1]
    ) {
      this.#put(above, place);
      place >>= 1;
    }
    this.#put(item, place);
  }

  /** Puts an item into a place, or below it. */
  #sink(item: Item, from: number): void {
    let place = from;
    for (let below = this.#earlierBelow(place); below && below.expiresAt < item.expiresAt;) {
      const next = below.place;
      this.#put(below, place);
      place = next;
      below = this.#earlierBelow(place);
    }
    this.#put(item, place);
  }

  /** The one of the two items below a place that expires first. */
  #earlierBelow(place: number): Item | undefined {
    const left = this.#heap[2 * place];
    const right = this.#heap[2 * place + 1];
    return left && right && right.expiresAt < left.expiresAt ? right : left;
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }
}
