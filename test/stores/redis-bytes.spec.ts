import { Redis as Redis5 } from 'ioredis-5';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { TestEngine } from '../fixtures/engine.js';

describe.each([
  ['ioredis 6', () => new Redis(inject('redisUrl'))],
  ['ioredis 5', () => new Redis5(inject('redisUrl'))],
])('a record of bytes that are no UTF-8, with %s', (name, makeClient) => {
  const key = `bytes of ${name}`;
  let client: Redis;
  let store: RedisStore;

  beforeAll(() => {
    client = makeClient() as Redis;
    store = new RedisStore(client);
  });

  afterAll(async () => {
    await client.del(key);
    await client.quit();
  });

  it('is replaced where it is still the one that was read', async () => {
    await client.set(key, Buffer.from('{"user":"ad\xff"}', 'latin1'), 'EX', 60);
    const found = await store.read(key);
    expect(found?.value).toBe('{"user":"ad\ufffd"}');
    expect(await store.replace(key, 'new', 60, found?.version)).toBe('replaced');
    expect(await store.get(key)).toBe('new');
  });

  it('is a conflict where other bytes that read alike have taken its place', async () => {
    await client.set(key, Buffer.from('{"user":"ad\xff"}', 'latin1'), 'EX', 60);
    const found = await store.read(key);
    await client.set(key, Buffer.from('{"user":"ad\xfe"}', 'latin1'), 'EX', 60);
    expect(await store.replace(key, 'new', 60, found?.version)).toBe('conflict');
  });

  it('is replaced too where the text itself holds the sign for bytes that cannot be read', async () => {
    await store.set(key, '"\ufffd"', 60);
    expect(await store.replace(key, 'new', 60, (await store.read(key))?.version)).toBe('replaced');
  });

  it('has the version of its text, unless that text comes back as another one', async () => {
    await store.set(key, '"\ufffd"', 60);
    expect(await store.replace(key, '"😀"', 60, store.versionOf('"\ufffd"'))).toBe('replaced');
    expect(await store.replace(key, 'new', 60, store.versionOf('"😀"'))).toBe('replaced');
    await store.set(key, '"\ud83d"', 60);
    expect([await store.get(key), store.versionOf('"\ud83d"')]).toEqual(['"\ufffd"', undefined]);
  });

  it('opens, is saved, gets a new id and ends as any other session', async () => {
    const engine = new TestEngine(store, { keyPrefix: `${name}:` });
    const id = await engine.stored({ user: 'ada' });
    await client.set(engine.records.keyOf(id), Buffer.from('{"user":"ad\xff"}', 'latin1'), 'EX', 60);
    const open = await engine.open(id);
    open.live.visits = 1;
    await open.commit();
    expect(await engine.seen(id)).toEqual({ user: 'ad\ufffd', visits: 1 });
    await open.live.regenerate({ keep: true });
    await open.commit();
    expect(await engine.seen(open.id)).toEqual({ user: 'ad\ufffd', visits: 1 });
    await open.live.destroy();
    expect(await engine.seen(open.id)).toBeUndefined();
  });
});
