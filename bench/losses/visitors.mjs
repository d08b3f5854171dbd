// The visitors of bench/back-end-losses.mjs, and the application that they visit.
import { setTimeout as wait } from 'node:timers/promises';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SESSION_STORE, SessionModule, SessionService, SessionStoreError } from 'nest-session';

let warnings = 0;
const logger = { log() {}, error() {}, fatal() {}, warn: () => warnings++ };

/** How many warnings there were until now. */
export const warned = () => warnings;

/** An application without HTTP: `visit` opens the session of a request that carries this id, or none. */
export async function openApplication(options) {
  class AppModule {}
  // One hash tag: all sessions lie in one slot, so that they share the fate of one master. Plain ids let us look under a key.
  const sessions = SessionModule.forRoot({ ...options, keyPrefix: '{losses}', hashIds: false });
  Module({ imports: [sessions] })(AppModule);
  const context = await NestFactory.createApplicationContext(AppModule, { logger });
  const service = context.get(SessionService);
  const store = context.get(SESSION_STORE);
  const visit = (id) => {
    const headers = id === undefined ? {} : { cookie: `session=${id}` };
    const res = { headersSent: false, writeHead() {}, write() {}, end() {}, flushHeaders() {} };
    return service.open({ headers, url: '/', method: 'GET', socket: {}, res });
  };
  const isStored = async (id) => (await store.get(`{losses}${id}`)) !== undefined;
  return { visit, isStored, close: () => context.close() };
}

/** Runs tasks on all of these, 50 at a time. */
export async function inParallel(items, task) {
  const left = items.entries();
  const results = [];
  const worker = async () => {
    for (const [at, item] of left) results[at] = await task(item);
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  return results;
}

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
  loggedOut = [];
  refused = 0;
  isOver = false;
  crashedAt = Infinity;
  backAfter = undefined;

  constructor(app) {
    this.app = app;
  }

  async begin(writerCount, leaverCount) {
    const writers = await logIn(this.app, writerCount);
    const leavers = await logIn(this.app, leaverCount);
    this.done = Promise.all([...writers.map((id) => this.write(id)), this.logOut(leavers)]);
  }

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

  async logOut(ids) {
    for (const id of ids) {
      if (this.isOver) return;
      await this.attempt(async () => {
        await (await this.app.visit(id)).destroy();
        this.loggedOut.push(id);
      });
    }
  }

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

/** What becomes of a visitor who comes with this id. */
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
