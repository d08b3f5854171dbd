import { MAX_NESTING } from '../session/max-nesting.js';
import { UnserializableError } from './unserializable-error.js';

/** The depth one level further in; throws a {@link UnserializableError} where there may be none. */
export function deeper(depth: number): number {
  if (depth >= MAX_NESTING) throw new UnserializableError(`it is nested more than ${MAX_NESTING} levels deep.`);
  return depth + 1;
}
