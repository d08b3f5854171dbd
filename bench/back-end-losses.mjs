// What a back-end loses by itself, in a failover or for want of memory, and what becomes of the sessions then. Run `npm run losses`.
// Needs redis-server, redis-cli and memcached on the PATH, and Debian's postgresql. `npm run losses -- PostgreSQL` runs those alone.
import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';

import { ask, pairOf, startCluster, startSentinels, startSmallMemcached, startSmallRedis, until } from './servers.mjs';
import { startPostgresAlone, startPostgresPair } from './losses/postgres.mjs';
import { inParallel, logIn, openApplication, startAnew, Traffic, warned } from './losses/visitors.mjs';

/**
 * @typedef {import('./servers.mjs').BackEnd} BackEnd
 * @typedef {import('../test/fixtures/child-server.mjs').ChildServer} ChildServer
 * @typedef {import('./losses/visitors.mjs').Application} Application
 * @typedef {import('nest-session').Session<import('./losses/visitors.mjs').Data>} Session
 * @typedef {{ app: Application, backEnd: BackEnd }} Stage
 * @typedef {Record<string, number>} Counts what a trial counted, by what it says about it.
 * @typedef {readonly [start: () => Promise<BackEnd>, scenario: (stage: Stage) => Promise<Counts>]} Trial
 */

const TRIALS = Number(process.env.TRIALS ?? 5);
const WRITERS = 8;
const LOGGED_IN = 1000;
/** How long before the crash the replica hears nothing any more, where it lags; and of which writes the losses are counted. */
const LAG_MS = 100;
/** Several times what a server with so little memory holds. */
const FLOOD = 10_000;
const LOGOUTS = 20_000;
const HELD = 50;

/**
 * The master that holds the sessions crashes under load, and its replica takes over.
 * @param {Stage} stage
 * @param {boolean} lags whether the replica has fallen behind by then.
 * @returns {Promise<Counts>}
 */
async function failOver({ app, backEnd }, lags) {
  const traffic = new Traffic(app);
  await traffic.begin(WRITERS, LOGGED_IN);
  const crash = backEnd.crash ?? (await crashOfRedis(backEnd.servers));
  await wait(200);
  if (lags) await crash.lag();
  const before = { writes: traffic.written, logouts: traffic.loggedOut.length };
  await wait(LAG_MS);
  await crash.kill();
  traffic.crashedAt = performance.now();
  const lately = { writes: traffic.written - before.writes, logouts: traffic.loggedOut.length - before.logouts };
  await crash.takeOver();
  await until('the replica has taken over', () => traffic.backAfter !== undefined);
  await wait(100);
  traffic.isOver = true;
  await traffic.done;
  const users = await inParallel(traffic.loggedOut, async (id) => (await app.visit(id)).user);
  return {
    [`writes acknowledged in the last ${LAG_MS} ms`]: lately.writes,
    '… and missing afterwards': traffic.missing,
    [`logouts acknowledged in the last ${LAG_MS} ms`]: lately.logouts,
    '… and undone afterwards': users.filter((user) => user !== undefined).length,
    [`requests refused with 503, of ${WRITERS + 1} visitors`]: traffic.refused,
    'ms until a request succeeded again': Math.round(traffic.backAfter ?? NaN),
  };
}

/**
 * The replica takes over by itself.
 * @param {BackEnd['servers']} servers all started by the fixtures of the tests.
 * @returns {Promise<import('./servers.mjs').Crash>}
 */
async function crashOfRedis(servers) {
  const { master, replica } = await pairOf(/** @type {readonly ChildServer[]} */ (servers));
  return {
    // Stopping it is not enough: what the master writes to its socket waits in the kernel, which hands it over even when the master is
    // dead, as the kernel of a machine that is gone would not.
    lag: async () => {
      await replica.pause();
      await ask(master, 'CLIENT', 'KILL', 'TYPE', 'replica');
    },
    kill: () => master.stop(),
    takeOver: async () => replica.resume(),
  };
}

/**
 * More sessions than there is memory for, while requests still hold the first of them.
 * @param {Stage} stage
 * @returns {Promise<Counts>}
 */
async function evictSessions({ app }) {
  const early = await logIn(app, LOGGED_IN);
  const slow = await Promise.all(early.slice(0, HELD).map((id) => app.visit(id)));
  await logIn(app, FLOOD);
  const stored = await inParallel(early, app.isStored);
  const gone = early.filter((_, at) => !stored[at]);
  const held = slow.filter((_, at) => !stored[at]);
  const dropped = await dropOf(app, held);
  const anew = await inParallel(gone, (id) => startAnew(app, id));
  return {
    [`first ${LOGGED_IN} sessions, evicted by ${FLOOD} later ones`]: gone.length,
    'slow requests that write to an evicted session': held.length,
    '… and are dropped with a warning': dropped.warnings,
    '… and bring it back': dropped.broughtBack,
    'visitors of evicted sessions who start anew': anew.filter((outcome) => outcome === 'anew').length,
    '… or are refused, or get the old id': anew.filter((outcome) => outcome !== 'anew').length,
  };
}

