import { deserialize, serialize } from 'node:v8';

import { SessionSerializationError } from '../session.errors.js';
import type { SessionSerializer } from './session-serializer.js';
import { UnserializableError } from './unserializable-error.js';
import { V8Check } from './v8-check.js';

/**
 * Node's own format (`node:v8`, the structured clone algorithm) in base64, for applications that do not want JSON. **Programs in
 * other languages cannot read it**, and an older Node.js cannot read what a newer one wrote: use {@link TaggedJsonSerializer} to share
 * sessions.
 *
 * Kept beside plain objects, arrays and primitives: `undefined`, `bigint`, `Date`, `Map`, `Set`, `RegExp`, `Error`, `ArrayBuffer` and
 * its views, objects that several others hold, and cycles. `toJSON` is not called. Refused with the path: functions, symbols, instances
 * of other classes (`Tuple`, `Markup` and `Uuid` too), arrays with holes, nesting beyond 500 levels.
 */
export class V8Serializer implements SessionSerializer {
  /** @throws {SessionSerializationError} when a value cannot be stored; the error has its path. */
  stringify(value: unknown): string {
    try {
      new V8Check().check(value);
      return serialize(value).toString('base64');
    } catch (error) {
      throw UnserializableError.toSessionError(error, 'cannot be stored');
    }
  }

  /** @throws {SessionSerializationError} when `stringify` did not write the text, or a newer Node.js wrote it. */
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
    // Node skips characters that are no base64, and would read the rest.
    if (bytes.toString('base64') === text) return deserialize(bytes);
  } catch {
    // Every failure here has the one reason below, and Node's own message may hold data.
  }
  throw new SessionSerializationError(
    'The stored text is not in the format of node:v8, so another program, another serializer or a newer Node.js wrote it.',
  );
}
