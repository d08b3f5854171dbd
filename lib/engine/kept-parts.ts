import { pickKeys, type Data } from '../session/session-data.js';

/** What a regenerate keeps of the session that it retires. */
export class KeptParts {
  readonly #keep: unknown;
  readonly #keys: readonly string[];

  /** @param keep as the application has given it. The list may change while the call waits. */
  constructor(keep: unknown) {
    this.#keep = keep;
    this.#keys = Array.isArray(keep) ? [...(keep as readonly string[])] : [];
  }

  /** @throws {TypeError} when `keep` is neither a boolean nor a list. */
  check(): void {
    if (typeof this.#keep === 'boolean' || Array.isArray(this.#keep)) return;
    throw new TypeError("regenerate: `keep` is true, false or a list of keys, such as ['cart'].");
  }

  /**
   * The data that survive.
   * @param values what the session shows.
   * @param hidden what the record holds beside it, under the name of a member.
   */
  dataOf(values: Data, hidden: Data): Data {
    return this.#keep === true ? { ...hidden, ...values } : pickKeys(values, this.#keys);
  }
}