/**
 * More logouts than there is memory for tombstones, while requests still hold the first of the sessions.
 * @param {Stage} stage
 * @returns {Promise<Counts>}
 */
async function evictTombstones({ app }) {
  const begunAt = Date.now();
  const early = await logIn(app, HELD);
  const slow = await Promise.all(early.map((id) => app.visit(id)));
  await inParallel(early, async (id) => (await app.visit(id)).destroy());
  await inParallel(Array.from({ length: LOGOUTS }), async () => {
    const session = await app.visit();
    session.user = 'bob';
    await session.save();
    await session.destroy();
  });
  const stored = await inParallel(early, app.isStored);
  // A tombstone stands for 30 seconds.
  if (Date.now() - begunAt > 25_000) throw new Error('Too slow to tell eviction from expiry.');
  const gone = early.filter((_, at) => !stored[at]);
  const held = slow.filter((_, at) => !stored[at]);
  const dropped = await dropOf(app, held);
  const anew = await inParallel(gone, (id) => startAnew(app, id));
  return {
    [`first ${HELD} tombstones, evicted by ${LOGOUTS} later ones`]: gone.length,
    '… whose session a slow request brings back': dropped.broughtBack,
    '… whose id starts a new session under a new id': anew.filter((outcome) => outcome === 'anew').length,
    '… whose id opens the old session': anew.filter((outcome) => outcome !== 'anew').length,
  };
}

/**
 * What becomes of the writes of requests that hold sessions whose records are gone.
 * @param {Application} app
 * @param {readonly Session[]} sessions
 */
async function dropOf(app, sessions) {
  const before = warned();
  for (const session of sessions) {
    session.late = true;
    await session.save();
  }
  const stored = await inParallel(sessions, ({ id }) => app.isStored(id));
  return { warnings: warned() - before, broughtBack: stored.filter(Boolean).length };
}

/**
 * One trial on servers of its own.
 * @param {Trial} trial
 */
async function trial([start, scenario]) {
  const backEnd = await start();
  const app = await openApplication(backEnd.options);
  try {
    return await scenario({ app, backEnd });
  } finally {
    await app.close();
    backEnd.close();
    await Promise.all(backEnd.servers.map((server) => server.stop()));
  }
}

/**
 * The trials of one scenario: a row for each thing they count.
 * @param {[name: string, parts: Trial]} scenario
 */
async function trials([name, parts]) {
  /** @type {Counts[]} */
  const results = [];
  for (let count = 0; count < TRIALS; count++) results.push(await trial(parts));
  return Object.keys(results[0] ?? {}).map((what) => {
    const counts = results.map((result) => result[what] ?? NaN).toSorted((a, b) => a - b);
    return { 'back-end': name, what, median: counts[Math.floor(TRIALS / 2)], 'each trial': counts.join(' ') };
  });
}

const crash = (/** @type {Stage} */ stage) => failOver(stage, false);
const crashWithLag = (/** @type {Stage} */ stage) => failOver(stage, true);
/**
 * Most of a failover is waiting, so two run side by side; the others one after another.
 * @type {readonly Record<string, Trial>[]}
 */
const rounds = [
  { 'Redis Cluster, master crashes': [startCluster, crash], 'Redis Sentinel, master crashes': [startSentinels, crash] },
  {
    [`Redis Cluster, replica ${LAG_MS} ms behind`]: [startCluster, crashWithLag],
    [`Redis Sentinel, replica ${LAG_MS} ms behind`]: [startSentinels, crashWithLag],
  },
  { 'PostgreSQL, killed and started again': [() => startPostgresAlone(), crash] },
  { 'PostgreSQL, synchronous_commit=off': [() => startPostgresAlone('synchronous_commit=off'), crash] },
  { 'PostgreSQL, standby promoted': [() => startPostgresPair(), crash] },
  { [`PostgreSQL, standby ${LAG_MS} ms behind`]: [() => startPostgresPair(), crashWithLag] },
  {
    [`PostgreSQL, synchronous standby ${LAG_MS} ms behind`]: [
      () => startPostgresPair('synchronous_standby_names=*'),
      crashWithLag,
    ],
  },
  { 'Memcached -m 2': [startSmallMemcached, evictSessions] },
  { 'Memcached -m 2, logouts': [startSmallMemcached, evictTombstones] },
  { 'Redis 3mb allkeys-lru': [startSmallRedis, evictSessions] },
  { 'Redis 3mb allkeys-lru, logouts': [startSmallRedis, evictTombstones] },
];

const chosen = process.argv[2] ?? '';
const rows = [];
for (const round of rounds.filter((names) => Object.keys(names).some((name) => name.startsWith(chosen))))
  rows.push(...(await Promise.all(Object.entries(round).map(trials))).flat());
console.log(`${TRIALS} trials of each, on servers of their own: the median, and all of them in order.`);
console.table(rows);
