// One application for bench/requests.mjs, in a process of its own: node bench/server.mjs <platform> <kind>
import 'reflect-metadata';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { Session, SESSION_STORE, SessionModule } from 'nest-session';

const [platform, kind] = process.argv.slice(2);
const url = process.env.REDIS_URL;
const redis = new Redis(url, { enableAutoPipelining: kind === 'auto-pipelining' });

/** JavaScript has no decorators yet: what TypeScript would make of them. */
function decorate(controller, name, route, parameter) {
  const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, name);
  Get(route)(controller.prototype, name, descriptor);
  parameter?.(controller.prototype, name, 0);
}

class Routes {
  plain() {
    return { ok: true };
  }

  read(session) {
    return { n: session.n };
  }

  write(session) {
    session.n = (session.n ?? 0) + 1;
    return { n: session.n };
  }

  /** What a person would write by hand: one GET, and no session at all. */
  async floor(request) {
    const id = /session=([\w-]+)/.exec(request.headers.cookie)[1];
    return { n: JSON.parse(await redis.get(`floor:${id}`)).n };
  }
}
decorate(Routes, 'plain', 'plain');
decorate(Routes, 'floor', 'floor', Req());
if (kind !== 'bare') {
  decorate(Routes, 'read', 'read', Session());
  decorate(Routes, 'write', 'write', Session());
}
Controller()(Routes);

class AppModule {}
const sessions = SessionModule.forRoot({ store: 'redis', redis: { client: redis }, idleTimeout: '14d' });
Module({ controllers: [Routes], imports: kind === 'bare' ? [] : [sessions] })(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
await app.listen(0, '127.0.0.1');

/** Makes sessions of that size, and the same records for the hand-written route. */
async function seed(count, bytes) {
  const store = app.get(SESSION_STORE);
  const { SessionService } = await import('nest-session');
  const service = app.get(SessionService);
  const ids = [];
  for (let made = 0; made < count; made++) {
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

process.on('message', async ({ ask, count, bytes }) => {
  if (ask === 'seed') process.send({ ids: await seed(count, bytes) });
  if (ask === 'cpu') process.send({ cpu: process.cpuUsage() });
});

process.send({ port: app.getHttpServer().address().port });
