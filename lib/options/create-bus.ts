import { RedisBus, type RedisBusClient } from '../buses/redis/redis.bus.js';
import type { SessionBus } from '../buses/session-bus.js';
import type { ResolvedOptions } from './resolve-options.js';
import type { BusName } from './session-options.js';

/**
 * Makes the bus of that name. It loads the driver of that bus, and no other.
 * @throws {SessionConfigurationError} when the driver is not installed, or its client or options are wrong.
 */
export async function createBus(name: BusName, { redis, keyPrefix }: ResolvedOptions): Promise<SessionBus> {
  const options = { channel: `${keyPrefix}endings` };
  switch (name) {
    case 'redis':
      return redis.client === undefined
        ? RedisBus.connect(redis, options)
        : new RedisBus(redis.client as unknown as RedisBusClient, options);
    default:
      return name satisfies never;
  }
}
