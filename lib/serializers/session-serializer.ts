/**
 * Turns data into the text that a store keeps, and back. It is given whole records, which are plain objects, and single values
 * of them. `parse(stringify(value))` equals `value`, and equal values give equal texts, since that is how changes are found.
 */
export interface SessionSerializer {
  /** @throws {SessionSerializationError} naming the path of a value that cannot be stored. */
  stringify(value: unknown): string;
  /** @throws {SessionSerializationError} when the text is not what `stringify` writes; the record then counts as corrupt. */
  parse(text: string): unknown;
}
