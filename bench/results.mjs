import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * @typedef {import('./rounds.mjs').Measured & { rounds: number, millis: number }} Rounds
 */

/**
 * @typedef {object} Results All that a whole run has taken.
 * @property {import('./machine.mjs').Machine} machine
 * @property {Rounds} requests
 * @property {Rounds} growth
 * @property {import('./processes.mjs').Processes} processes
 * @property {import('./million-sessions.mjs').MillionSessions} millionSessions
 */

const FOLDER = new URL('results/', import.meta.url);
/** Where the rows of a first look go, which git ignores. */
export const QUICK_FOLDER = new URL('../.build/bench/', import.meta.url);

/**
 * Keeps what one part of a run has taken, with a line for each row.
 * @param {string} name
 * @param {object} result
 */
export function saveResult(name, result, folder = FOLDER) {
  mkdirSync(folder, { recursive: true });
  const parts = Object.entries(result).map(([key, value]) => `  ${JSON.stringify(key)}: ${written(value)}`);
  writeFileSync(new URL(`${name}.json`, folder), `{\n${parts.join(',\n')}\n}\n`);
}

/** @param {unknown} value */
function written(value) {
  if (!Array.isArray(value)) return JSON.stringify(value);
  return `[\n${value.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`;
}

/**
 * The results of the last whole run.
 * @returns {Results}
 */
export function readResults() {
  const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
  return {
    machine: read('machine'),
    requests: read('requests'),
    growth: read('growth'),
    processes: read('processes'),
    millionSessions: read('million-sessions'),
  };
}
