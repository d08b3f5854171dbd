import { GROWTH, PLATFORMS, WORKS } from './cells.mjs';
import { table } from './markdown.mjs';
import { costOf, median, rowsOf, spreadOf } from './statistics.mjs';
import { PLATFORM_NAMES, shown, targetRows } from './target-table.mjs';

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {import('./cells.mjs').Platform} Platform
 */

/**
 * The page bench/results.md.
 * @param {Results} results
 */
export function reportOf(results) {
  return [
    '# What a request costs',
    '`npm run bench` writes this page, from the rows in `bench/results/`.',
    ...machinePart(results),
    ...methodPart(results),
    ...targetPart(results),
    ...PLATFORMS.flatMap((platform) => cellPart(results, platform)),
    ...memoryPart(results),
    ...growthPart(results),
    ...processPart(results),
    ...millionPart(results),
  ].join('\n\n');
}

/** @param {Results} results */
function machinePart({ machine }) {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  const rows = [
    ['processor', `${machine.processor}, ${machine.cores} cores, ${memory}`],
    ...Object.entries(machine.versions),
    ['commit', machine.commit],
    ['taken on', machine.takenAt],
  ];
  return ['## The machine', table(['what', 'which'], rows, 2)];
}

/** @param {Results} results */
function methodPart({ requests, growth, processes }) {
  const discarded = [...requests.discarded, ...growth.discarded, ...processes.discarded].length;
  return [
    '## How it was taken',
    `- Each application is one Nest process, pinned to one core. wrk sends requests over 50 connections as fast as they are answered. wrk and
  redis-server run on other cores; on a machine with two cores they share the second.
- The cost is the CPU time of the application's own process, divided by the requests that it took meanwhile. A time on the clock would
  also count what else the machine did. A measurement in which a response fails is discarded and taken once more: ${discarded} in this run. More than
  five fail the run.
- All cells are measured in turn, ${requests.rounds} rounds of ${requests.millis / 1000} s each. Each round starts at another cell, and every
  second one runs backwards. A ratio is taken within a round. The tables show the median of all rounds, and in brackets the lowest and the
  highest.
- Load before the first round warms the processes up, each with as many requests, and counts for nothing; so does the time in which the
  connections are opened. Each process keeps its compiled code while others have their turn (\`--no-flush-bytecode\`,
  \`--no-memory-reducer\`).
- The control divides two processes of the same program. What differs no more than the control does differs by chance.
- Before all that, Node sends 500 requests to each cell and looks at each answer, while \`MONITOR\` counts the commands that Redis gets.
- Latencies are those of a server with all it can do: a cell that costs more CPU also waits longer.`,
    '### The applications',
    `- _bare_: Nest without sessions.
- _handwritten_: a Nest handler that reads the cookie, and calls \`GET\` and \`JSON.parse\` itself, then \`SET\` where it writes. It signs nothing,
  and two requests that write at once undo each other's work.
- _ours_: nest-session with \`store: 'redis'\`, a \`secret\`, and the defaults for all else.
- _ours, auto-pipelined_: the same with \`enableAutoPipelining\` of ioredis. _ours, in memory_: the same with \`store: 'memory'\`.
- _peer_: express-session (\`resave: false\`, \`saveUninitialized: false\`) in Nest on Express, and @fastify/session
  (\`saveUninitialized: false\`) in Nest on Fastify; both sign, and keep their sessions in Redis through connect-redis and node-redis.
  node-redis sends what one turn of the event loop asks in one piece, and ioredis sends each command by itself: Redis then spends less on
  each command of the peer.`,
  ];
}

/** @param {Results} results */
function targetPart({ requests: { rows } }) {
  const lines = targetRows(rows).map(({ cell, ours, target, met, peer }) => [cell, ours, target, met, peer]);
  return [
    '## The targets',
    'CPU per request over that of the handwritten handler in the same round; over that of bare Nest for the route that does not ask.',
    table(['cell', 'ours', 'target', 'met', 'peer'], lines),
  ];
}

/**
 * @param {Results} results
 * @param {Platform} platform
 */
function cellPart({ requests: { rows, commands } }, platform) {
  const lines = commands
    .filter((cell) => cell.platform === platform)
    .map((cell) => {
      const own = rowsOf(rows, cell);
      const micros = (/** @type {'p50' | 'p99'} */ what) => (median(own.map((row) => row[what])) / 1000).toFixed(1);
      return [
        WORKS[cell.work]?.title ?? cell.work,
        cell.application,
        shown(spreadOf(own.map(({ cpuMicros }) => cpuMicros)), 0),
        shown(costOf(rows, cell)),
        micros('p50'),
        micros('p99'),
        commandsOf(cell.commands),
        median(own.map(({ redisMicros }) => redisMicros)).toFixed(0),
      ];
    });
  const headings = ['cell', 'application', 'CPU µs', '÷ floor', 'p50 ms', 'p99 ms', 'Redis commands', 'Redis CPU µs'];
  return [`## All cells on ${PLATFORM_NAMES[platform]}`, table(headings, lines, 2)];
}

