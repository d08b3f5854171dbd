/** The part of ioredis, 5 or 6, `Redis` or `Cluster`, that `RedisStore` speaks. */
export interface RedisClient {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>;
  set(key: string, value: string, unit: 'EX', seconds: number, condition: 'NX'): Promise<unknown>;
  del(key: string): Promise<number>;
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  on(event: 'close' | '-node', listener: () => void): unknown;
}

/** A client that the store made itself, and so ends. */
export interface OwnRedisClient extends RedisClient {
  quit(): Promise<unknown>;
  disconnect(): void;
}
