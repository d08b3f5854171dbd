// How long each store takes to read and to replace a session, how many messages that costs, and how much room a session takes. Run
// `npm run measure:stores`, on a machine that does nothing else.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { MemoryStore } from 'nest-session';
import { FileStore } from 'nest-session/stores/file';
import { MemcachedStore } from 'nest-session/stores/memcached';
import { MongoStore } from 'nest-session/stores/mongo';
import { PostgresStore } from 'nest-session/stores/postgres';
import { RedisStore } from 'nest-session/stores/redis';
import { Pool } from 'pg';
import { createClient } from 'redis';

import { debianProgram, programOnPath } from '../test/fixtures/debian-program.mjs';
import { startMongo } from '../test/fixtures/mongo-server.mjs';
import { startPostgres } from '../test/fixtures/postgres-server.mjs';
import { startMemcached, startRedis } from '../test/fixtures/servers.mjs';
import { table } from './markdown.mjs';

/**
 * @typedef {import('nest-session').SessionStore} Store
 * @typedef {() => unknown} End
 * @typedef {object} Place
 * @property {number} [port] of its server.
 * @property {(port?: number) => Promise<{ store: Store, close: End }>} open a store, at this port instead of the server's.
 * @property {() => Promise<number> | number} [room] the bytes that all records take.
 * @property {End} end
 */

const READS = Number(process.env.READS ?? 5000);
const SESSIONS = Number(process.env.SESSIONS ?? 20_000);
const TTL = 14 * 24 * 3600;
/** A record as the README shows one, of some 300 bytes. */
const RECORD = JSON.stringify({
  _created: 1796038355.415,
  _seen: 1796038355.867,
  user: { id: 4711, name: 'Ada Lovelace', roles: ['editor', 'reviewer'] },
  items: Array.from({ length: 4 }, (_, at) => ({ title: `Orlando, volume ${at}`, count: at })),
  language: 'en',
});
const keyOf = (/** @type {number} */ at) => `session:${String(at).padStart(43, 'k')}`;

/** @type {Readonly<Record<string, () => Promise<Place>>>} */
const PLACES = {
  memory: async () => ({
    open: async () => ({ store: new MemoryStore({ max: 2 * SESSIONS, maxBytes: 2 ** 30 }), close: () => {} }),
    room: () => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    },
    end: () => {},
  }),
  'redis, ioredis 6': () => redisWith(async (url) => closable(await RedisStore.connect({ url }))),
  'redis, node-redis 6': () =>
    redisWith(async (url) => {
      const client = createClient({ url });
      client.on('error', () => {});
      await client.connect();
      return { store: new RedisStore(client), close: () => client.destroy() };
    }),
  memcached: async () => {
    const server = await startMemcached('-m', '256');
    return {
      port: server.port,
      open: async (port = server.port) => closable(await MemcachedStore.connect({ servers: `127.0.0.1:${port}` })),
      room: () => memcachedRoom(server.port),
      end: () => server.stop(),
    };
  },
  postgres: () => postgresWith([], {}),
  'postgres, synchronous_commit off': () => postgresWith(['-c', 'synchronous_commit=off'], {}),
  'postgres, unlogged': () => postgresWith([], { unlogged: true }),
  [`mongo${programOnPath('mongod') === undefined ? ' (the fake server of the tests)' : ''}`]: async () => {
    const server = await startMongo();
    return {
      port: server.port,
      open: async (port = server.port) =>
        closable(await MongoStore.connect({ url: `mongodb://127.0.0.1:${port}/test`, directConnection: true })),
      end: () => server.stop(),
    };
  },
  file: () => fileWith(true),
  'file, fsync: false': () => fileWith(false),
};

/**
 * @template {Store & { close(): Promise<void> }} Closable
 * @param {Closable} store
 */
function closable(store) {
  return { store, close: () => store.close() };
}

/**
 * @param {(url: string) => Promise<{ store: Store, close: End }>} open
 * @returns {Promise<Place>}
 */
async function redisWith(open) {
  const server = await startRedis();
  const client = new Redis(server.port);
  return {
    port: server.port,
    open: (port = server.port) => open(`redis://127.0.0.1:${port}`),
    room: async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]),
    end: async () => {
      client.disconnect();
      await server.stop();
    },
  };
}

/**
 * @param {readonly string[]} settings of the server. Those of the tests leave fsync out; here it counts.
 * @param {object} options
 * @returns {Promise<Place>}
 */
async function postgresWith(settings, options) {
  const server = await startPostgres('-c', 'fsync=on', ...settings);
  const urlAt = (/** @type {number} */ port) => `postgres://postgres@127.0.0.1:${port}/postgres`;
  const client = new Pool({ connectionString: urlAt(server.port) });
  return {
    port: server.port,
    open: async (port = server.port) => closable(await PostgresStore.connect({ url: urlAt(port), ...options })),
    room: async () => {
      const { rows } = await client.query(`SELECT pg_total_relation_size(to_regclass('nest_session')) AS bytes`);
      return Number(rows[0].bytes ?? 0);
    },
    end: async () => {
      await client.end();
      await server.stop();
    },
  };
}

/**
 * @param {boolean} fsync
 * @returns {Promise<Place>}
 */
async function fileWith(fsync) {
  const directory = mkdtempSync(join(process.env.FILES ?? tmpdir(), 'nest-session-files-'));
  return {
    open: async () => closable(await FileStore.connect({ directory, fsync })),
    room: () => {
      const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
      return paths.reduce((sum, path) => sum + statSync(join(directory, path)).blocks * 512, 0);
    },
    end: () => rmSync(directory, { recursive: true }),
  };
}

