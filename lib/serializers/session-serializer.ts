/**
 * Turns data into the text that a store keeps, and back. It gets whole records, which are plain objects, and single values of them.
 * `parse(stringify(value))` equals `value`. The text of one value may differ each time, as that of an encrypting serializer does,
 * because changes are not found by comparing texts.
 */
export interface SessionSerializer {
  /** @throws {SessionSerializationError} when a value cannot be stored; the error has its path. */
  stringify(value: unknown): string;
  /** @throws {SessionSerializationError} when `stringify` did not write the text; the record then counts as corrupt. */
  parse(text: string): unknown;
}
