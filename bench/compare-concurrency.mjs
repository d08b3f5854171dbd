// Parallel requests on one session, on nest-session and its peers, each with its sessions in Redis. Run `npm run compare:concurrency`.
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';

import { createClient } from 'redis';

import { startRedis } from '../test/fixtures/servers.mjs';
import { peers } from './compare/peers.mjs';

/** @typedef {import('./compare/peers.mjs').Peer} Peer */

const TRIALS = Number(process.env.TRIALS ?? 20);
const REQUESTS = 50;

/**
 * Where slow requests stand still, until the trial goes on.
 * @augments {EventEmitter<{ reached: [], open: [] }>}
 */
class Gate extends EventEmitter {
  /** @param {number} expected how many requests have come when `reached` settles. */
  constructor(expected) {
    super();
    this.left = expected;
    this.reached = once(this, 'reached');
    this.opened = once(this, 'open');
  }

  async stop() {
    if (--this.left === 0) this.emit('reached');
    await this.opened;
  }

  open() {
    this.emit('open');
  }
}
let gate = new Gate(0);

/** A browser: it sends the cookies it has, and keeps what the answers set, in the order in which they come. */
class Browser {
  /** @param {Peer} server */
  constructor(server) {
    this.server = server;
    /** @type {Map<string, string>} */
    this.jar = new Map();
  }

  get cookies() {
    return Array.from(this.jar, ([name, value]) => `${name}=${value}`).join('; ');
  }

  /**
   * @param {string} path
   * @returns {Promise<{ status: number | undefined, data: import('./compare/peers.mjs').Data }>}
   */
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

  /** @param {string} line */
  keep(line) {
    const [pair = '', ...attributes] = line.split(';');
    const [name = '', ...value] = pair.split('=');
    const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute));
    if (expires !== undefined && new Date(expires.split('=')[1] ?? '') < new Date()) this.jar.delete(name);
    else this.jar.set(name, value.join('='));
  }
}

/**
 * Each answers what it has counted.
 * @type {Record<string, (browser: Browser) => Promise<number>>}
 */
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
    return (await browser.request('/me')).data.n ?? 0;
  },
  'logout undone by a slow write': (browser) => logoutUndone(browser, 'write'),
  'logout undone by a slow read': (browser) => logoutUndone(browser, 'read'),
  'login lost to 10 late requests': async (browser) => {
    await browser.request('/visit');
    gate = new Gate(10);
    const late = Array.from({ length: 10 }, (_, at) => browser.request(`/${at % 2 ? 'write' : 'read'}/late`));
    await gate.reached;
    await browser.request('/login');
    gate.open();
    await Promise.all(late);
    return (await browser.request('/me')).data.user === 'ada' ? 0 : 1;
  },
};

/**
 * @param {Browser} browser
 * @param {'read' | 'write'} kind of the slow request.
 */
async function logoutUndone(browser, kind) {
  await browser.request('/visit');
  await browser.request('/login');
  const before = browser.cookies;
  gate = new Gate(1);
  const slow = browser.request(`/${kind}/late`);
  await gate.reached;
  await browser.request('/logout');
  gate.open();
  await slow;
  return (await browser.request('/me', before)).data.user === 'ada' ? 1 : 0;
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** @param {Peer} server */
async function compare(server) {
  /** @type {Record<string, string>} */
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

/** @param {string} name */
function versionOf(name) {
  const path = name === 'nest-session' ? '../package.json' : `node_modules/${name}/package.json`;
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}

const server = await startRedis();
// Of no protocol in particular, as the libraries expect it; with some versions of redis it has a type of its own.
/** @type {unknown} */
const client = createClient({ url: `redis://${server.address}` });
const redis = /** @type {ReturnType<typeof createClient>} */ (client);
await redis.connect();
/** @type {Record<string, Record<string, string>>} */
const table = {};
for (const [name, start] of Object.entries(peers)) {
  const peer = await start({ redis, redisUrl: `redis://${server.address}`, stop: () => gate.stop() });
  table[`${name} ${versionOf(name)}`] = await compare(peer);
  await peer.close();
}
console.log(
  `Sessions in Redis, one process, ${TRIALS} trials: medians, with the lowest and the highest, or how often it happened.`,
);
console.table(table);
await redis.close();
await server.stop();
