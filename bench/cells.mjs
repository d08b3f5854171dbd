/**
 * @typedef {import('./applications/nest-application.mjs').Platform} Platform
 * @typedef {{ application: string, work: string }} Cell One application at one work.
 */

/**
 * @typedef {object} Work What the requests of a cell ask for.
 * @property {string} title
 * @property {string} path
 * @property {number} bytes of a session's data, as JSON.
 * @property {number} visitors whose cookies the requests carry in turn; 0: none carries one.
 */

/**
 * @typedef {object} Target
 * @property {Platform} platform
 * @property {string} title
 * @property {Cell} ours
 * @property {Cell} over the cell by which ours is divided.
 * @property {Cell} [peer] is divided by the same.
 * @property {number} atMost the ratio to reach.
 * @property {'cpuMicros' | 'p99'} of
 */

/** How many sessions take turns. */
const IN_TURN = 1000;
const READ = { path: '/read', visitors: IN_TURN };
const WRITE = { path: '/write', visitors: IN_TURN };

/** @type {Readonly<Record<string, Work>>} */
export const WORKS = {
  plain: { title: 'a route that does not ask, valid cookie', path: '/plain', bytes: 200, visitors: IN_TURN },
  'read 200 B': { title: 'read, 200 B', bytes: 200, ...READ },
  'read 8 KB': { title: 'read, 8 KB', bytes: 8192, ...READ },
  'write 200 B': { title: 'write of one scalar, 200 B', bytes: 200, ...WRITE },
  'write 8 KB': { title: 'write of one scalar, 8 KB', bytes: 8192, ...WRITE },
  'one 200 B': { title: '50 connections write one session, 200 B', path: '/write', bytes: 200, visitors: 1 },
  'one 8 KB': { title: '50 connections write one session, 8 KB', path: '/write', bytes: 8192, visitors: 1 },
  'anonymous read': { title: 'read without a cookie', path: '/read', bytes: 200, visitors: 0 },
  'anonymous write': { title: 'first write of a new visitor', path: '/write', bytes: 200, visitors: 0 },
  'read 100 B': { title: 'read, 100 B', bytes: 100, ...READ },
  'read 1 KB': { title: 'read, 1 KB', bytes: 1000, ...READ },
  'read 10 KB': { title: 'read, 10 KB', bytes: 10_000, ...READ },
  'read 100 KB': { title: 'read, 100 KB', bytes: 100_000, path: '/read', visitors: 100 },
};

const BESIDE_PEER = ['handwritten', 'ours', 'peer'];
const CONTENDED = ['handwritten', 'ours', 'ours, auto-pipelined', 'peer'];

/** The works whose cost is shown as the session grows, the smallest first. */
export const GROWTH = ['read 100 B', 'read 1 KB', 'read 10 KB', 'read 100 KB'];

/** Each cell of a whole run, in the order in which a round measures them: what is divided stands beside what it is divided by. */
export const CELLS = cellsOf({
  plain: ['bare', 'ours', 'peer'],
  'read 200 B': ['handwritten', 'handwritten again', 'ours', 'ours, in memory', 'peer'],
  'read 8 KB': BESIDE_PEER,
  'write 200 B': BESIDE_PEER,
  'write 8 KB': BESIDE_PEER,
  'one 200 B': CONTENDED,
  'one 8 KB': CONTENDED,
  'anonymous read': BESIDE_PEER,
  'anonymous write': BESIDE_PEER,
});

/** The cells of a first look. */
export const QUICK_CELLS = cellsOf({
  plain: ['bare', 'ours', 'peer'],
  'read 200 B': ['handwritten', 'handwritten again', 'ours', 'ours, in memory', 'peer'],
  'write 200 B': BESIDE_PEER,
  'one 200 B': BESIDE_PEER,
});

export const GROWTH_CELLS = cellsOf(Object.fromEntries(GROWTH.map((work) => [work, BESIDE_PEER])));

/** @param {Readonly<Record<string, readonly string[]>>} applications those of each work. */
function cellsOf(applications) {
  return Object.entries(applications).flatMap(([work, names]) => names.map((application) => ({ application, work })));
}

/** @type {readonly Platform[]} */
export const PLATFORMS = ['express', 'fastify'];

/** The control: both run the same program, so what lies between them means nothing. */
export const CONTROL = {
  ours: { application: 'handwritten again', work: 'read 200 B' },
  over: { application: 'handwritten', work: 'read 200 B' },
};

const IN_MEMORY = { application: 'ours, in memory', work: 'read 200 B' };

/**
 * What the costs of a work are divided by.
 * @param {string} work
 * @returns {Cell}
 */
export function floorOf(work) {
  return { application: work === 'plain' ? 'bare' : 'handwritten', work };
}

/** @type {readonly Target[]} */
export const TARGETS = [
  besideFloor('fastify', 'plain', 1.05),
  besideFloor('express', 'plain', 1.03),
  besideFloor('fastify', 'read 200 B', 1.45),
  besideFloor('express', 'read 200 B', 1.25),
  besideFloor('fastify', 'read 8 KB', 1.35),
  besideFloor('express', 'read 8 KB', 1.2),
  besideFloor('fastify', 'write 200 B', 1.5),
  besideFloor('express', 'write 200 B', 1.3),
  besideFloor('fastify', 'one 200 B', 2.5),
  besideFloor('express', 'one 200 B', 2),
  besideFloor('fastify', 'one 8 KB', 2.5),
  {
    platform: 'fastify',
    title: 'memory store, read, 200 B',
    ours: IN_MEMORY,
    over: CONTROL.over,
    atMost: 1,
    of: 'cpuMicros',
  },
  { ...besideFloor('fastify', 'read 200 B', 2), title: 'p99 of a read at 50 connections', of: 'p99' },
];

/**
 * @param {Platform} platform
 * @param {string} work
 * @param {number} atMost
 * @returns {Target}
 */
function besideFloor(platform, work, atMost) {
  const title = WORKS[work]?.title ?? work;
  const [ours, peer] = [
    { application: 'ours', work },
    { application: 'peer', work },
  ];
  return { platform, title, ours, over: floorOf(work), peer, atMost, of: 'cpuMicros' };
}
