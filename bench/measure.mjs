// What a session costs, beside a handler that asks Redis by hand and beside the usual libraries. Run `npm run bench`; `-- --quick` for a
// first look, which keeps nothing; `-- --report` to write results.md, the charts and the figures of the README anew from the rows.
import { CELLS, GROWTH_CELLS, PLATFORMS, QUICK_CELLS } from './cells.mjs';
import { thisMachine } from './machine.mjs';
import { millionSessions } from './million-sessions.mjs';
import { measureProcesses } from './processes.mjs';
import { writeReport } from './publish.mjs';
import { RedisAccount } from './redis-account.mjs';
import { QUICK_FOLDER, readResults, saveResult } from './results.mjs';
import { measureRounds } from './rounds.mjs';
import { targetRows } from './target-table.mjs';

/** @typedef {import('./rounds.mjs').Plan} Plan */

/** @type {Plan} */
const REQUESTS = {
  platforms: PLATFORMS,
  cells: CELLS,
  rounds: 7,
  millis: 600,
  warmUpMillis: 400,
  warmUpRequests: 20_000,
};
/** @type {Plan} */
const GROWTH = {
  platforms: PLATFORMS,
  cells: GROWTH_CELLS,
  rounds: 3,
  millis: 600,
  warmUpMillis: 400,
  warmUpRequests: 15_000,
};
/** @type {Plan} */
const QUICK = {
  platforms: PLATFORMS,
  cells: QUICK_CELLS,
  rounds: 2,
  millis: 300,
  warmUpMillis: 200,
  warmUpRequests: 6_000,
};

const startedAt = performance.now();
const say = (/** @type {string} */ line) =>
  console.log(`${String(Math.round((performance.now() - startedAt) / 1000)).padStart(4)} s  ${line}`);

/** @param {Plan} plan */
async function onRedis(plan) {
  const redis = await RedisAccount.start();
  try {
    return { ...(await measureRounds(plan, redis, say)), rounds: plan.rounds, millis: plan.millis };
  } finally {
    await redis.stop();
  }
}

async function quickLook() {
  const requests = await onRedis(QUICK);
  saveResult('requests', requests, QUICK_FOLDER);
  console.table(targetRows(requests.rows));
  console.log('A first look: two short rounds. The whole run, `npm run bench`, takes seven.');
}

async function wholeRun() {
  saveResult('machine', thisMachine());
  saveResult('requests', await onRedis(REQUESTS));
  saveResult('growth', await onRedis(GROWTH));
  saveResult('processes', await measureProcesses(say));
  say('a million sessions in the memory store');
  saveResult('million-sessions', await millionSessions());
}

if (process.argv.includes('--quick')) await quickLook();
else {
  if (!process.argv.includes('--report')) await wholeRun();
  const results = readResults();
  await writeReport(results);
  console.table(targetRows(results.requests.rows));
  say('bench/results.md, the charts and the figures of the README are written');
}
