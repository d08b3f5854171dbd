import { startRedisCluster } from '../test/fixtures/servers.mjs';
import { cores } from './cores.mjs';
import { pinProcess, RedisAccount } from './redis-account.mjs';
import { turned, workOf } from './rounds.mjs';
import { ServerProcess } from './server-process.mjs';
import { spendingOf } from './spending.mjs';
import { newVisitors } from './visitors.mjs';

/**
 * @typedef {'Redis' | 'Cluster'} BackEndName
 * @typedef {{ backEnd: BackEndName, application: string, work: string, processes: number }} ProcessCell
 * @typedef {ProcessCell & { round: number } & import('./spending.mjs').Spending} ProcessRow
 * @typedef {{ rounds: number, millis: number, rows: ProcessRow[] }} Processes
 * @typedef {{ environment: Record<string, string>, account: { cpuMicros(): Promise<number> }, stop: () => Promise<unknown> }} BackEnd
 */

const ROUNDS = 3;
const MILLIS = 500;
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
 * One, two and four processes of an application on Fastify that share their sessions, and the 50 connections of the load.
 * @param {(line: string) => void} say
 * @returns {Promise<Processes>}
 */
export async function measureProcesses(say) {
  /** @type {ProcessRow[]} */
  const rows = [];
  for (const [name, start] of Object.entries(BACK_ENDS)) {
    say(`1, 2 and 4 processes on ${name}`);
    const backEnd = await start();
    try {
      rows.push(...(await rowsOn(/** @type {BackEndName} */ (name), backEnd)));
    } finally {
      await backEnd.stop();
    }
  }
  return { rounds: ROUNDS, millis: MILLIS, rows };
}

/**
 * @param {BackEndName} name
 * @param {BackEnd} backEnd
 */
async function rowsOn(name, backEnd) {
  const fleets = new Map(
    await Promise.all(
      ['handwritten', 'ours'].map(async (application) => {
        const fleet = await Promise.all(
          Array.from({ length: Math.max(...COUNTS) }, () =>
            ServerProcess.start('fastify', application, backEnd.environment),
          ),
        );
        return /** @type {const} */ ([application, fleet]);
      }),
    ),
  );
  try {
    return await roundsOf(name, fleets, backEnd);
  } finally {
    await Promise.all([...fleets.values()].flat().map((server) => server.stop()));
  }
}

/**
 * @param {BackEndName} backEndName
 * @param {ReadonlyMap<string, readonly ServerProcess[]>} fleets
 * @param {BackEnd} backEnd
 */
async function roundsOf(backEndName, fleets, backEnd) {
  const measures = await Promise.all(
    CASES.map(([application, work]) => preparedFor(fleets.get(application) ?? [], work)),
  );
  const cells = CASES.flatMap(([application, work], at) =>
    COUNTS.map((processes) => ({ backEnd: backEndName, application, work, processes, measure: measures[at] })),
  );
  // With the most processes, so that each has run before it counts.
  for (const { processes, measure } of cells)
    if (processes === Math.max(...COUNTS)) await measure?.(processes, backEnd);
  /** @type {ProcessRow[]} */
  const rows = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { measure, ...cell } of turned(cells, round)) {
      if (measure) rows.push({ ...cell, round, ...(await measure(cell.processes, backEnd)) });
    }
  }
  return rows;
}

/**
 * @param {readonly ServerProcess[]} fleet
 * @param {string} work
 */
async function preparedFor(fleet, work) {
  const { path, visitors, bytes } = workOf(work);
  const { file } = await newVisitors(fleet[0]?.port ?? 0, visitors, bytes);
  return (/** @type {number} */ processes, /** @type {BackEnd} */ { account }) =>
    spendingOf({
      servers: fleet.slice(0, processes),
      redis: account,
      load: { path, cookieFile: file },
      millis: MILLIS,
    });
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
