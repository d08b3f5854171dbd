// The same small application on each session library, with its sessions in one Redis: what bench/compare-concurrency.mjs compares.
import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';

import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RedisStore } from 'connect-redis';
import express from 'express';
import expressSession from 'express-session';
import fastify from 'fastify';
import Koa from 'koa';
import koaSession from 'koa-session';
import { Session, SessionModule } from 'nest-session';

const SECRET = 'a secret of at least thirty-two characters';

/** Reading and writing take a moment, as in a handler that asks a database. */
const moment = () => wait(5 + Math.random() * 15);

/**
 * What every application does, whatever the library. A handler gets the session's plain data.
 * @param stop stands still until the script goes on.
 */
const handlers = {
  async key(session, name) {
    await moment();
    session[name] = true;
  },
  async count(session) {
    const before = session.n ?? 0;
    await moment();
    session.n = before + 1;
  },
  async write(session, _name, stop) {
    await stop();
    session.late = true;
  },
  async read(session, _name, stop) {
    await stop();
    return { user: session.user };
  },
};

/** express-session with connect-redis, as its README shows it. */
async function onExpress({ redis, stop }) {
  const app = express();
  const store = new RedisStore({ client: redis, prefix: 'express:' });
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }));
  for (const [name, handle] of Object.entries(handlers)) {
    app.get(`/${name}/:name`, async (request, response) => {
      await handle(request.session, request.params.name, stop);
      response.json({});
    });
  }
  app.get('/me', (request, response) => void response.json(request.session));
  app.get('/visit', (request, response) => {
    request.session.visited = true;
    response.json({});
  });
  app.get('/login', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      request.session.user = 'ada';
      response.json({});
    });
  });
  app.get('/logout', (request, response) => request.session.destroy(() => response.json({})));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: server.address().port, cookie: 'connect.sid', close: () => server.close() };
}

/** @fastify/session, with the same store. */
async function onFastify({ redis, stop }) {
  const app = fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    store: new RedisStore({ client: redis, prefix: 'fastify:' }),
    secret: SECRET,
    saveUninitialized: false,
    cookie: { secure: false },
  });
  for (const [name, handle] of Object.entries(handlers)) {
    app.get(`/${name}/:name`, async (request) => {
      await handle(request.session, request.params.name, stop);
      return {};
    });
  }
  app.get('/me', async (request) => JSON.parse(JSON.stringify(request.session)));
  app.get('/visit', async (request) => {
    request.session.visited = true;
    return {};
  });
  app.get('/login', async (request) => {
    await request.session.regenerate();
    request.session.user = 'ada';
    return {};
  });
  app.get('/logout', async (request) => {
    await request.session.destroy();
    return {};
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: app.server.address().port, cookie: 'sessionId', close: () => app.close() };
}

/** koa-session, with the three functions that it asks a store for. */
async function onKoa({ redis, stop }) {
  const app = new Koa();
  app.keys = [SECRET];
  const store = {
    get: async (key) => JSON.parse((await redis.get(`koa:${key}`)) ?? 'null'),
    set: (key, session, maxAge) =>
      redis.set(`koa:${key}`, JSON.stringify(session), { expiration: { type: 'PX', value: maxAge } }),
    destroy: (key) => redis.del(`koa:${key}`),
  };
  app.use(koaSession({ store }, app));
  app.use(async (context) => {
    const [, route, name] = context.path.split('/');
    context.body = {};
    if (route === 'me') context.body = context.session.toJSON();
    else if (route === 'visit') context.session.visited = true;
    else if (route === 'logout') context.session = null;
    else if (route === 'login') {
      await context.session.regenerate();
      context.session.user = 'ada';
    } else await handlers[route](context.session, name, stop);
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: server.address().port, cookie: 'koa.sess', close: () => server.close() };
}

/** nest-session on Fastify. */
async function onNest({ redisUrl, stop }) {
  class Routes {
    key(session, name) {
      return handlers.key(session, name);
    }
    /** What the documentation tells people to count with. */
    count(session) {
      return session.update(async (data) => handlers.count(data));
    }
    write(session, name) {
      return handlers.write(session, name, stop);
    }
    read(session, name) {
      return handlers.read(session, name, stop);
    }
    me(session) {
      return { ...session };
    }
    visit(session) {
      session.visited = true;
    }
    async login(session) {
      await session.regenerate();
      session.user = 'ada';
    }
    logout(session) {
      return session.destroy();
    }
  }
  for (const route of Object.getOwnPropertyNames(Routes.prototype).slice(1)) decorate(Routes, route);
  Controller()(Routes);
  class AppModule {}
  const sessions = SessionModule.forRoot({ store: 'redis', redis: { url: redisUrl }, secret: SECRET });
  Module({ controllers: [Routes], imports: [sessions] })(AppModule);
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  return { port: app.getHttpServer().address().port, cookie: 'session', close: () => app.close() };
}

/** JavaScript has no decorators yet: what TypeScript would make of them. */
function decorate(controller, route) {
  const path = route in handlers ? `${route}/:name` : route;
  Get(path)(controller.prototype, route, Object.getOwnPropertyDescriptor(controller.prototype, route));
  Session()(controller.prototype, route, 0);
  if (route in handlers) Param('name')(controller.prototype, route, 1);
}

export const peers = {
  'express-session': onExpress,
  '@fastify/session': onFastify,
  'koa-session': onKoa,
  'nest-session': onNest,
};
