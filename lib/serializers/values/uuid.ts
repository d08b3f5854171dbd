import { SessionSerializationError } from '../../session.errors.js';

const HEX = /^[0-9a-f]{32}$/;

/** A UUID that stays a UUID in the store: Python reads it as `uuid.UUID`. A string of the same digits stays a string. */
export class Uuid {
  /** Lower-case digits with hyphens (RFC 9562 section 4), in whichever form the UUID was given. */
  readonly value: string;

  /**
   * @param text 32 hexadecimal digits with or without hyphens, in braces or not, `urn:uuid:` before them or not.
   * @throws {SessionSerializationError} when the text is no UUID.
   */
  constructor(text: string) {
    const hex = typeof text === 'string' ? digitsOf(text) : '';
    if (!HEX.test(hex)) {
      throw new SessionSerializationError(
        'This text is not a UUID: write 32 hexadecimal digits, with or without hyphens.',
      );
    }
    this.value = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  /** The UUID with hyphens, in lower case. */
  toString(): string {
    return this.value;
  }

  /** The UUID with hyphens, so that a response in plain JSON shows a string. */
  toJSON(): string {
    return this.value;
  }
}

function digitsOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1')
    .replaceAll('-', '');
}
