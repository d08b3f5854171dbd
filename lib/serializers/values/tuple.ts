// Typed as read-only, because a tuple is frozen: `push` and the other methods that change an array would only throw.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the class below passes it on
const ReadonlyArrayBase = Array as unknown as new <T>() => readonly T[];

/**
 * An array that cannot change and that stays a tuple in the store: Python reads it as a `tuple`, and a Python tuple comes back as
 * one. Python reads an ordinary array as a `list`. Flask's flashed messages, for example, are tuples.
 *
 * `map`, `filter` and the other methods that make an array return ordinary arrays.
 */
export class Tuple<T = unknown> extends ReadonlyArrayBase<T> {
  /** @param items what the tuple holds, in this order; the tuple is frozen, the items themselves are not. */
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

  /** The class that `map` and `filter` build: they fill an array step by step, which a frozen one does not allow. */
  static get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}
