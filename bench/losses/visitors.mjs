// The visitors of bench/back-end-losses.mjs, and the application that they visit.
import { setTimeout as wait } from 'node:timers/promises';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService, SessionStoreError } from 'nest-session';
import { MemcachedStore } from 'nest-session/stores/memcached';
import { PostgresStore } from 'nest-session/stores/postgres';
import { RedisStore } from 'nest-session/stores/redis';

/**
 * @typedef {Awaited<ReturnType<typeof openApplication>>} Application
 * @typedef {{ user?: string, cart?: string, n?: number, late?: boolean }} Data
 */

let warnings = 0;
const logger = { log() {}, error() {}, fatal() {}, warn: () => warnings++ };

/** How many warnings there were until now. */
export const warned = () => warnings;

/**
 * An application without HTTP: `visit` opens the session of a request that carries this id, or none.
 * @param {import('nest-session').SessionModuleOptions} options
 */
export async function openApplication(options) {
  class AppModule {}
  // One hash tag: all sessions lie in one slot, so that they share the fate of one master. Plain ids let us look under a key.
  const store = await storeOf(options);
  const sessions = SessionModule.forRoot({ store, keyPrefix: '{losses}', hashIds: false });
  Module({ imports: [sessions] })(AppModule);
  const context = await NestFactory.createApplicationContext(AppModule, { logger });
  const service = context.get(SessionService);
  /**
   * @param {string} [id]
   * @returns {Promise<import('nest-session').Session<Data>>}
   */
  const visit = (id) => {
    const headers = id === undefined ? {} : { cookie: `session=${id}` };
    const res = { headersSent: false, writeHead() {}, write() {}, end() {}, flushHeaders() {} };
    return service.open({ headers, url: '/', method: 'GET', socket: {}, res });
  };
  const isStored = async (/** @type {string} */ id) => (await store.get(`{losses}${id}`)) !== undefined;
  const close = async () => {
    await context.close();
    await store.close();
  };
  return { visit, isStored, close };
}

/**
 * The store of a back-end, made here because the application's own, SESSION_STORE, refuses the keys of sessions.
 * @param {import('nest-session').SessionModuleOptions} options
 */
function storeOf({ store, redis, memcached, postgres }) {
  if (store === 'postgres') return PostgresStore.connect(postgres);
  if (store === 'memcached') {
    return memcached?.client === undefined ? MemcachedStore.connect(memcached) : new MemcachedStore(memcached.client);
  }
  return redis?.client === undefined ? RedisStore.connect(redis) : new RedisStore(redis.client);
}

/**
 * Runs tasks on all of these, 50 at a time.
 * @template Item, Result
 * @param {readonly Item[]} items
 * @param {(item: Item) => Promise<Result>} task
 */
export async function inParallel(items, task) {
  const left = items.entries();
  /** @type {Result[]} */
  const results = [];
  const worker = async () => {
    for (const [at, item] of left) results[at] = await task(item);
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  return results;
}

/**
 * The ids of that many new sessions.
 * @param {Application} app
 * @param {number} count
 */
export const logIn = (app, count) =>
  inParallel(Array.from({ length: count }), async () => {
    const session = await app.visit();
    session.user = 'ada';
    session.cart = 'x'.repeat(300);
    await session.save();
    return session.id;
  });

/** Visitors who write and log out without a pause, and notice what they were promised and do not find. */
export class Traffic {
  written = 0;
  missing = 0;
  /** @type {string[]} */
  loggedOut = [];
  refused = 0;
  isOver = false;
  crashedAt = Infinity;
  /** @type {number | undefined} */
  backAfter = undefined;

  /** @param {Application} app */
  constructor(app) {
    this.app = app;
  }

  /**
   * @param {number} writerCount
   * @param {number} leaverCount
   */
  async begin(writerCount, leaverCount) {
    const writers = await logIn(this.app, writerCount);
    const leavers = await logIn(this.app, leaverCount);
    this.done = Promise.all([...writers.map((id) => this.write(id)), this.logOut(leavers)]);
  }

  /** @param {string} id */
  async write(id) {
    let acknowledged = 0;
    while (!this.isOver) {
      await this.attempt(async () => {
        const session = await this.app.visit(id);
        const found = session.n ?? 0;
        this.missing += Math.max(0, acknowledged - found);
        // What was refused may have been carried out all the same.
        acknowledged = found;
        session.n = found + 1;
        await session.save();
        acknowledged++;
        this.written++;
      });
    }
  }

  /** @param {readonly string[]} ids */
  async logOut(ids) {
    for (const id of ids) {
      if (this.isOver) return;
      await this.attempt(async () => {
        await (await this.app.visit(id)).destroy();
        this.loggedOut.push(id);
      });
    }
  }

  /** @param {() => Promise<void>} request */
  async attempt(request) {
    const begunAt = performance.now();
    try {
      await request();
      if (begunAt > this.crashedAt) this.backAfter ??= performance.now() - this.crashedAt;
      await wait(2);
    } catch (error) {
      if (!(error instanceof SessionStoreError)) throw error;
      this.refused++;
      await wait(20);
    }
  }
}

/**
 * What becomes of a visitor who comes with this id.
 * @param {Application} app
 * @param {string} id
 */
export async function startAnew(app, id) {
  try {
    const session = await app.visit(id);
    if (session.user !== undefined) return 'old';
    session.user = 'ada, again';
    await session.save();
    return session.id === id ? 'old' : 'anew';
  } catch {
    return 'refused';
  }
}
