import type { IoredisClient } from './ioredis-client.js';
import { RedisBreaks } from './redis-breaks.js';
import type { RedisCommands } from './redis-commands.js';

/** The commands on ioredis, which sends them again after it has reconnected, unless its options forbid that. */
export class IoredisCommands implements RedisCommands {
  readonly #client: IoredisClient;
  readonly #breaks: RedisBreaks;

  constructor(client: IoredisClient) {
    this.#client = client;
    this.#breaks = new RedisBreaks(client);
  }

  get(key: string): Promise<string | null> {
    return this.#client.get(key);
  }

  set(key: string, value: string, seconds: number | undefined): Promise<unknown> {
    return seconds === undefined ? this.#client.set(key, value) : this.#client.set(key, value, 'EX', seconds);
  }

  create(key: string, value: string, seconds: number): Promise<unknown> {
    return this.#client.set(key, value, 'EX', seconds, 'NX');
  }

  del(key: string): Promise<number> {
    return this.#client.del(key);
  }

  evalsha(sha1: string, key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.evalsha(sha1, 1, key, ...args);
  }

  eval(script: string, key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.eval(script, 1, key, ...args);
  }

  get breaks(): number {
    return this.#breaks.count;
  }

  hasBroken(_error: unknown, breaks: number): boolean {
    return this.#breaks.count !== breaks;
  }

  leaveReplica(): void {
    // A Cluster finds the new master by itself.
    if (!this.#client.nodes) this.#client.disconnect(true);
  }

  stop(): void {
    this.#breaks.stop();
  }
}
