import { startRedisCluster } from '../test/fixtures/servers.mjs';
import { cores } from './cores.mjs';
import { CONNECTIONS } from './load.mjs';
import { pinProcess, RedisAccount } from './redis-account.mjs';
import { turned, workOf } from './rounds.mjs';
import { ServerProcess } from './server-process.mjs';
import { spendingOf } from './spending.mjs';
import { newVisitors } from './visitors.mjs';

/**
 * @typedef {'Redis' | 'Cluster'} BackEndName
 * @typedef {{ backEnd: BackEndName, application: string, work: string, processes: number }} ProcessCell
 * @typedef {ProcessCell & { round: number } & import('./spending.mjs').Spending} ProcessRow
 * @typedef {{ rounds: number, millis: number, rows: ProcessRow[], discarded: string[] }} Processes
 * @typedef {{ environment: Record<string, string>, account: { cpuMicros(): Promise<number> }, stop: () => Promise<unknown> }} BackEnd
 */

const ROUNDS = 3;
const MILLIS = 500;
const WARM_UP_MILLIS = 2000;
const COUNTS = [1, 2, 4];
/** @type {readonly (readonly [application: string, work: string])[]} */
const CASES = [
  ['handwritten', 'read 200 B'],
  ['ours', 'read 200 B'],
  ['handwritten', 'write 200 B'],
  ['ours', 'write 200 B'],
  ['ours', 'one 200 B'],
];

/** @type {Readonly<Record<BackEndName, () => Promise<BackEnd>>>} */
const BACK_ENDS = { Redis: oneRedis, Cluster: threeMasters };

/**
 * One, two and four processes of an application on Fastify that share their sessions. Each has 50 connections; where all requests write one
 * session, they have 50 together, so that as many meet each time.
 * @param {(line: string) => void} say
 * @returns {Promise<Processes>}
 */
export async function measureProcesses(say) {
  /** @type {ProcessRow[]} */
  const rows = [];
  /** @type {string[]} */
  const discarded = [];
  for (const [name, start] of Object.entries(BACK_ENDS)) {
    say(`1, 2 and 4 processes on ${name}`);
    const backEnd = await start();
    try {
      rows.push(...(await rowsOn(/** @type {BackEndName} */ (name), backEnd, discarded)));
    } finally {
      await backEnd.stop();
    }
  }
  return { rounds: ROUNDS, millis: MILLIS, rows, discarded };
}

/**
 * @param {BackEndName} backEnd
 * @param {BackEnd} parts
 * @param {string[]} discarded
 */
async function rowsOn(backEnd, { environment, account }, discarded) {
  const fleets = await fleetsIn(environment);
  try {
    const cells = await Promise.all(CASES.map((one) => cellOf(one, fleets)));
    const measure = (/** @type {typeof cells[number]} */ cell, /** @type {number} */ processes, millis = MILLIS) => {
      const connections = cell.isContended ? Math.floor(CONNECTIONS / processes) : CONNECTIONS;
      const servers = cell.fleet.slice(0, processes);
      return spendingOf({ servers, redis: account, load: cell.load, millis, connections }, discarded);
    };
    for (const cell of cells) await measure(cell, Math.max(...COUNTS), WARM_UP_MILLIS);
    const runs = cells.flatMap((cell) => COUNTS.map((processes) => ({ cell, processes })));
    /** @type {ProcessRow[]} */
    const rows = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const { cell, processes } of turned(runs, round)) {
        const { application, work } = cell;
        rows.push({ backEnd, application, work, processes, round, ...(await measure(cell, processes)) });
      }
    }
    return rows;
  } finally {
    await Promise.all([...fleets.values()].flat().map((server) => server.stop()));
  }
}

/**
 * As many processes of each application as are needed at most.
 * @param {Record<string, string>} environment
 */
async function fleetsIn(environment) {
  /** @type {Map<string, ServerProcess[]>} */
  const fleets = new Map();
  for (const application of new Set(CASES.map(([name]) => name))) {
    const starts = Array.from({ length: Math.max(...COUNTS) }, () =>
      ServerProcess.start('fastify', application, environment),
    );
    fleets.set(application, await Promise.all(starts));
  }
  return fleets;
}

/**
 * @param {typeof CASES[number]} case_
 * @param {ReadonlyMap<string, readonly ServerProcess[]>} fleets
 */
async function cellOf([application, work], fleets) {
  const fleet = fleets.get(application) ?? [];
  const { path, visitors, bytes } = workOf(work);
  const { file } = await newVisitors(fleet[0]?.port ?? 0, visitors, bytes);
  return { application, work, fleet, isContended: visitors === 1, load: { path, cookieFile: file } };
}

/** @returns {Promise<BackEnd>} */
async function oneRedis() {
  const account = await RedisAccount.start();
  return { environment: { REDIS_URL: account.url }, account, stop: () => account.stop() };
}

/**
 * A Cluster of three masters, each with a replica.
 * @returns {Promise<BackEnd>}
 */
async function threeMasters() {
  const { nodes, stop } = await startRedisCluster();
  for (const { pid } of nodes) pinProcess(pid, cores.redis);
  const accounts = nodes.map((node) => new RedisAccount(node));
  const cpuMicros = async () => {
    const all = await Promise.all(accounts.map((account) => account.cpuMicros()));
    return all.reduce((sum, micros) => sum + micros, 0);
  };
  return {
    environment: { CLUSTER_PORTS: nodes.map(({ port }) => port).join(' ') },
    account: { cpuMicros },
    stop: async () => {
      for (const { client } of accounts) client.disconnect();
      await stop();
    },
  };
}
