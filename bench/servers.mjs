// The back-ends of the programs in bench/, on the servers that the tests use.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { Cluster, Redis } from 'ioredis';

import { ChildServer } from '../test/fixtures/child-server.mjs';
import { FILLED_AT_ONCE, startMemcached, startRedis, startRedisCluster } from '../test/fixtures/servers.mjs';

/**
 * @typedef {object} BackEnd
 * @property {readonly Server[]} servers
 * @property {import('nest-session').SessionModuleOptions} options with which an application keeps its sessions there.
 * @property {() => void} close
 * @property {Crash} [crash] how the server that holds the sessions crashes, where it is not one of Redis.
 * @typedef {{ readonly port: number, stop(): Promise<void> }} Server
 * @typedef {object} Crash
 * @property {() => Promise<void>} lag lets the replica fall behind, if there is one.
 * @property {() => Promise<void>} kill
 * @property {() => Promise<void>} takeOver lets the replica take over, or the server start again.
 */

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
  const { nodes } = await startRedisCluster('--cluster-node-timeout', '1000');
  for (const node of nodes) {
    await until('the replicas are linked', async () => (await hasReplica(node)) || isLinked(node));
  }
  const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  client.on('error', () => {});
  return { servers: nodes, options: { store: 'redis', redis: { client } }, close: () => client.disconnect() };
}

/**
 * One master with a replica, and three sentinels that watch it.
 * @returns {Promise<BackEnd>}
 */
export async function startSentinels() {
  const master = await startRedis(...FILLED_AT_ONCE);
  const replica = await startRedis('--replicaof', `127.0.0.1 ${master.port}`);
  await until('the replica is linked', async () => (await isLinked(replica)) && hasReplica(master));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)));
  for (const sentinel of sentinels) await until('the sentinels agree', () => knowsAll(sentinel));
  const redis = { sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name: 'sessions' };
  return { servers: [master, replica, ...sentinels], options: { store: 'redis', redis }, close: () => {} };
}

/** @param {number} masterPort */
function startSentinel(masterPort) {
  const configuration = (/** @type {number} */ port) => [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor sessions 127.0.0.1 ${masterPort} 2`,
    'sentinel down-after-milliseconds sessions 1000',
    'sentinel failover-timeout sessions 3000',
  ];
  return ChildServer.start({
    command: 'redis-server',
    args: (port, directory) => {
      const file = join(directory, 'sentinel.conf');
      writeFileSync(file, configuration(port).join('\n'));
      return [file, '--sentinel'];
    },
    probe: 'PING\r\n',
  });
}

/** @param {ChildServer} sentinel */
async function knowsAll(sentinel) {
  const known = await ask(sentinel, 'SENTINEL', 'MASTER', 'sessions');
  const number = (/** @type {string} */ name) => Number(known?.[known.indexOf(name) + 1]);
  return number('num-slaves') === 1 && number('num-other-sentinels') === 2;
}

/**
 * The server that holds the sessions, and its replica.
 * @template {Server} Of
 * @param {readonly Of[]} servers
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
  return {
    servers: [server],
    options: { store: 'redis', redis: { url: `redis://${server.address}` } },
    close: () => {},
  };
}

/**
 * A Memcached with room for a few thousand sessions.
 * @returns {Promise<BackEnd>}
 */
export async function startSmallMemcached() {
  const server = await startMemcached('-m', '2');
  return {
    servers: [server],
    options: { store: 'memcached', memcached: { servers: server.address } },
    close: () => {},
  };
}
