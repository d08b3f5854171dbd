import Memcached from 'memcached';
import { inject } from 'vitest';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { MEMCACHED_VALUE_MAX_BYTES } from '../../lib/stores/memcached/memcached-item.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { storeRunner } from '../fixtures/store-runner.js';

describeSessionStore(
  'MemcachedStore with a client of its own: every promise',
  async () => {
    const store = await MemcachedStore.connect({ servers: inject('memcachedServer') });
    const wire = new MemcachedWire(inject('memcachedServer'));
    return {
      store,
      maxValueBytes: MEMCACHED_VALUE_MAX_BYTES,
      readElsewhere: (key) => wire.get(key),
      close: () => store.close(),
    };
  },
  storeRunner,
);

describeSessionStore(
  'MemcachedStore with a client of yours: every promise',
  async () => {
    const client = new Memcached(inject('memcachedServer'), { namespace: 'theirs:' });
    return {
      store: new MemcachedStore(client),
      maxValueBytes: MEMCACHED_VALUE_MAX_BYTES,
      close: async () => client.end(),
    };
  },
  storeRunner,
);
