import { setTimeout as wait } from 'node:timers/promises';

import { CONNECTIONS, RunningLoad } from './load.mjs';

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
 * @property {readonly import('./server-process.mjs').ServerProcess[]} servers which share the connections.
 * @property {{ cpuMicros(): Promise<number> }} redis
 * @property {{ path: string, cookieFile: string }} load
 * @property {number} millis
 */

/** How long the load runs before anything is counted: by then its connections stand. */
const RAMP_MILLIS = 150;

/**
 * What a request costs while the load runs: neither its beginning nor its end, where connections come and go, is counted.
 * @param {Trial} trial
 * @returns {Promise<Spending>}
 */
export async function spendingOf({ servers, redis, load, millis }) {
  const connections = Math.floor(CONNECTIONS / servers.length);
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
