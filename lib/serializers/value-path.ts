/** Stands in a path for a step that is data, such as the key of a `Map`. */
export const HIDDEN_STEP = Symbol('a hidden step');

/** The keys and indexes that lead from a record to a value in it, outermost first, with data hidden. */
export type ValuePath = readonly (string | number | typeof HIDDEN_STEP)[];

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

// A value nested too deeply has a path of hundreds of steps; a log line must stay readable.
const SHOWN_STEPS = 16;

/**
 * The path as code would write it, `items[0].fn`; a long one is cut. A key that is no identifier, such as that of
 * `users["ada@example.org"]`, is usually data, which has no place in a log: it shows as `[…]`.
 */
export function formatPath(path: ValuePath): string {
  if (path.length === 0) return 'the value';
  const shown = path.slice(0, SHOWN_STEPS).map(formatStep).join('').replace(/^\./, '');
  return path.length > SHOWN_STEPS ? `${shown}…` : shown;
}

function formatStep(step: ValuePath[number]): string {
  if (typeof step === 'number') return `[${step}]`;
  return typeof step === 'string' && IDENTIFIER.test(step) ? `.${step}` : '[…]';
}
