const UNDERSCORE = 95;

/**
 * The keys of a record under which the library keeps its own values, all with an underscore. What is under any other key is the
 * application's.
 */
export class RecordNames {
  /** The names when no other program writes the records: the library's times have short ones. */
  static readonly native = new RecordNames('_created', '_seen');
  /**
   * The names when Quart-Session shares the records: `_permanent` and `_addr` are its own names. No Python program uses
   * `_nest_session_created` for a value of its own. There is no time of the last renewal, because each write renews.
   */
  static readonly quart = new RecordNames('_nest_session_created', undefined);

  readonly permanent = '_permanent';
  readonly addr = '_addr';
  readonly created: string;
  /** `undefined`: records do not hold this time. */
  readonly seen: string | undefined;
  readonly #all: ReadonlySet<string | undefined>;

  private constructor(created: string, seen: string | undefined) {
    this.created = created;
    this.seen = seen;
    this.#all = new Set([this.permanent, this.addr, created, seen]);
  }

  /** Whether the key is one of these names, and so cannot be a key of the data. */
  has(key: string): boolean {
    return key.charCodeAt(0) === UNDERSCORE && this.#all.has(key);
  }
}
