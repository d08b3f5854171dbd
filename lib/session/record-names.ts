/** Under which keys of a record the library's own values lie. What stands under any other key is the user's. */
export class RecordNames {
  /** Times of ours under short names, as long as no other program writes the records. */
  static readonly native = new RecordNames('_created', '_seen');
  /**
   * `_permanent` and `_addr` are what Quart-Session calls them. No Python program takes the other name for its own; a time of the last
   * renewal there is none, as each write renews.
   */
  static readonly quart = new RecordNames('_nest_session_created', undefined);

  readonly permanent = '_permanent';
  readonly addr = '_addr';
  readonly created: string;
  /** `undefined`: records say nothing of it. */
  readonly seen: string | undefined;
  readonly #all: ReadonlySet<string | undefined>;

  private constructor(created: string, seen: string | undefined) {
    this.created = created;
    this.seen = seen;
    this.#all = new Set([this.permanent, this.addr, created, seen]);
  }

  /** Whether the key is one of them, and so cannot be one of the data. */
  has(key: string): boolean {
    return this.#all.has(key);
  }
}