/**
 * The bytes of the pages of Memcached that are in use, chunk by chunk.
 * @param {number} port
 */
async function memcachedRoom(port) {
  const answer = await new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('stats slabs\r\n'));
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.endsWith('END\r\n')) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
  const number = (/** @type {string} */ slab, /** @type {string} */ name) =>
    Number(new RegExp(`STAT ${slab}:${name} (\\d+)`).exec(answer)?.[1]);
  const slabs = new Set(Array.from(String(answer).matchAll(/STAT (\d+):/g), ([, slab = '']) => slab));
  return [...slabs].reduce((sum, slab) => sum + number(slab, 'chunk_size') * number(slab, 'used_chunks'), 0);
}

/** Counts what a client sends: with one caller and small records, one chunk is one message. */
class Counter {
  chunks = 0;
  /** @type {import('node:net').Server | undefined} */
  server;

  /** @param {number} target */
  static async start(target) {
    const counter = new Counter();
    counter.server = createServer((client) => {
      const server = connect(target, '127.0.0.1');
      client.on('data', (chunk) => {
        counter.chunks++;
        server.write(chunk);
      });
      server.on('data', (chunk) => client.write(chunk));
      for (const [one, other] of [
        [client, server],
        [server, client],
      ]) {
        one?.on('error', () => {}).on('close', () => other?.destroy());
      }
    });
    await new Promise((resolve) => counter.server?.listen(0, '127.0.0.1', () => resolve(undefined)));
    return counter;
  }

  get port() {
    const address = this.server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** @param {() => Promise<unknown>} act */
  async of(act) {
    const before = this.chunks;
    await act();
    return this.chunks - before;
  }
}

/**
 * Messages per call of each verb, by one caller.
 * @param {Place} place
 */
async function messagesOf({ port, open }) {
  if (port === undefined) return undefined;
  const counter = await Counter.start(port);
  const { store, close } = await open(counter.port);
  const key = keyOf(0);
  // The first calls connect, and teach the server its script or make the table.
  for (let warm = 0; warm < 3; warm++) await cycle(store, `${key}:warm`);
  const read = await counter.of(() => store.read(key));
  const create = await counter.of(() => store.create(key, RECORD, TTL));
  const first = (await store.read(key))?.version;
  const replace = await counter.of(() => store.replace(key, RECORD.replace('en', 'fr'), TTL, first));
  const conflict = await counter.of(() => store.replace(key, RECORD, TTL, first));
  const set = await counter.of(() => store.set(key, RECORD, TTL));
  const remove = await counter.of(() => store.delete(key));
  await close();
  counter.server?.close();
  return { read, create, replace, conflict, set, delete: remove };
}

/**
 * @param {Store} store
 * @param {string} key
 */
async function cycle(store, key) {
  await store.create(key, RECORD, TTL);
  const version = (await store.read(key))?.version;
  await store.replace(key, RECORD.replace('en', 'de'), TTL, version);
  await store.set(key, RECORD, TTL);
  await store.delete(key);
}

/**
 * Milliseconds of each call, one after another.
 * @param {number} count
 * @param {(at: number) => Promise<() => Promise<unknown>>} prepare gives what is measured.
 */
async function timesOf(count, prepare) {
  const times = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const act = await prepare(at);
    const start = performance.now();
    await act();
    times[at] = performance.now() - start;
  }
  times.sort();
  const part = (/** @type {number} */ share) => (times[Math.floor(count * share)] ?? NaN).toFixed(2);
  return [part(0.5), part(0.99)];
}

/**
 * @param {string} name
 * @param {() => Promise<Place>} start
 */
async function rowOf(name, start) {
  const place = await start();
  const messages = await messagesOf(place);
  const { store, close } = await place.open();
  for (let warm = 0; warm < 500; warm++) await cycle(store, keyOf(0));
  const before = await place.room?.();
  for (let at = 0; at < SESSIONS; at += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, next) => store.create(keyOf(at + next), RECORD, TTL)));
  }
  const after = await place.room?.();
  const any = () => keyOf(Math.floor(Math.random() * SESSIONS));
  const reads = await timesOf(READS, async () => {
    const key = any();
    return () => store.read(key);
  });
  const replaces = await timesOf(READS, async (at) => {
    const key = any();
    const version = (await store.read(key))?.version;
    return () => store.replace(key, RECORD.replace('en', String(at)), TTL, version);
  });
  await close();
  await place.end();
  const room = before === undefined || after === undefined ? '–' : String(Math.round((after - before) / SESSIONS));
  const sent = messages === undefined ? '–' : Object.values(messages).join(' ');
  return [name, ...reads, ...replaces, room, sent];
}

debianProgram('redis-server', 'redis-server');
const headings = ['store', 'read p50', 'p99', 'replace p50', 'p99', 'bytes a session'];
const rows = [];
for (const [name, start] of Object.entries(PLACES)) {
  if (process.argv[2] !== undefined && !name.startsWith(process.argv[2])) continue;
  rows.push(await rowOf(name, start));
}
console.log(
  `Milliseconds of ${READS} calls, one after another, over ${SESSIONS} records of ${RECORD.length} bytes; what the`,
  'messages are of: read, create, replace, replace with a conflict, set, delete.',
);
console.log(table([...headings, 'messages'], rows));
