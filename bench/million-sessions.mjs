import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { cores, pinned } from './cores.mjs';

/**
 * @typedef {object} Phase
 * @property {string} phase
 * @property {number} calls of the store.
 * @property {number} seconds
 * @property {number} microsEach CPU of one call.
 * @property {number} longestPauseMillis of the event loop.
 * @property {number} p99PauseMillis
 * @property {number} longestCpuMillis the most CPU between two turns of the event loop.
 */

/**
 * @typedef {object} MillionSessions
 * @property {number} sessions
 * @property {number} recordBytes
 * @property {number} heapBytesEach
 * @property {number} residentBytesEach
 * @property {Phase[]} phases
 */

const PROGRAM = fileURLToPath(new URL('memory-store.mjs', import.meta.url));

/**
 * Runs bench/memory-store.mjs in a process of its own.
 * @returns {Promise<MillionSessions>}
 */
export async function millionSessions() {
  const flags = ['--expose-gc', '--max-old-space-size=4096'];
  const [command, ...args] = pinned(cores.server, [process.execPath, ...flags, PROGRAM]);
  const { stdout } = await promisify(execFile)(String(command), args, { maxBuffer: 1e6 });
  return JSON.parse(stdout);
}
