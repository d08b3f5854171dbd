import { afterEach, describe, expect, it } from 'vitest';

import { SessionStoreError } from '../../lib/session.errors.js';
import { RedisStore, type RedisConnectOptions } from '../../lib/stores/redis/redis.store.js';
import { eventually } from '../fixtures/eventually.js';
import { startRedis } from '../fixtures/servers.mjs';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

const given: readonly RedisConnectOptions[] = [
  {},
  { maxRetriesPerRequest: 3 },
  { maxRetriesPerRequest: null },
  { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true },
  { enableOfflineQueue: false },
];

describe('A command whose reply is lost', () => {
  it.each(given)('holds up none that come after it, with %o', async (options) => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    const proxy = await TcpProxy.start(server.port);
    leftovers.push(() => proxy.stop());
    const store = await RedisStore.connect({ url: `redis://127.0.0.1:${proxy.port}`, ...options });
    leftovers.push(() => store.close());
    await eventually(() => store.set('key', 'before'));
    proxy.loseReplyTo('lost');
    // Sent twice, it is certain too.
    await store.set('key', 'lost').catch((error: unknown) => expect(error).toBeInstanceOf(SessionStoreError));
    expect(await eventually(() => store.get('key'))).toBe('lost');
  });
});
