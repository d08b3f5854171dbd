import { describe, expect, it } from 'vitest';

import { MemcachedStore, type MemcachedClient } from '../../../../lib/stores/memcached/memcached.store.js';
import { TestEngine } from '../../../fixtures/engine.js';

/** A server that has no memory left: the driver makes `false` of its answer to whatever stores. */
class FullMemcached implements MemcachedClient {
  readonly calls: string[] = [];
  value = '';

  gets(key: string, done: Parameters<MemcachedClient['gets']>[1]): void {
    done(undefined, { [key]: this.value, cas: '1' });
  }

  set(...[, , , done]: Parameters<MemcachedClient['set']>): void {
    this.calls.push('set');
    done(undefined, false);
  }

  add(...[, , , done]: Parameters<MemcachedClient['add']>): void {
    done(undefined, false);
  }

  cas(...[, , , , done]: Parameters<MemcachedClient['cas']>): void {
    done(undefined, false);
  }

  del(...[, done]: Parameters<MemcachedClient['del']>): void {
    this.calls.push('del');
    done(undefined, true);
  }
}

describe('a Memcached that is full', () => {
  it('refuses, which is not the same as being down', async () => {
    const store = new MemcachedStore(new FullMemcached());
    const refused = { code: 'SESSION_STORE', isRefusal: true };
    await expect(store.set('key', 'value', 60)).rejects.toMatchObject(refused);
    await expect(store.create('key', 'value', 60)).rejects.toMatchObject(refused);
    await expect(store.replace('key', 'value', 60, '1')).rejects.toMatchObject(refused);
  });

  it('still ends a session, with a delete where it takes no tombstone', async () => {
    const client = new FullMemcached();
    client.value = '{"user":"ada"}';
    const open = await new TestEngine(new MemcachedStore(client)).open('i'.repeat(32));
    expect(open.isNew).toBe(false);
    await open.live.destroy();
    expect(client.calls).toEqual(['set', 'del']);
  });
});
