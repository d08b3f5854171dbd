// A million sessions in the memory store: what each takes, and how long the event loop stands still. Prints JSON; run it with
// node --expose-gc --max-old-space-size=4096 bench/memory-store.mjs. COUNT says how many sessions instead.
import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

import { MemoryStore } from 'nest-session';

import { dataOf } from './applications/session-data.mjs';

const COUNT = Number(process.env.COUNT ?? 1_000_000);
const RECORD_BYTES = 200;
/** How many calls the event loop makes in one turn, as many requests that came at once would. */
const AT_ONCE = 50;
/** Seconds. */
const LONG = 3600;

// Room enough, so that nothing is dropped that has not expired.
const store = new MemoryStore({ max: COUNT, maxBytes: 1024 * COUNT });
const data = dataOf(RECORD_BYTES);
/** A text of its own for each record, as a serializer makes it. */
const record = (/** @type {number} */ at) => JSON.stringify({ ...data, n: at % 10 });
const keyOf = (/** @type {number} */ at, generation = 'first') =>
  `session:${createHash('sha256').update(`${generation} ${at}`).digest('base64url')}`;

/**
 * @param {string} phase
 * @param {(at: number) => Promise<unknown>} call
 * @returns {Promise<import('./million-sessions.mjs').Phase>}
 */
async function phaseOf(phase, call) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // The monitor measures from its second look on.
  await wait(5);
  const [startedAt, cpuBefore] = [performance.now(), cpuMicros()];
  const longestCpu = await callAll(call);
  const [millis, micros] = [performance.now() - startedAt, cpuMicros() - cpuBefore];
  await wait(5);
  delay.disable();
  const tenths = (/** @type {number} */ value) => Math.round(10 * value) / 10;
  return {
    phase,
    calls: COUNT,
    seconds: tenths(millis / 1000),
    microsEach: tenths(micros / COUNT),
    longestPauseMillis: tenths(delay.max / 1e6),
    p99PauseMillis: tenths(delay.percentile(99) / 1e6),
    longestCpuMillis: tenths(longestCpu / 1000),
  };
}

/**
 * The most CPU, in microseconds, that one turn of the event loop took.
 * @param {(at: number) => Promise<unknown>} call
 */
async function callAll(call) {
  let longest = 0;
  for (let at = 0; at < COUNT; at += AT_ONCE) {
    const before = cpuMicros();
    for (let one = at; one < Math.min(at + AT_ONCE, COUNT); one++) await call(one);
    await turn();
    longest = Math.max(longest, cpuMicros() - before);
  }
  return longest;
}

function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** @param {(at: number) => Promise<boolean>} call which must succeed. */
function every(call) {
  return async (/** @type {number} */ at) => {
    if (!(await call(at))) throw new Error(`Record ${at} is not as it should be.`);
  };
}

function memory() {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapUsed, rss };
}

/** @param {number} at @param {number} ttl */
async function replaced(at, ttl) {
  const stored = await store.read(keyOf(at));
  return stored !== undefined && (await store.replace(keyOf(at), record(at + 1), ttl, stored.version)) === 'replaced';
}

const empty = memory();
const phases = [
  await phaseOf(
    'create',
    every((at) => store.create(keyOf(at), record(at), LONG)),
  ),
];
const full = memory();
phases.push(
  await phaseOf(
    'read',
    every(async (at) => (await store.read(keyOf(at))) !== undefined),
  ),
  await phaseOf(
    'read and replace',
    every((at) => replaced(at, LONG)),
  ),
);
// The same once more, so that they expire while the next phases run.
for (let at = 0; at < COUNT; at++) await replaced(at, 1);
await wait(1500);
const createAnew = (/** @type {string} */ generation) =>
  every((at) => store.create(keyOf(at, generation), record(at), LONG));
phases.push(
  await phaseOf('create, while all others have expired', createAnew('second')),
  await phaseOf(
    'read expired ones',
    every(async (at) => (await store.read(keyOf(at))) === undefined),
  ),
  await phaseOf('create, while the store is full', createAnew('third')),
);
const each = (/** @type {'heapUsed' | 'rss'} */ what) => Math.round((full[what] - empty[what]) / COUNT);
console.log(
  JSON.stringify({
    sessions: COUNT,
    recordBytes: RECORD_BYTES,
    heapBytesEach: each('heapUsed'),
    residentBytesEach: each('rss'),
    phases,
  }),
);
