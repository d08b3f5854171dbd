// Typed as read-only, because a tuple is frozen: `push` and its kin would only throw.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the class below passes it on
const ReadonlyArrayBase = Array as unknown as new <T>() => readonly T[];

/**
 * An array that cannot change and that keeps its kind in the store: Python reads it as a tuple, and a tuple of Python's comes
 * back as one. An ordinary array is a list there. Flask's flashed messages, for one, are tuples.
 *
 * `map`, `filter` and their kin give ordinary arrays.
 */
export class Tuple<T = unknown> extends ReadonlyArrayBase<T> {
  /** @param items - What the tuple holds, in this order; it is frozen, the items themselves are not. */
  constructor(items: Iterable<T> = []) {
    super();
    for (const item of items) Array.prototype.push.call(this, item);
    Object.freeze(this);
  }

  /** The tuple of these arguments, as `Array.of` makes an array. */
  static of<T>(...items: readonly T[]): Tuple<T> {
    return new Tuple(items);
  }

  /** The tuple of these items, as `Array.from` makes an array. */
  static from<T>(items: Iterable<T>): Tuple<T> {
    return new Tuple(items);
  }

  /** What `map` and its kin build: a frozen array could not be filled step by step. */
  static get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}
