import { setTimeout as wait } from 'node:timers/promises';

import { CONNECTIONS, FailedResponses, RunningLoad } from './load.mjs';

/**
 * @typedef {object} Spending CPU and latency are microseconds; CPU is that of one request.
 * @property {number} requests that the servers took meanwhile.
 * @property {number} cpuMicros
 * @property {number} redisMicros CPU of Redis.
 * @property {number} perSecond
 * @property {number} p50
 * @property {number} p99
 */

/**
 * @typedef {object} Trial
 * @property {readonly import('./server-process.mjs').ServerProcess[]} servers
 * @property {{ cpuMicros(): Promise<number> }} redis
 * @property {{ path: string, cookieFile: string }} load
 * @property {number} millis
 * @property {number} [connections] of each server.
 */

/** How long the load runs before anything is counted: by then its connections stand, and a process that had to wait is warm again. */
const RAMP_MILLIS = 300;

/** On a machine that does something else at times, a server can be too late. More than this is no accident. */
const MOST_DISCARDED = 5;

/**
 * What a request costs; taken anew where a response failed.
 * @param {Trial} trial
 * @param {string[]} discarded gets the reason why a measurement was discarded.
 * @returns {Promise<Spending>}
 */
export async function spendingOf(trial, discarded) {
  for (;;) {
    try {
      return await takenOnce(trial);
    } catch (error) {
      if (!(error instanceof FailedResponses) || discarded.length >= MOST_DISCARDED) throw error;
      discarded.push(error.message);
    }
  }
}

/**
 * What a request costs while the load runs: neither its beginning nor its end, where connections come and go, is counted.
 * @param {Trial} trial
 * @returns {Promise<Spending>}
 */
async function takenOnce({ servers, redis, load, millis, connections = CONNECTIONS }) {
  const loads = servers.map(({ port }) => new RunningLoad({ ...load, port, connections }));
  /** @type {PromiseSettledResult<import('./load.mjs').Answered>[]} */
  let ends = [];
  /** @type {Awaited<ReturnType<typeof accountOf>>[]} */
  const accounts = [];
  try {
    await wait(RAMP_MILLIS);
    accounts.push(await accountOf(servers, redis));
    await wait(millis);
    accounts.push(await accountOf(servers, redis));
  } finally {
    ends = await Promise.allSettled(loads.map((running) => running.stop()));
  }
  const answers = ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
  return { ...costBetween(accounts), ...latencyOf(answers) };
}

/**
 * @param {Trial['servers']} servers
 * @param {Trial['redis']} redis
 */
async function accountOf(servers, redis) {
  const [redisMicros, ...usages] = await Promise.all([redis.cpuMicros(), ...servers.map((server) => server.usage())]);
  const sum = (/** @type {'requests' | 'cpuMicros'} */ what) => usages.reduce((total, usage) => total + usage[what], 0);
  return { at: performance.now(), redisMicros, requests: sum('requests'), cpuMicros: sum('cpuMicros') };
}

/** @param {readonly Awaited<ReturnType<typeof accountOf>>[]} accounts the one before, and the one after. */
function costBetween([before, after]) {
  if (before === undefined || after === undefined || after.requests === before.requests) {
    throw new Error('No request was answered.');
  }
  const requests = after.requests - before.requests;
  const each = (/** @type {'redisMicros' | 'cpuMicros'} */ what) =>
    Math.round((100 * (after[what] - before[what])) / requests) / 100;
  const perSecond = Math.round((1000 * requests) / (after.at - before.at));
  return { requests, cpuMicros: each('cpuMicros'), redisMicros: each('redisMicros'), perSecond };
}

/**
 * The worst of all servers.
 * @param {readonly import('./load.mjs').Answered[]} answers
 */
function latencyOf(answers) {
  return { p50: Math.max(...answers.map(({ p50 }) => p50)), p99: Math.max(...answers.map(({ p99 }) => p99)) };
}
