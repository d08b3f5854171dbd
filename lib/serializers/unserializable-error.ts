import { types } from 'node:util';
import { SessionSerializationError } from '../session.errors.js';
import { formatPath, HIDDEN_STEP } from './value-path.js';

interface Step {
  readonly key: string | number;
  readonly holder: object;
}

/** A value that has no stored form, or a stored form that means no value. It learns its path while the stack unwinds. */
export class UnserializableError extends Error {
  override readonly name = 'UnserializableError';
  /** From the innermost holder outwards. */
  readonly #trail: Step[] = [];

  /** Whatever was thrown inside `holder[key]`, as a unserializable that knows this step of its path. */
  static within(error: unknown, key: string | number, holder: object): UnserializableError {
    const unserializable = UnserializableError.#of(error);
    unserializable.#trail.push({ key, holder });
    return unserializable;
  }

  /** The error that the caller of a serializer sees. */
  static toSessionError(error: unknown, failure: 'cannot be stored' | 'cannot be read'): SessionSerializationError {
    const unserializable = UnserializableError.#of(error);
    const trail = unserializable.#trail.toReversed();
    const turn = cycleEnd(trail);
    const steps = turn === undefined ? trail : trail.slice(0, turn);
    const path = steps.map(({ key }) => key);
    const reason =
      turn === undefined
        ? unserializable.message
        : 'it refers back to an object that holds it. Store an id instead of the object.';
    // The string keys of a Map are data, even where they look like names.
    const shown = steps.map(({ key, holder }) => (typeof key === 'string' && types.isMap(holder) ? HIDDEN_STEP : key));
    return new SessionSerializationError(`${formatPath(shown)} ${failure}: ${reason}`, {
      path,
      cause: unserializable.cause,
    });
  }

  static #of(error: unknown): UnserializableError {
    if (error instanceof UnserializableError) return error;
    if (error instanceof RangeError)
      return new UnserializableError('it is nested too deeply, or its text is too long.', { cause: error });
    return new UnserializableError('its toJSON method or one of its getters has thrown; see the cause.', {
      cause: error,
    });
  }
}

/** Only a cycle passes the same holder twice on one way down. */
function cycleEnd(steps: readonly Step[]): number | undefined {
  const seen = new Set<object>();
  for (const [index, { holder }] of steps.entries()) {
    if (seen.has(holder)) return index;
    seen.add(holder);
  }
  return undefined;
}
