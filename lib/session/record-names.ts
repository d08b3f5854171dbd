const UNDERSCORE = 95;

/**
 * The keys of a record under which the library keeps its own values, all with an underscore. What is under any other key is the
 * application's.
 */
export class RecordNames {
  /** The names when no other program writes the records: the library's times have short ones. */
  static readonly native = new RecordNames('_', { hasSeen: true });
  /**
   * The names when Quart-Session shares the records: `_permanent` and `_addr` are its own names. No Python program uses
   * a name such as `_nest_session_created` for a value of its own. There is no time of the last renewal, because each write renews.
   */
  static readonly quart = new RecordNames('_nest_session_', { hasSeen: false });

  readonly permanent = '_permanent';
  readonly addr = '_addr';
  readonly created: string;
  /** `undefined`: records do not hold this time. */
  readonly seen: string | undefined;
  readonly lifetime: string;
  readonly signIn: string;
  readonly listing: string;
  readonly #all: ReadonlySet<string | undefined>;

  private constructor(prefix: string, { hasSeen }: { readonly hasSeen: boolean }) {
    this.created = `${prefix}created`;
    this.seen = hasSeen ? `${prefix}seen` : undefined;
    this.lifetime = `${prefix}lifetime`;
    this.signIn = `${prefix}signed_in`;
    this.listing = `${prefix}listed`;
    this.#all = new Set([this.permanent, this.addr, this.created, this.seen, this.lifetime, this.signIn, this.listing]);
  }

  /** Whether the key is one of these names, and so cannot be a key of the data. */
  has(key: string): boolean {
    return key.charCodeAt(0) === UNDERSCORE && this.#all.has(key);
  }
}
