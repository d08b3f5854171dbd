/** Keys and indexes that lead from a record to a value in it, outermost first. */
export type ValuePath = readonly (string | number)[];

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

// A value nested too deeply has a path of hundreds of steps; a log line must stay readable.
const SHOWN_STEPS = 16;

/** The path as one would write it in code, `items[0].fn` or `cart["odd key"]`; long ones are cut. */
export function formatPath(path: ValuePath): string {
  if (path.length === 0) return 'the value';
  const shown = path.slice(0, SHOWN_STEPS).map(formatStep).join('').replace(/^\./, '');
  return path.length > SHOWN_STEPS ? `${shown}…` : shown;
}

function formatStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
