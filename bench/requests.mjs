// What a request costs: CPU microseconds of the server's process per request, medians of interleaved rounds. Run `npm run bench`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';

import { startRedis } from '../test/fixtures/servers.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const REQUESTS = Number(process.env.REQUESTS ?? 4000);
const CONNECTIONS = 50;

const redis = await startRedis();

async function start(platform, kind) {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [platform, kind], {
    env: { ...process.env, REDIS_URL: `redis://${redis.address}` },
  });
  const [{ port }] = await once(child, 'message');
  const ask = async (message) => {
    child.send(message);
    return (await once(child, 'message'))[0];
  };
  return { child, port, ask, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) };
}

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

async function measure(server, path, ids) {
  const before = (await server.ask({ ask: 'cpu' })).cpu;
  let sent = 0;
  const worker = async (at) => {
    while (sent++ < REQUESTS) await request(server, path, ids[at]);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, at) => worker(at)));
  const after = (await server.ask({ ask: 'cpu' })).cpu;
  return (after.user + after.system - before.user - before.system) / REQUESTS;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

for (const platform of ['express', 'fastify']) {
  const servers = {};
  for (const kind of ['bare', 'session', 'auto-pipelining']) servers[kind] = await start(platform, kind);
  const rows = [];
  for (const bytes of [200, 8192]) {
    const { ids } = await servers.session.ask({ ask: 'seed', count: CONNECTIONS, bytes });
    const routes = [
      ['bare', '/plain'],
      ['bare', '/floor'],
      ['session', '/plain'],
      ['session', '/read'],
      ['session', '/write'],
      ['auto-pipelining', '/read'],
      ['auto-pipelining', '/write'],
    ];
    for (const [kind, path] of routes) await measure(servers[kind], path, ids);
    const taken = routes.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, [kind, path]] of routes.entries()) taken[at].push(await measure(servers[kind], path, ids));
    }
    for (const [at, [kind, path]] of routes.entries())
      rows.push({ bytes, kind, path, 'CPU µs': Math.round(median(taken[at])) });
  }
  console.log(platform);
  console.table(rows);
  for (const { child, agent } of Object.values(servers)) {
    agent.destroy();
    child.kill();
  }
}
await redis.stop();
