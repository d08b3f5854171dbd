// Parallel requests on one session, on nest-session and its peers, each with its sessions in Redis. Run `npm run compare:concurrency`.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';

import { createClient } from 'redis';

import { startRedis } from '../test/fixtures/servers.mjs';
import { peers } from './compare/peers.mjs';

const TRIALS = Number(process.env.TRIALS ?? 20);
const REQUESTS = 50;

/** Where slow requests stand still, until the trial goes on. */
let gate;
function closeGate(expected) {
  const reached = deferred();
  const opened = deferred();
  gate = {
    reached: reached.promise,
    open: opened.resolve,
    left: expected,
    arrive: reached.resolve,
    opened: opened.promise,
  };
}
async function stop() {
  if (--gate.left === 0) gate.arrive();
  await gate.opened;
}
function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve) => (parts.resolve = resolve));
  return parts;
}

/** A browser: it sends the cookies it has, and keeps what the answers set, in the order in which they come. */
class Browser {
  constructor(server) {
    this.server = server;
    this.jar = new Map();
  }

  get cookies() {
    return Array.from(this.jar, ([name, value]) => `${name}=${value}`).join('; ');
  }

  request(path, cookie = this.cookies) {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: this.server.port, path, agent: false, headers: { cookie } }, (response) => {
        for (const line of response.headers['set-cookie'] ?? []) this.keep(line);
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk) => (body += chunk))
          .on('end', () => resolve({ status: response.statusCode, data: body === '' ? {} : JSON.parse(body) }));
      }).on('error', reject);
    });
  }

  keep(line) {
    const [pair, ...attributes] = line.split(';');
    const [name, ...value] = pair.split('=');
    const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute));
    if (expires !== undefined && new Date(expires.split('=')[1]) < new Date()) this.jar.delete(name);
    else this.jar.set(name, value.join('='));
  }
}

/** Each answers what it has counted. */
const scenarios = {
  'keys kept of 50': async (browser) => {
    await browser.request('/visit');
    await Promise.all(Array.from({ length: REQUESTS }, (_, number) => browser.request(`/key/k${number}`)));
    const { data } = await browser.request('/me');
    return Object.keys(data).filter((key) => /^k\d+$/.test(key)).length;
  },
  'increments counted of 50': async (browser) => {
    await browser.request('/visit');
    await Promise.all(Array.from({ length: REQUESTS }, () => browser.request('/count/n')));
    return (await browser.request('/me')).data.n;
  },
  'logout undone by a slow write': (browser) => logoutUndone(browser, 'write'),
  'logout undone by a slow read': (browser) => logoutUndone(browser, 'read'),
  'login lost to 10 late requests': async (browser) => {
    await browser.request('/visit');
    closeGate(10);
    const late = Array.from({ length: 10 }, (_, at) => browser.request(`/${at % 2 ? 'write' : 'read'}/late`));
    await gate.reached;
    await browser.request('/login');
    gate.open();
    await Promise.all(late);
    return (await browser.request('/me')).data.user === 'ada' ? 0 : 1;
  },
};

async function logoutUndone(browser, kind) {
  await browser.request('/visit');
  await browser.request('/login');
  const before = browser.cookies;
  closeGate(1);
  const slow = browser.request(`/${kind}/late`);
  await gate.reached;
  await browser.request('/logout');
  gate.open();
  await slow;
  return (await browser.request('/me', before)).data.user === 'ada' ? 1 : 0;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function compare(server) {
  const row = {};
  for (const [name, run] of Object.entries(scenarios)) {
    const taken = [];
    for (let trial = 0; trial < TRIALS; trial++) taken.push(await run(new Browser(server)));
    const isShare = name.includes(' of ');
    row[name] = isShare
      ? `${median(taken)} (${Math.min(...taken)}–${Math.max(...taken)})`
      : `${taken.reduce((sum, value) => sum + value)} of ${TRIALS}`;
  }
  return row;
}

const versionOf = (name) => {
  const path = name === 'nest-session' ? '../package.json' : `../node_modules/${name}/package.json`;
  return JSON.parse(readFileSync(new URL(path, import.meta.url))).version;
};

const server = await startRedis();
const redis = createClient({ url: `redis://${server.address}` });
await redis.connect();
const table = {};
for (const [name, start] of Object.entries(peers)) {
  const peer = await start({ redis, redisUrl: `redis://${server.address}`, stop });
  table[`${name} ${versionOf(name)}`] = await compare(peer);
  await peer.close();
}
console.log(
  `Sessions in Redis, one process, ${TRIALS} trials: medians, with the lowest and the highest, or how often it happened.`,
);
console.table(table);
await redis.close();
await server.stop();
