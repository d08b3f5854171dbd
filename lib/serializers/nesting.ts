import { MAX_NESTING } from '../session/nesting.js';
import { Misfit } from './misfit.js';

/** The depth one level further in; throws a {@link Misfit} where there may be none. */
export function nest(depth: number): number {
  if (depth >= MAX_NESTING) throw new Misfit(`it is nested more than ${MAX_NESTING} levels deep.`);
  return depth + 1;
}
