import type { errorMonitor } from 'node:events';

/** Options of one command of node-redis. */
export interface NodeRedisCommandOptions {
  readonly abortSignal: AbortSignal;
  readonly timeout: number;
  readonly typeMapping: object;
}

/** The part of one connection of node-redis that sends commands. */
export interface NodeRedisConnection {
  sendCommand(args: readonly string[], options?: NodeRedisCommandOptions): Promise<unknown>;
}

/** What all clients of node-redis have. */
interface NodeRedisBase {
  /** Whether `connect` was called, and the client has not been closed since. */
  readonly isOpen: boolean;
  /** The option `keyPrefix`, which node-redis 6 has. */
  readonly _keyPrefix?: string | Buffer | undefined;
  connect(): Promise<unknown>;
  /** Tells a client of node-redis 5 and later from an older one. */
  withTypeMapping(typeMapping: never): unknown;
  on(event: 'error' | 'ready' | typeof errorMonitor, listener: (error: unknown) => void): unknown;
  off(event: 'ready' | typeof errorMonitor, listener: (error: unknown) => void): unknown;
  listenerCount(event: 'error'): number;
}

/** The part of a client of node-redis, from `createClient`, that `RedisStore` uses. */
export interface NodeRedisSingle extends NodeRedisBase, NodeRedisConnection {}

/** The same of one from `createClientPool`. */
export interface NodeRedisPool extends NodeRedisBase {
  readonly idleClients: number;
  execute<T>(task: (client: NodeRedisConnection) => Promise<T>): Promise<T>;
}

/** The same of one from `createCluster`. */
export interface NodeRedisCluster extends NodeRedisBase {
  readonly nodeByAddress: unknown;
  sendCommand(
    key: string,
    isReadonly: boolean,
    args: string[],
    options: NodeRedisCommandOptions & { slotNumber?: number },
  ): Promise<unknown>;
}

/** The same of one from `createSentinel`. */
export interface NodeRedisSentinel extends NodeRedisBase {
  getMasterNode(): unknown;
  /** What all its commands go through. Calls the task with the connection to the master, and again with another one if that broke. */
  _execute<T>(isReadonly: boolean, task: (client: NodeRedisConnection) => Promise<T>): Promise<T>;
}

/** The part of node-redis, 5 or 6, that `RedisStore` uses. */
export type NodeRedisClient = NodeRedisSingle | NodeRedisPool | NodeRedisCluster | NodeRedisSentinel;
