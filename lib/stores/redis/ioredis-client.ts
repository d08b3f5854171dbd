import type { errorMonitor } from 'node:events';

/** The part of one ioredis connection that tells its state. */
export interface RedisConnection {
  readonly status: string;
  on(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  off(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
}

/** The part of ioredis (5 or 6, `Redis` or `Cluster`) that `RedisStore` uses. iovalkey has it too. */
export interface IoredisClient {
  readonly status: string;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number, condition: 'NX'): Promise<unknown>;
  del(key: string): Promise<number>;
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  on(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  on(event: typeof errorMonitor, listener: (error: unknown) => void): unknown;
  on(event: '+node', listener: (node: RedisConnection) => void): unknown;
  off(event: 'ready' | 'close' | 'end', listener: () => void): unknown;
  off(event: typeof errorMonitor, listener: (error: unknown) => void): unknown;
  off(event: '+node', listener: (node: RedisConnection) => void): unknown;
  disconnect(reconnect?: boolean): void;
  /** The connections of a Cluster. */
  nodes?(): readonly RedisConnection[];
}

/** A client that the store made, and therefore ends. */
export interface OwnRedisClient extends IoredisClient {
  quit(): Promise<unknown>;
}
