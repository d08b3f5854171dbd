// What a request costs: CPU microseconds of the server's process per request, medians of interleaved rounds. Run `npm run bench`, or
// `npm run bench -- --quick` for a first look within a minute. ROUNDS and REQUESTS say how many there are of each.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';

import { startRedis } from '../test/fixtures/servers.mjs';

/**
 * @typedef {Awaited<ReturnType<typeof start>>} Server
 * @typedef {readonly [kind: string, path: string]} Route
 */

const isQuick = process.argv.includes('--quick');
const ROUNDS = Number(process.env.ROUNDS ?? (isQuick ? 3 : 5));
const REQUESTS = Number(process.env.REQUESTS ?? (isQuick ? 2000 : 4000));
/** Of a session's data. */
const SIZES = isQuick ? [200] : [200, 8192];
const CONNECTIONS = 50;
const KINDS = ['bare', 'session', 'auto-pipelining'];
/** @type {readonly Route[]} */
const ROUTES = [
  ['bare', '/plain'],
  ['bare', '/floor'],
  ['session', '/plain'],
  ['session', '/read'],
  ['session', '/write'],
  ['auto-pipelining', '/read'],
  ['auto-pipelining', '/write'],
];

const redis = await startRedis();

/**
 * @param {string} platform
 * @param {string} kind
 */
async function start(platform, kind) {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [platform, kind], {
    env: { ...process.env, REDIS_URL: `redis://${redis.address}` },
  });
  const [{ port }] = await once(child, 'message');
  const ask = async (/** @type {import('./server.mjs').Question} */ question) => {
    child.send(question);
    return (await once(child, 'message'))[0];
  };
  return { child, port, ask, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) };
}

/**
 * @param {Server} server
 * @param {string} path
 * @param {string} id of the session.
 * @returns {Promise<void>}
 */
function request({ port, agent }, path, id) {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent, headers: { cookie: `session=${id}` } }, (response) => {
      response
        .resume()
        .on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`${path}: ${response.statusCode}`)),
        );
    }).on('error', reject);
  });
}

/**
 * The CPU time of one request, in microseconds.
 * @param {Server} server
 * @param {string} path
 * @param {readonly string[]} ids a session for each connection.
 */
async function measure(server, path, ids) {
  const before = (await server.ask({ ask: 'cpu' })).cpu;
  let sent = 0;
  await Promise.all(
    ids.map(async (id) => {
      while (sent++ < REQUESTS) await request(server, path, id);
    }),
  );
  const after = (await server.ask({ ask: 'cpu' })).cpu;
  return (after.user + after.system - before.user - before.system) / REQUESTS;
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/**
 * A row for each route. Each round measures each of them, so that what slows the machine down for a while slows them all.
 * @param {(kind: string) => Server} serverOf
 * @param {number} bytes
 */
async function rowsOf(serverOf, bytes) {
  const { ids } = await serverOf('session').ask({ ask: 'seed', count: CONNECTIONS, bytes });
  for (const [kind, path] of ROUTES) await measure(serverOf(kind), path, ids);
  const rows = ROUTES.map(([kind, path]) => ({ kind, path, taken: /** @type {number[]} */ ([]) }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { kind, path, taken } of rows) taken.push(await measure(serverOf(kind), path, ids));
  }
  return rows.map(({ kind, path, taken }) => ({ bytes, kind, path, 'CPU µs': Math.round(median(taken)) }));
}

for (const platform of ['express', 'fastify']) {
  /** @type {Map<string, Server>} */
  const servers = new Map();
  for (const kind of KINDS) servers.set(kind, await start(platform, kind));
  const serverOf = (/** @type {string} */ kind) => /** @type {Server} */ (servers.get(kind));
  const rows = [];
  for (const bytes of SIZES) rows.push(...(await rowsOf(serverOf, bytes)));
  console.log(platform);
  console.table(rows);
  for (const { child, agent } of servers.values()) {
    agent.destroy();
    child.kill();
  }
}
await redis.stop();
