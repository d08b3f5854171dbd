import { describe, expect, it } from 'vitest';

import {
  MemoryStore,
  SessionConfigurationError,
  type SessionModuleOptions,
  type SessionStore,
} from '../../../lib/index.js';
import { createStore } from '../../../lib/options/create-store.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { StoreName } from '../../../lib/options/session-options.js';

/** The store that these options name. */
function made(options: SessionModuleOptions & { store: StoreName }): Promise<SessionStore> {
  return createStore(options.store, resolveOptions(options));
}

describe('createStore', () => {
  it('makes another memory store each time', async () => {
    const stores = [await made({ store: 'memory' }), await made({ store: 'memory' })];
    expect(stores).toEqual([expect.any(MemoryStore), expect.any(MemoryStore)]);
    expect(stores[0]).not.toBe(stores[1]);
  });

  it.each<[unknown, string]>([
    [null, 'pass a Redis or a Cluster of ioredis'],
    ['redis://:password@host', 'pass a Redis or a Cluster of ioredis'],
  ])('refuses %j as a client of Redis, and does not quote it', async (client, remedy) => {
    const error: unknown = await made({ store: 'redis', redis: { client: client as never } }).catch((reason) => reason);
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect((error as Error).message).toContain(remedy);
    expect((error as Error).message).not.toContain('password');
  });

  it('refuses what is no client of Memcached, with the methods that are missing', async () => {
    await expect(made({ store: 'memcached', memcached: { client: {} as never } })).rejects.toThrow(
      new SessionConfigurationError(
        'memcached.client has no gets, set, add, cas, del: give a client of the package "memcached", or write { servers } instead.',
      ),
    );
  });
});
