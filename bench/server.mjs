// One application for bench/requests.mjs, in a process of its own: node bench/server.mjs <platform> <kind>
import 'reflect-metadata';
import { Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { Session, SESSION_STORE, SessionModule, SessionService } from 'nest-session';

import { decorateRoute } from './decorate-route.mjs';

/**
 * @typedef {{ n?: number, items?: readonly object[] }} Data
 * @typedef {{ ask: 'cpu' } | { ask: 'seed', count: number, bytes: number }} Question
 */

const [platform, kind] = process.argv.slice(2);
const redis = new Redis(String(process.env.REDIS_URL), { enableAutoPipelining: kind === 'auto-pipelining' });

class Routes {
  plain() {
    return { ok: true };
  }

  /** @param {Data} session */
  read(session) {
    return { n: session.n };
  }

  /** @param {Data} session */
  write(session) {
    session.n = (session.n ?? 0) + 1;
    return { n: session.n };
  }

  /**
   * What a person would write by hand: one GET, and no session at all.
   * @param {import('node:http').IncomingMessage} request
   */
  async floor(request) {
    const id = /session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
    return { n: JSON.parse((await redis.get(`floor:${id}`)) ?? '{}').n };
  }
}
decorateRoute(Routes, 'plain', {});
decorateRoute(Routes, 'floor', { parameters: [Req()] });
if (kind !== 'bare') {
  decorateRoute(Routes, 'read', { parameters: [Session()] });
  decorateRoute(Routes, 'write', { parameters: [Session()] });
}
Controller()(Routes);

class AppModule {}
const sessions = SessionModule.forRoot({ store: 'redis', redis: { client: redis }, idleTimeout: '14d' });
Module({ controllers: [Routes], imports: kind === 'bare' ? [] : [sessions] })(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
await app.listen(0, '127.0.0.1');

/**
 * Makes sessions of that size, and the same records for the hand-written route.
 * @param {number} count
 * @param {number} bytes
 */
async function seed(count, bytes) {
  const store = app.get(SESSION_STORE);
  const service = app.get(SessionService);
  const ids = [];
  for (let made = 0; made < count; made++) {
    /** @type {import('nest-session').Session<Data>} */
    const session = await service.open({ headers: {}, url: '/', method: 'GET', socket: {}, res: fakeResponse() });
    session.n = 0;
    session.items = Array.from({ length: Math.ceil(bytes / 64) }, (_, at) => ({
      sku: `SKU-${at}`,
      title: `A product, number ${at}`,
      n: at,
    }));
    await session.save();
    ids.push(session.id);
    await store.set(`floor:${session.id}`, JSON.stringify(session));
  }
  return ids;
}

function fakeResponse() {
  return { headersSent: false, writeHead() {}, write() {}, end() {}, flushHeaders() {} };
}

/** @param {object} message */
function tell(message) {
  process.send?.(message);
}

/** @param {Question} question */
async function answer(question) {
  if (question.ask === 'seed') tell({ ids: await seed(question.count, question.bytes) });
  else tell({ cpu: process.cpuUsage() });
}

process.on('message', (/** @type {Question} */ question) => void answer(question));
tell({ port: app.getHttpServer().address().port });
