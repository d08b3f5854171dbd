import { SessionConfigurationError } from '../../session.errors.js';
import type { IoredisClient } from './ioredis-client.js';
import { IoredisCommands } from './ioredis-commands.js';
import type { NodeRedisClient, NodeRedisPool, NodeRedisSentinel } from './node-redis-client.js';
import { NodeRedisCommands } from './node-redis-commands.js';
import type { RedisCommands } from './redis-commands.js';

/** A client that `RedisStore` takes. */
export type RedisClient = IoredisClient | NodeRedisClient;

const OF_IOREDIS = [
  'get',
  'set',
  'del',
  'evalsha',
  'eval',
  'on',
  'off',
  'disconnect',
] as const satisfies (keyof IoredisClient)[];

const OF_NODE_REDIS = [
  'connect',
  'withTypeMapping',
  'on',
  'off',
  'listenerCount',
] as const satisfies (keyof NodeRedisClient)[];

const REMEDY =
  'pass a Redis or a Cluster of ioredis, 5 or 6, or a client, pool, cluster or sentinel of node-redis, 5 or 6, or the options for one of ioredis: { url }';

/**
 * Refuses a client that is none of the two drivers before it stores anything: another one might not read the arguments for a lifetime
 * as one, and keep records for ever.
 * @throws {SessionConfigurationError} when methods are missing; the message names them, and says what to pass instead.
 */
export function commandsOf(client: RedisClient): RedisCommands {
  if (typeof client !== 'object' || client === null) {
    throw new SessionConfigurationError(`The given Redis client is not a client: ${REMEDY}.`);
  }
  // Both have `sendCommand`; ioredis writes the names of the commands in lower case.
  if ('evalSha' in client) return new NodeRedisCommands(checkedNodeRedis(client));
  check(client, OF_IOREDIS, 'is of neither ioredis nor node-redis, and');
  return new IoredisCommands(client as IoredisClient);
}

function checkedNodeRedis(client: object): NodeRedisClient {
  const kind =
    'looks like one of node-redis, the package "redis", which is older than 5, or no client to send commands on: it';
  check(client, [...OF_NODE_REDIS, senderOf(client)], kind);
  return client as NodeRedisClient;
}

/** What a client of its kind sends commands with. */
function senderOf(client: object): string {
  if ('getMasterNode' in client) return '_execute' satisfies keyof NodeRedisSentinel;
  return 'idleClients' in client ? ('execute' satisfies keyof NodeRedisPool) : 'sendCommand';
}

function check(client: object, methods: readonly string[], kind: string): void {
  const given = client as Readonly<Record<string, unknown>>;
  const missing = methods.filter((method) => typeof given[method] !== 'function');
  if (missing.length === 0) return;
  throw new SessionConfigurationError(`The given Redis client ${kind} has no ${missing.join(', ')}: ${REMEDY}.`);
}
