import { deserialize, serialize } from 'node:v8';
import { SessionSerializationError } from '../session.errors.js';
import { UnserializableError } from './unserializable-error.js';
import type { SessionSerializer } from './session-serializer.js';
import { V8Check } from './v8-check.js';

/**
 * The engine's own format (`node:v8`, the structured clone algorithm) in base64, for those who do not want JSON. **Programs in other
 * languages cannot read it**, nor can an older Node.js read what a newer one wrote: use {@link TaggedJsonSerializer} to share sessions.
 *
 * Kept beside plain objects, arrays and primitives: `undefined`, `bigint`, `Date`, `Map`, `Set`, `RegExp`, `Error`, `ArrayBuffer` and its views,
 * objects that are held in several places, and cycles. `toJSON` is not asked. Refused with the path: functions, symbols, instances
 * of other classes (`Tuple`, `Markup` and `Uuid` too), arrays with holes, nesting beyond 500 levels.
 */
export class V8Serializer implements SessionSerializer {
  /** @throws {SessionSerializationError} naming the path of a value that cannot be stored. */
  stringify(value: unknown): string {
    try {
      new V8Check().check(value);
      return serialize(value).toString('base64');
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be stored');
    }
  }

  /** @throws {SessionSerializationError} when the text is not what `stringify` writes, or a newer Node.js wrote it. */
  parse(text: string): unknown {
    const value = decode(text);
    try {
      new V8Check().check(value);
      return value;
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be read');
    }
  }
}

function decode(text: string): unknown {
  try {
    const bytes = Buffer.from(text, 'base64');
    // Node skips what is no base64 and would read the rest.
    if (bytes.toString('base64') === text) return deserialize(bytes);
  } catch {
    // The reason is the same for everything that can fail here, and the engine's own words may hold data.
  }
  throw new SessionSerializationError(
    'The stored text is not in the format of node:v8, so another program, another serializer or a newer Node.js wrote it.',
  );
}