/** @param {Readonly<Record<string, number>>} commands */
function commandsOf(commands) {
  const shares = Object.entries(commands).filter(([, count]) => count >= 0.05);
  return shares.map(([name, count]) => `${Number(count.toFixed(1))} ${name.toUpperCase()}`).join(', ') || 'none';
}

/** @param {Results} results */
function memoryPart({ requests: { memory } }) {
  const applications = [...new Set(memory.map(({ application }) => application))];
  const lines = applications.map((application) => [
    application,
    ...PLATFORMS.map((platform) => {
      const own = memory.find((one) => one.platform === platform && one.application === application);
      return own === undefined ? '–' : (own.residentBytes / 2 ** 20).toFixed(0);
    }),
  ]);
  const headings = ['application', ...PLATFORMS.map((platform) => PLATFORM_NAMES[platform])];
  return ['## Memory', 'Resident memory of each process after all its cells, in MiB.', table(headings, lines)];
}

/** @param {Results} results */
function growthPart({ growth: { rows, rounds } }) {
  const lines = PLATFORMS.flatMap((platform) =>
    GROWTH.map((work) => {
      const cpu = (/** @type {string} */ application) =>
        shown(spreadOf(rowsOf(rows, { platform, application, work }).map(({ cpuMicros }) => cpuMicros)), 0);
      const ratio = costOf(rows, { platform, application: 'ours', work });
      const title = `${PLATFORM_NAMES[platform]}, ${WORKS[work]?.title}`;
      return [title, cpu('handwritten'), cpu('ours'), cpu('peer'), shown(ratio)];
    }),
  );
  return [
    '## As the session grows',
    `CPU µs of a read, medians of ${rounds} rounds; 1,000 sessions in turn, and 100 of the largest.`,
    table(['cell', 'handwritten', 'ours', 'peer', 'ours ÷ handwritten'], lines),
  ];
}

/** @param {Results} results */
function processPart({ processes: { rows, rounds } }) {
  const cases = new Map(rows.map((row) => [`${row.backEnd} ${row.application} ${row.work}`, row]));
  const lines = [...cases.values()].map(({ backEnd, application, work }) => {
    const of = (/** @type {string} */ name) =>
      rows.filter((row) => row.backEnd === backEnd && row.application === name && row.work === work);
    return [backEnd, application, WORKS[work]?.title ?? work, ...processColumns(of(application), of('handwritten'))];
  });
  return [
    '## Several processes',
    `CPU µs of one request, over all processes of the application on Fastify; medians of ${rounds} rounds. The processes share their sessions,
and one core, so this says nothing of throughput: it says whether a request costs more because there are other processes. Each process has
50 connections; where all write one session, they have 50 together. The handwritten handler is the control: what it grows by, a shared core
costs. The Cluster has three masters with a replica each.`,
    table(['back-end', 'application', 'cell', '1 process', '2', '4', '4 ÷ 1', '÷ floor, 1', '÷ floor, 4'], lines, 3),
  ];
}

/**
 * @typedef {import('./processes.mjs').ProcessRow} ProcessRow
 * @param {readonly ProcessRow[]} rows of one application at one work.
 * @param {readonly ProcessRow[]} floors those of the handwritten handler.
 */
function processColumns(rows, floors) {
  const at = (/** @type {readonly ProcessRow[]} */ some, /** @type {number} */ count) =>
    some.filter(({ processes }) => processes === count);
  const cpu = [1, 2, 4].map((count) => shown(spreadOf(at(rows, count).map(({ cpuMicros }) => cpuMicros)), 0));
  const pairs = [
    [at(rows, 4), at(rows, 1)],
    [at(rows, 1), at(floors, 1)],
    [at(rows, 4), at(floors, 4)],
  ];
  return [...cpu, ...pairs.map(([ours = [], over = []]) => shown(spreadOf(ratiosByRound(ours, over))))];
}

/**
 * @param {readonly ProcessRow[]} rows
 * @param {readonly ProcessRow[]} floors
 */
function ratiosByRound(rows, floors) {
  return rows.flatMap((row) => {
    const floor = floors.find(({ round }) => round === row.round);
    return floor === undefined ? [] : [row.cpuMicros / floor.cpuMicros];
  });
}

/** @param {Results} results */
function millionPart({ millionSessions: { sessions, recordBytes, heapBytesEach, residentBytesEach, phases } }) {
  const lines = phases.map(({ phase, calls, seconds, microsEach, ...pause }) => [
    phase,
    calls.toLocaleString('en'),
    ...[seconds, microsEach, pause.p99PauseMillis, pause.longestPauseMillis, pause.longestCpuMillis].map((value) =>
      value.toFixed(1),
    ),
  ]);
  return [
    '## A million sessions in the memory store',
    `${sessions.toLocaleString('en')} sessions with records of ${recordBytes} bytes, in \`new MemoryStore({ max, maxBytes })\`. Each takes ${heapBytesEach} bytes of heap and ${residentBytesEach} of
resident memory, key and record included. The event loop turns after each 50 calls. A pause is a delay of the event loop, with the garbage collector's and those in which
the machine does something else. The last column is the most CPU that one turn took, without the latter. The target is no pause over 50 ms.`,
    table(['phase', 'calls', 'seconds', 'CPU µs each', 'p99 pause ms', 'longest pause ms', 'longest in CPU ms'], lines),
  ];
}
