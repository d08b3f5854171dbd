import { SessionConfigurationError } from '../../session.errors.js';

/** The part of a second ioredis connection that `RedisBus` subscribes with: a connection that listens can send no commands. */
export interface RedisSubscriber {
  readonly status: string;
  connect(): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  on(event: 'ready', listener: () => void): unknown;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

/** The part of ioredis (5 or 6, `Redis` or `Cluster`) that `RedisBus` uses. */
export interface IoredisBusClient {
  publish(channel: string, message: string): Promise<unknown>;
  /** Makes the connection that listens. */
  duplicate(): RedisSubscriber;
}

/** The same of a second connection of node-redis. */
export interface NodeRedisSubscriber {
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  on(event: 'ready', listener: () => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  destroy(): void;
}

/** The part of node-redis (5 or 6, `createClient`) that `RedisBus` uses. */
export interface NodeRedisBusClient {
  readonly isReady: boolean;
  publish(channel: string, message: string): Promise<unknown>;
  /** Makes the connection that listens. */
  duplicate(): NodeRedisSubscriber;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  listenerCount(event: 'error'): number;
}

/** A client that `RedisBus` takes. */
export type RedisBusClient = IoredisBusClient | NodeRedisBusClient;

const METHODS = ['publish', 'duplicate'] as const satisfies (keyof RedisBusClient)[];

/** What clusters and sentinels of node-redis have. They do not tell when a connection that listens is back. */
const OF_SEVERAL_SERVERS = ['nodeByAddress', 'getMasterNode'];

const REMEDY = 'pass a Redis or a Cluster of ioredis, 5 or 6, or a client of node-redis, 5 or 6, from createClient';

/** @throws {SessionConfigurationError} when the client does not fit; the message says what to pass instead. */
export function checkedBusClient(client: unknown): RedisBusClient {
  const given = Object(client) as Readonly<Record<string, unknown>>;
  const missing = METHODS.filter((method) => typeof given[method] !== 'function');
  if (missing.length > 0) {
    throw new SessionConfigurationError(`The Redis client of the bus has no ${missing.join(', ')}: ${REMEDY}.`);
  }
  if (OF_SEVERAL_SERVERS.some((member) => member in given)) {
    const kind = 'The Redis client of the bus is a cluster or a sentinel of node-redis, on which it cannot listen';
    throw new SessionConfigurationError(`${kind}: ${REMEDY}; one to any node of a Redis Cluster reaches all.`);
  }
  return client as RedisBusClient;
}

/** Tells the clients of node-redis: ioredis writes the names of the commands in lower case. */
export function isNodeRedis(client: RedisBusClient): client is NodeRedisBusClient {
  return 'evalSha' in client;
}
