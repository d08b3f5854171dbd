// The back-ends of the programs in bench/: real servers as child processes on free loopback ports, which keep nothing.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Cluster, Redis } from 'ioredis';

const run = promisify(execFile);
/**
 * @typedef {object} BackEnd
 * @property {readonly Server[]} servers
 * @property {import('nest-session').SessionModuleOptions} options with which an application keeps its sessions there.
 * @property {() => void} close
 */

/** @type {Set<Server>} */
const running = new Set();
// Whatever ends this program ends its servers.
process.on('exit', () => running.forEach((server) => server.remove()));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  process;

  /** @param {number} port */
  constructor(port) {
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), 'nest-session-bench-'));
    running.add(this);
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /**
   * @param {string} program
   * @param {readonly (string | number)[]} options
   */
  start(program, options) {
    this.process = spawn(program, options.map(String), { stdio: 'ignore', cwd: this.directory });
    return this;
  }

  /** @param {NodeJS.Signals} name */
  signal(name) {
    this.process?.kill(name);
  }

  /** As a crash ends it: nothing is said to anybody. */
  async crash() {
    if (this.process?.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.signal('SIGKILL');
    await exit;
  }

  async end() {
    await this.crash();
    this.remove();
  }

  remove() {
    this.signal('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    running.delete(this);
  }
}

/** @type {Set<number>} */
const drawn = new Set();
/** Below 32768, where no outgoing connection takes it in between, with room for the port of a cluster's bus 10000 above. */
async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 10_000);
    if (drawn.has(port)) continue;
    drawn.add(port);
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    probe.close();
    if (isFree) return port;
  }
}

/** @param {Server} server */
async function isListening({ port }) {
  const socket = connect(port, '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

/** @param {readonly (string | number)[]} options */
async function redisServer(...options) {
  const server = new Server(await freePort());
  const common = ['--port', server.port, '--bind', '127.0.0.1', '--save', '', '--repl-diskless-sync-delay', 0];
  return server.start('redis-server', [...common, ...options]);
}

/**
 * A Redis of its own, ready to be asked.
 * @param {readonly (string | number)[]} options
 */
export async function startRedis(...options) {
  const server = await redisServer(...options);
  await until('Redis answers', () => ask(server, 'PING'));
  return server;
}

/**
 * One command on a connection of its own; `undefined` while the server refuses it.
 * @type {(server: Server, ...command: [name: string, ...parameters: string[]]) => Promise<any>}
 */
export async function ask({ port }, ...command) {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => null, commandTimeout: 1000 });
  client.on('error', () => {});
  try {
    return await client.call(...command);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}

/**
 * @param {string} what
 * @param {() => unknown} isSo
 */
export async function until(what, isSo) {
  for (const end = Date.now() + 20_000; Date.now() < end; await wait(20)) if (await isSo()) return;
  throw new Error(`Not within 20 s: ${what}.`);
}

const hasReplica = async (/** @type {Server} */ server) => (await ask(server, 'ROLE'))?.[2]?.length === 1;
const isLinked = async (/** @type {Server} */ server) => (await ask(server, 'ROLE'))?.[3] === 'connected';

/**
 * Three masters with a replica each.
 * @returns {Promise<BackEnd>}
 */
export async function startCluster() {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', 1000];
  const servers = await Promise.all(Array.from({ length: 6 }, () => redisServer(...options)));
  for (const server of servers) await until('a server answers', () => ask(server, 'PING'));
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']);
  for (const server of servers) {
    const isUp = async () => String(await ask(server, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
    await until('the cluster is up', async () => (await isUp()) && ((await hasReplica(server)) || isLinked(server)));
  }
  const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
  client.on('error', () => {});
  return { servers, options: { store: 'redis', redis: { client } }, close: () => client.disconnect() };
}

/**
 * One master with a replica, and three sentinels that watch it.
 * @returns {Promise<BackEnd>}
 */
export async function startSentinels() {
  const master = await redisServer();
  const replica = await redisServer('--replicaof', `127.0.0.1 ${master.port}`);
  await until('the replica is linked', async () => (await isLinked(replica)) && hasReplica(master));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)));
  for (const sentinel of sentinels) await until('the sentinels agree', () => knowsAll(sentinel));
  const redis = { sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name: 'sessions' };
  return { servers: [master, replica, ...sentinels], options: { store: 'redis', redis }, close: () => {} };
}

/** @param {number} masterPort */
async function startSentinel(masterPort) {
  const sentinel = new Server(await freePort());
  const file = join(sentinel.directory, 'sentinel.conf');
  const lines = [
    `port ${sentinel.port}`,
    'bind 127.0.0.1',
    `sentinel monitor sessions 127.0.0.1 ${masterPort} 2`,
    'sentinel down-after-milliseconds sessions 1000',
    'sentinel failover-timeout sessions 3000',
  ];
  writeFileSync(file, lines.join('\n'));
  return sentinel.start('redis-server', [file, '--sentinel']);
}

/** @param {Server} sentinel */
async function knowsAll(sentinel) {
  const known = await ask(sentinel, 'SENTINEL', 'MASTER', 'sessions');
  const number = (/** @type {string} */ name) => Number(known?.[known.indexOf(name) + 1]);
  return number('num-slaves') === 1 && number('num-other-sentinels') === 2;
}

/**
 * The server that holds the sessions, and its replica.
 * @param {readonly Server[]} servers
 */
export async function pairOf(servers) {
  for (const master of servers) {
    const [role, , replicas] = (await ask(master, 'ROLE')) ?? [];
    if (role !== 'master' || (await ask(master, 'DBSIZE')) === 0) continue;
    const replica = servers.find(({ port }) => port === Number(replicas[0][1]));
    if (replica !== undefined) return { master, replica };
  }
  throw new Error('No server holds the sessions.');
}

/**
 * A Redis with room for a few thousand sessions, which evicts the ones that were not used for longest.
 * @returns {Promise<BackEnd>}
 */
export async function startSmallRedis() {
  const server = await startRedis('--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru');
  return { servers: [server], options: { store: 'redis', redis: { url: server.url } }, close: () => {} };
}

/**
 * A Memcached with room for a few thousand sessions.
 * @returns {Promise<BackEnd>}
 */
export async function startSmallMemcached() {
  const server = new Server(await freePort());
  // Memcached refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'memcache'] : [];
  server.start('memcached', [...user, '-l', '127.0.0.1', '-p', server.port, '-m', 2]);
  await until('Memcached listens', () => isListening(server));
  const memcached = { servers: `127.0.0.1:${server.port}` };
  return { servers: [server], options: { store: 'memcached', memcached }, close: () => {} };
}
