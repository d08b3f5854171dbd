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
export interface RedisBusClient {
  publish(channel: string, message: string): Promise<unknown>;
  /** Makes the connection that listens. */
  duplicate(): RedisSubscriber;
}

const METHODS = ['publish', 'duplicate'] as const satisfies (keyof RedisBusClient)[];

/** @throws {SessionConfigurationError} when methods are missing; the message names them, and says what to pass instead. */
export function checkedBusClient(client: unknown): RedisBusClient {
  const given = Object(client) as Readonly<Record<string, unknown>>;
  const missing = METHODS.filter((method) => typeof given[method] !== 'function');
  if (missing.length === 0) return client as RedisBusClient;
  throw new SessionConfigurationError(
    `The Redis client of the bus has no ${missing.join(', ')}: pass a Redis or a Cluster of ioredis, 5 or 6.`,
  );
}
