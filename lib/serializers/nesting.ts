import { Misfit } from './misfit.js';

/**
 * How many levels of objects and arrays a stored text may have. Deeper ones are refused both ways, since a recursive walk would
 * run out of stack at a depth that nobody can foretell. Python's own reader gives up at a similar depth.
 */
export const MAX_NESTING = 500;

/** The depth one level further in; throws a {@link Misfit} where there may be none. */
export function nest(depth: number): number {
  if (depth >= MAX_NESTING) throw new Misfit(`it is nested more than ${MAX_NESTING} levels deep.`);
  return depth + 1;
}
