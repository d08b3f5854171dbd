import { SessionConfigurationError } from '../session.errors.js';

/**
 * The lifetime, if it is one.
 * @throws {SessionConfigurationError} for anything but whole seconds of at least 1: Memcached reads 0 as "for ever" and Redis
 * refuses it, so a mistake must not depend on the store.
 */
export function checkedTtl(ttl: number): number {
  if (Number.isSafeInteger(ttl) && ttl >= 1) return ttl;
  throw new SessionConfigurationError(
    'A ttl is a whole number of seconds, at least 1; leave it out to keep the value.',
  );
}
