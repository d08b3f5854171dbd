import { checkedTtl } from '../ttl.js';

const LONGEST_RELATIVE = 30 * 24 * 60 * 60;

/**
 * The lifetime as Memcached takes it: it reads whatever is over 30 days as a time since 1970, by the server's clock. See
 * "Expiration times" in https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 * @param ttl seconds, or `undefined` for a value that stays.
 */
export function memcachedLifetime(ttl: number | undefined): number {
  if (ttl === undefined) return 0;
  return checkedTtl(ttl) > LONGEST_RELATIVE ? Math.floor(Date.now() / 1000) + ttl : ttl;
}
