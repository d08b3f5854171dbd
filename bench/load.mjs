import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { cores, pinned } from './cores.mjs';

/** How many requests are under way at once. */
export const CONNECTIONS = 50;
const SCRIPT = fileURLToPath(new URL('load.lua', import.meta.url));

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {string} path
 * @property {string} cookieFile one cookie a line, which the requests carry in turn.
 * @property {number} [connections]
 */

/**
 * @typedef {object} Answered
 * @property {number} requests
 * @property {number} p50 microseconds.
 * @property {number} p99 microseconds.
 * @property {Readonly<Record<string, number>>} failed connections that broke, timeouts, and statuses from 400 on.
 */

/** Some of the responses were none, or had an error status. */
export class FailedResponses extends Error {
  /**
   * @param {string} path
   * @param {Answered} answered
   */
  constructor(path, { requests, failed }) {
    super(`${path}: of ${requests} responses some failed: ${JSON.stringify(failed)}.`);
  }
}

/** wrk, which sends requests as fast as they are answered. */
export class RunningLoad {
  /** @param {Load} load */
  constructor({ port, path, cookieFile, connections = CONNECTIONS }) {
    const args = [
      '-t1',
      `-c${connections}`,
      '-d600s',
      '--timeout',
      '10s',
      '--latency',
      '-s',
      SCRIPT,
      `http://127.0.0.1:${port}${path}`,
    ];
    const [command, ...rest] = pinned(cores.load, ['wrk', ...args, '--', cookieFile]);
    this.path = path;
    this.wrk = spawn(String(command), rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.output = text(this.wrk.stdout);
    this.exit = once(this.wrk, 'exit');
  }

  /**
   * An error among the answers is an error.
   * @returns {Promise<Answered>}
   */
  async stop() {
    // wrk ends with its summary.
    this.wrk.kill('SIGINT');
    await this.exit;
    const summary = /^JSON(.*)$/m.exec(await this.output)?.[1];
    if (summary === undefined) throw new Error(`wrk did not finish ${this.path}: ${await this.output}`);
    /** @type {Answered} */
    const answered = JSON.parse(summary);
    if (Object.values(answered.failed).some((count) => count > 0)) throw new FailedResponses(this.path, answered);
    return answered;
  }
}
