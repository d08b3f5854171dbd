import type { errorMonitor } from 'node:events';

import { SessionConfigurationError } from '../../session.errors.js';

/** The part of one ioredis connection that tells its state. */
export interface RedisConnection {
  readonly status: string;
  on(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  off(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
}

/** The part of ioredis (5 or 6, `Redis` or `Cluster`) that `RedisStore` uses. */
export interface RedisClient {
  readonly status: string;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number, condition: 'NX'): Promise<unknown>;
  del(key: string): Promise<number>;
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  on(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  on(event: '+node', listener: (node: RedisConnection) => void): unknown;
  on(event: typeof errorMonitor, listener: (error: unknown) => void): unknown;
  off(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  off(event: '+node', listener: (node: RedisConnection) => void): unknown;
  off(event: typeof errorMonitor, listener: (error: unknown) => void): unknown;
  disconnect(reconnect?: boolean): void;
  /** The connections of a Cluster. */
  nodes?(): readonly RedisConnection[];
}

/** A client that the store made, and therefore ends. */
export interface OwnRedisClient extends RedisClient {
  quit(): Promise<unknown>;
}

const METHODS = [
  'get',
  'set',
  'del',
  'evalsha',
  'eval',
  'on',
  'off',
  'disconnect',
] as const satisfies (keyof RedisClient)[];

/**
 * Refuses a client that is not one of ioredis before it stores anything: node-redis does not read ioredis' arguments for a lifetime as
 * one, and would keep records for ever.
 * @throws {SessionConfigurationError} when methods are missing; the message names them, and says what to pass instead.
 */
export function checkedRedisClient(client: RedisClient): RedisClient {
  const remedy = 'pass a Redis or a Cluster of ioredis, 5 or 6, or the options for one: { url }';
  if (typeof client !== 'object' || client === null) {
    throw new SessionConfigurationError(`The given Redis client is not a client: ${remedy}.`);
  }
  const missing = METHODS.filter((method) => typeof client[method] !== 'function');
  if (missing.length === 0) return client;
  const kind = 'evalSha' in client ? 'is one of node-redis, the package "redis", and' : 'is not of ioredis, and';
  throw new SessionConfigurationError(`The given Redis client ${kind} has no ${missing.join(', ')}: ${remedy}.`);
}
