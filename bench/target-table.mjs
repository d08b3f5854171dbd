import { CONTROL, PLATFORMS, TARGETS } from './cells.mjs';
import { ratioOf } from './statistics.mjs';

/**
 * @typedef {import('./statistics.mjs').Spread} Spread
 * @typedef {{ cell: string, ours: string, target: string, met: string, peer: string }} TargetRow
 */

export const PLATFORM_NAMES = { express: 'Express', fastify: 'Fastify' };
/** The usual library on each. */
export const PEER_NAMES = { express: 'express-session', fastify: '@fastify/session' };

/**
 * What the targets ask for and what was measured, and the control on each platform.
 * @param {readonly import('./rounds.mjs').Row[]} rows
 * @returns {TargetRow[]}
 */
export function targetRows(rows) {
  const targets = TARGETS.flatMap((target) => {
    const ratio = ratioOf(rows, target);
    if (ratio === undefined) return [];
    const peer = target.peer && ratioOf(rows, { ...target, ours: target.peer });
    const met = ratio.median <= target.atMost ? 'yes' : 'no';
    const cell = `${PLATFORM_NAMES[target.platform]}, ${target.title}`;
    return [{ cell, ours: shown(ratio), target: `≤ ${target.atMost.toFixed(2)}`, met, peer: shown(peer) }];
  });
  const controls = PLATFORMS.map((platform) => {
    const ratio = ratioOf(rows, { platform, ...CONTROL, of: 'cpuMicros' });
    return {
      cell: `${PLATFORM_NAMES[platform]}, control: handwritten ÷ the same`,
      ours: shown(ratio),
      target: '1.00',
      met: '–',
      peer: '–',
    };
  });
  return [...targets, ...controls];
}

/**
 * @param {Spread | undefined} spread
 * @param {number} [digits]
 */
export function shown(spread, digits = 2) {
  if (spread === undefined) return '–';
  const [middle, low, high] = [spread.median, spread.low, spread.high].map((value) => value.toFixed(digits));
  return `${middle} (${low}–${high})`;
}
