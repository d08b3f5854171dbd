import { types } from 'node:util';

import { MAX_NESTING } from '../session/max-nesting.js';
import { SessionSerializationError } from '../session.errors.js';
import { formatPath, HIDDEN_STEP } from './value-path.js';

interface Step {
  readonly key: string | number;
  readonly holder: object;
}

/** A value that has no stored form, or a stored form that stands for no value. The error learns its path while the stack unwinds. */
export class UnserializableError extends Error {
  override readonly name = 'UnserializableError';
  /** From the innermost holder outwards. */
  readonly #trail: Step[] = [];

  /** The error that was thrown inside `holder[key]`, with this step added to its path. */
  static within(thrown: unknown, key: string | number, holder: object): UnserializableError {
    const error = UnserializableError.#of(thrown);
    error.#trail.push({ key, holder });
    return error;
  }

  /** The error that the caller of a serializer sees. */
  static toSessionError(thrown: unknown, failure: 'cannot be stored' | 'cannot be read'): SessionSerializationError {
    const error = UnserializableError.#of(thrown);
    const trail = error.#trail.toReversed();
    const cycle = startOfCycle(trail);
    const steps = cycle === undefined ? trail : trail.slice(0, cycle);
    const reason =
      cycle === undefined
        ? error.message
        : 'it refers back to an object that holds it. Store an id instead of the object.';
    // The string keys of a Map are data, even where they look like names.
    const shown = steps.map(({ key, holder }) => (typeof key === 'string' && types.isMap(holder) ? HIDDEN_STEP : key));
    const path = steps.map(({ key }) => key);
    return new SessionSerializationError(`${formatPath(shown)} ${failure}: ${reason}`, {
      valuePath: path,
      cause: error.cause,
    });
  }

  static #of(thrown: unknown): UnserializableError {
    if (thrown instanceof UnserializableError) return thrown;
    const reason =
      thrown instanceof RangeError
        ? 'it is nested too deeply, or its text is too long.'
        : 'its toJSON method or one of its getters has thrown; see the cause.';
    return new UnserializableError(reason, { cause: thrown });
  }
}

/**
 * The result of `act`, which works on `holder[key]`.
 * @throws {UnserializableError} when `act` throws; the error has this step in its path.
 */
export function withPath<Result>(key: string | number, holder: object, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw UnserializableError.within(error, key, holder);
  }
}

/**
 * The depth one level further in.
 * @throws {UnserializableError} when that is too deep.
 */
export function deeper(depth: number): number {
  if (depth >= MAX_NESTING) throw new UnserializableError(`it is nested more than ${MAX_NESTING} levels deep.`);
  return depth + 1;
}

/** The index where the path meets a holder again, which happens only in a cycle. */
function startOfCycle(steps: readonly Step[]): number | undefined {
  const seen = new Set<object>();
  for (const [index, { holder }] of steps.entries()) {
    if (seen.has(holder)) return index;
    seen.add(holder);
  }
  return undefined;
}
