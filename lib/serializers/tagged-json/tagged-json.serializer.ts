import { SessionConfigurationError } from '../../session.errors.js';
import type { SessionSerializer } from '../session-serializer.js';
import { UnserializableError } from '../unserializable-error.js';
import type { DateForm } from './date-text.js';
import { parseExactJson } from './exact-json.js';
import { escapeNonAscii } from './json-scalars.js';
import { isPlainJson } from './plain-json.js';
import { TagReader } from './tag-reader.js';
import { TagWriter } from './tag-writer.js';
import type { Dialect } from './tags.js';

/** Options of a {@link TaggedJsonSerializer}. */
export interface TaggedJsonOptions {
  /** `quart` writes only what Quart-Session and Flask read. @default 'native' */
  readonly dialect?: Dialect;
  /**
   * How dates are written; both forms are read. Under `quart`, `iso` is for Quart 0.18 and older, which wrote microseconds and
   * `+00:00`; newer versions and Flask read an ISO date as None.
   * @default 'iso' natively, 'http' under `quart`
   */
  readonly dates?: DateForm;
}

/**
 * JSON with tags for values that JSON does not have, as `flask.json.tag` writes it: any program reads the text. ASCII only.
 *
 * - Kept: `Tuple`, bytes (`Uint8Array`, read back as `Buffer`), `Markup`, `Uuid`, `Date`, `bigint`, -0, NaN and the infinities; natively
 *   `Map` and `Set` too. Python's integers beyond ±(2^53 − 1) come back as `bigint`, never rounded.
 * - `bigint`: natively always `{" n":"…"}`, however small, so that it comes back as a `bigint`; under `quart` a bare integer, because
 *   Python has one kind of integer, so that one within ±(2^53 − 1) comes back as a number.
 * - `undefined`: a property is left out; in an array, `Tuple`, `Map` or `Set` it becomes null, as in JSON.
 * - `Date`: with milliseconds natively, in whole seconds as an HTTP date.
 * - `toJSON` is honoured. Properties with a symbol for a key are left out.
 * - Refused with the path: functions, symbols, cycles, invalid dates, instances of other classes, nesting beyond 500 levels of text.
 * - Python's `1.0` becomes `1`, because JavaScript has one kind of number.
 */
export class TaggedJsonSerializer implements SessionSerializer {
  readonly #dialect: Dialect;
  readonly #writer: TagWriter;

  /** @throws {SessionConfigurationError} when an option has an unknown value. */
  constructor(options: TaggedJsonOptions = {}) {
    const { dialect = 'native', dates = dialect === 'quart' ? 'http' : 'iso' } = options;
    refuseUnknown('dialect', dialect, ['native', 'quart']);
    refuseUnknown('dates', dates, ['iso', 'http']);
    this.#dialect = dialect;
    this.#writer = new TagWriter(dialect, dates);
  }

  /** @throws {SessionSerializationError} when a value cannot be stored; the error has its path. */
  stringify(value: unknown): string {
    try {
      return plainText(value) ?? this.#writer.write(value);
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be stored');
    }
  }

  /** @throws {SessionSerializationError} when the text is no JSON, or a tag is malformed; the error then has its path. */
  parse(text: string): unknown {
    const json = parseNatively(text);
    if (json !== undefined && isPlainJson(json)) return json;
    try {
      return this.#untag(text, json);
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be read');
    }
  }

  /** @param json `undefined` when the text is not strict JSON. */
  #untag(text: string, json: unknown): unknown {
    if (json !== undefined) {
      const reader = new TagReader(this.#dialect);
      const value = reader.read(json);
      if (!reader.sawRoundedInteger) return value;
    }
    return new TagReader(this.#dialect).read(parseExactly(text));
  }
}

/** The text of a value that the engine's own JSON can write. An error here is dropped: the writer meets it again, and knows its path. */
function plainText(value: unknown): string | undefined {
  try {
    return value !== undefined && isPlainJson(value) ? escapeNonAscii(JSON.stringify(value)) : undefined;
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
    // Without the cause: the parser's own error quotes the text, and so data.
    throw new UnserializableError('it is not JSON, so another program or another serializer wrote it.');
  }
}

function refuseUnknown(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  const choices = known.map((choice) => `'${choice}'`).join(' or ');
  throw new SessionConfigurationError(`TaggedJsonSerializer: ${name} must be ${choices}.`);
}
