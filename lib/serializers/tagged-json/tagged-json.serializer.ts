import { SessionConfigurationError } from '../../session.errors.js';
import type { DateForm, Dialect } from './dialect.js';
import { parseExactJson } from './exact-json.js';
import { escapeNonAscii } from './json-string.js';
import { UnserializableError } from '../unserializable-error.js';
import { isPlainJson } from './plain-json.js';
import type { SessionSerializer } from '../session-serializer.js';
import { TagReader } from './tag-reader.js';
import { TagWriter } from './tag-writer.js';

/** How a {@link TaggedJsonSerializer} writes. */
export interface TaggedJsonOptions {
  /** `quart` writes what Quart-Session and Flask read and nothing else. @default 'native' */
  readonly dialect?: Dialect;
  /**
   * How dates are written; both forms are read. Under `quart`, `iso` is for Quart 0.18 and older, which wrote microseconds and
   * `+00:00`; newer ones and Flask read an ISO date as None. @default 'iso' natively, 'http' under `quart`
   */
  readonly dates?: DateForm;
}

/**
 * JSON with tags for what JSON does not have, as `flask.json.tag` writes it: any program reads the text. ASCII only.
 *
 * - Kept: `Tuple`, bytes (`Uint8Array`, read back as `Buffer`), `Markup`, `Uuid`, `Date`, `bigint`, -0, NaN and the infinities; natively
 *   `Map` and `Set` too. Python's integers beyond ±(2^53 − 1) come back as `bigint`, never rounded.
 * - `bigint`: natively always `{" n":"…"}`, however small, so that it comes back as one; under `quart` a bare integer, as Python has
 *   but one kind, so that one within ±(2^53 − 1) comes back as a number.
 * - `undefined`: a property is left out; in an array, `Tuple`, `Map` or `Set` it becomes null, as in JSON.
 * - `Date`: with milliseconds natively, in whole seconds as an HTTP date.
 * - `toJSON` is honoured. Properties with a symbol for a key are left out.
 * - Refused with the path: functions, symbols, cycles, invalid dates, instances of other classes, nesting beyond 500 levels of text.
 * - `1.0` of Python's becomes `1`, since JavaScript has one kind of number.
 */
export class TaggedJsonSerializer implements SessionSerializer {
  readonly #dialect: Dialect;
  readonly #writer: TagWriter;

  /** @throws {SessionConfigurationError} when an option is none of its values. */
  constructor(options: TaggedJsonOptions = {}) {
    const { dialect = 'native', dates = dialect === 'quart' ? 'http' : 'iso' } = options;
    refuseUnknown('dialect', dialect, ['native', 'quart']);
    refuseUnknown('dates', dates, ['iso', 'http']);
    this.#dialect = dialect;
    this.#writer = new TagWriter(dialect, dates);
  }

  /** @throws {SessionSerializationError} naming the path of a value that cannot be stored. */
  stringify(value: unknown): string {
    try {
      return plainText(value) ?? this.#writer.write(value);
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be stored');
    }
  }

  /** @throws {SessionSerializationError} when the text is no JSON, or naming the path of a malformed tag. */
  parse(text: string): unknown {
    const json = parseNatively(text);
    if (isPlainJson(json)) return json;
    try {
      return this.#untag(text, json);
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be read');
    }
  }

  /** `json` is `undefined` when the text is more, or less, than strict JSON. */
  #untag(text: string, json: unknown): unknown {
    if (json !== undefined) {
      const reader = new TagReader(this.#dialect);
      const value = reader.read(json);
      if (!reader.sawRoundedInteger) return value;
    }
    return new TagReader(this.#dialect).read(parseExactly(text));
  }
}

/** The text of a value that the engine's own JSON can write. What is thrown on the way meets the writer again, which knows where. */
function plainText(value: unknown): string | undefined {
  try {
    return isPlainJson(value) ? escapeNonAscii(JSON.stringify(value)) : undefined;
  } catch {
    return undefined;
  }
}

function parseNatively(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseExactly(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof UnserializableError) throw error;
    // The parser's own error quotes the text, and so data: it is not passed on as the cause.
    throw new UnserializableError('it is not JSON, so another program or another serializer wrote it.');
  }
}

function refuseUnknown(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  const choices = known.map((choice) => `'${choice}'`).join(' or ');
  throw new SessionConfigurationError(`TaggedJsonSerializer: ${name} must be ${choices}.`);
}
