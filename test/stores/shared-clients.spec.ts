import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis-5';
import { afterEach, describe, expect, it } from 'vitest';

import { SessionStoreError } from '../../lib/session.errors.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { TestEngine } from '../fixtures/engine.js';
import { eventually } from '../fixtures/eventually.js';
import { startRedis } from '../fixtures/servers.mjs';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

describe('A client that is shared with BullMQ, which has commands wait for ever', () => {
  it('ends what the store asks within its deadline, loses no update, and recovers with the queue', async () => {
    const server = await startRedis();
    leftovers.push(() => server.stop());
    const connection = new Redis(server.port, { maxRetriesPerRequest: null });
    connection.on('error', () => {});
    leftovers.push(async () => connection.disconnect());
    const store = new RedisStore(connection);
    const engine = new TestEngine(store);
    const id = await engine.stored({ n: 0 });

    const queue = new Queue('jobs', { connection });
    queue.on('error', () => {});
    leftovers.push(() => queue.close());
    const worker = new Worker('jobs', async () => engine.open(id).then(({ live }) => live.update(countUp)), {
      connection,
    });
    worker.on('error', () => {});
    leftovers.push(() => worker.close(true));
    const events = new QueueEvents('jobs', { connection });
    events.on('error', () => {});
    leftovers.push(() => events.close());
    await events.waitUntilReady();

    const countUpHere = async (): Promise<unknown> => (await engine.open(id)).live.update(countUp);
    const run = async (): Promise<unknown> => (await queue.add('count', {})).waitUntilFinished(events);
    await Promise.all([countUpHere(), run(), countUpHere(), run()]);
    expect(await engine.seen(id)).toEqual({ n: 4 });

    await server.pause();
    await expect(store.get('key')).rejects.toThrow('did not answer within 1000 ms');
    server.resume();
    await eventually(() => store.get('key'));

    await server.stop();
    await expect(countUpHere()).rejects.toBeInstanceOf(SessionStoreError);
    const ready = new Promise<void>((resolve) => connection.once('ready', () => resolve()));
    await server.restart();
    await ready;
    // The server has forgotten everything, the scripts of both included.
    await eventually(() => store.set(engine.records.keyOf(id), '{"n":0}', 60));
    await Promise.all([countUpHere(), run(), countUpHere(), run()]);
    expect(await engine.seen(id)).toEqual({ n: 4 });
  });
});

function countUp(data: Record<string, unknown>): void {
  data['n'] = Number(data['n']) + 1;
}
