import { floorOf } from './cells.mjs';

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./rounds.mjs').Row} Row
 * @typedef {{ median: number, low: number, high: number }} Spread The lowest and the highest of all rounds.
 */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/**
 * @param {readonly number[]} values
 * @returns {Spread | undefined} `undefined` for no values.
 */
export function spreadOf(values) {
  if (values.length === 0) return undefined;
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * The rows of one cell, a round each.
 * @template {Cell & { platform: string }} T
 * @param {readonly T[]} rows
 * @param {Cell & { platform: string }} cell
 */
export function rowsOf(rows, { platform, application, work }) {
  return rows.filter((row) => row.platform === platform && row.application === application && row.work === work);
}

/**
 * What one cell takes of what another takes, in the same round: what slowed the machine down in that round has slowed both.
 * @param {readonly Row[]} rows
 * @param {{ platform: string, ours: Cell, over: Cell, of: 'cpuMicros' | 'p99' }} pair
 * @returns {Spread | undefined} `undefined` where one of them was not measured.
 */
export function ratioOf(rows, { platform, ours, over, of }) {
  const floors = rowsOf(rows, { platform, ...over });
  const ratios = rowsOf(rows, { platform, ...ours }).flatMap((row) => {
    const floor = floors.find(({ round }) => round === row.round);
    return floor === undefined ? [] : [row[of] / floor[of]];
  });
  return spreadOf(ratios);
}

/**
 * The CPU that a cell takes of what its floor takes.
 * @param {readonly Row[]} rows
 * @param {Cell & { platform: string }} cell
 */
export function costOf(rows, { platform, application, work }) {
  return ratioOf(rows, { platform, ours: { application, work }, over: floorOf(work), of: 'cpuMicros' });
}
