/**
 * SerialQueue data into the text that a store keeps, and back. It is given whole records, which are plain objects, and single values
 * of them. `parse(stringify(value))` equals `value`. The text of a value may be another one each time, as an encrypted one is: how it
 * looks is not how changes are found.
 */
export interface SessionSerializer {
  /** @throws {SessionSerializationError} naming the path of a value that cannot be stored. */
  stringify(value: unknown): string;
  /** @throws {SessionSerializationError} when the text is not what `stringify` writes; the record then counts as corrupt. */
  parse(text: string): unknown;
}
