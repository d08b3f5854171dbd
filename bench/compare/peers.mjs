// The same small application on each session library, with its sessions in one Redis: what bench/compare-concurrency.mjs compares.
import 'reflect-metadata';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Controller, Inject, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RedisStore } from 'connect-redis';
import express from 'express';
import expressSession from 'express-session';
import fastify from 'fastify';
import Koa from 'koa';
import koaSession from 'koa-session';
import { Session, SessionModule } from 'nest-session';

import { decorateRoute } from '../decorate-route.mjs';

/**
 * @typedef {object} Surroundings
 * @property {ReturnType<typeof import('redis').createClient>} redis a connected client.
 * @property {string} redisUrl the same Redis.
 * @property {() => Promise<void>} stop stands still until the script goes on.
 */
/**
 * @typedef {object} Peer An application that listens.
 * @property {number} port
 * @property {() => unknown} close
 */
/** @typedef {Record<string, unknown> & { n?: number, user?: string, visited?: boolean, late?: boolean }} Data */

const SECRET = 'a secret of at least thirty-two characters';
/** The token under which the application on nest-session finds `stop`. */
const STOP = Symbol('stop');

/** Reading and writing take a moment, as in a handler that asks a database. */
const moment = () => wait(5 + Math.random() * 15);

/**
 * What every application does, whatever the library. A handler gets the session's plain data.
 * @satisfies {Record<string, (data: Data, name: string, stop: Surroundings['stop']) => Promise<unknown>>}
 */
const handlers = {
  async key(data, name) {
    await moment();
    data[name] = true;
  },
  async count(data) {
    const before = data.n ?? 0;
    await moment();
    data.n = before + 1;
  },
  async write(data, _name, stop) {
    await stop();
    data.late = true;
  },
  async read(data, _name, stop) {
    await stop();
    return { user: data.user };
  },
};

/**
 * express-session with connect-redis, as its README shows it.
 * @param {Surroundings} surroundings
 * @returns {Promise<Peer>}
 */
async function onExpress({ redis, stop }) {
  const app = express();
  const store = new RedisStore({ client: redis, prefix: 'express:' });
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }));
  for (const [name, handle] of Object.entries(handlers)) {
    app.get(`/${name}/:name`, async (request, response) => {
      await handle(dataOf(request.session), request.params.name, stop);
      response.json({});
    });
  }
  app.get('/me', (request, response) => void response.json(request.session));
  app.get('/visit', (request, response) => {
    dataOf(request.session).visited = true;
    response.json({});
  });
  app.get('/login', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      dataOf(request.session).user = 'ada';
      response.json({});
    });
  });
  app.get('/logout', (request, response) => void request.session.destroy(() => response.json({})));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), close: () => server.close() };
}

/**
 * The same store under `@fastify/session`.
 * @param {Surroundings} surroundings
 * @returns {Promise<Peer>}
 */
async function onFastify({ redis, stop }) {
  const app = fastify();
  const store = new RedisStore({ client: redis, prefix: 'fastify:' });
  await app.register(fastifyCookie);
  await app.register(fastifySession, { store, secret: SECRET, saveUninitialized: false, cookie: { secure: false } });
  for (const [name, handle] of Object.entries(handlers)) {
    app.get(`/${name}/:name`, async (request) => {
      await handle(dataOf(request.session), /** @type {{ name: string }} */ (request.params).name, stop);
      return {};
    });
  }
  app.get('/me', async (request) => JSON.parse(JSON.stringify(request.session)));
  app.get('/visit', async (request) => {
    dataOf(request.session).visited = true;
    return {};
  });
  app.get('/login', async (request) => {
    await request.session.regenerate();
    dataOf(request.session).user = 'ada';
    return {};
  });
  app.get('/logout', async (request) => {
    await request.session.destroy();
    return {};
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: portOf(app.server), close: () => app.close() };
}

/**
 * koa-session, with the three functions that it asks a store for.
 * @param {Surroundings} surroundings
 * @returns {Promise<Peer>}
 */
async function onKoa({ redis, stop }) {
  const app = new Koa();
  app.keys = [SECRET];
  /** @type {import('koa-session').Store} */
  const store = {
    get: async (key) => JSON.parse((await redis.get(`koa:${key}`)) ?? 'null'),
    set: async (key, session, maxAge) => {
      await redis.set(`koa:${key}`, JSON.stringify(session), { expiration: { type: 'PX', value: maxAge } });
    },
    destroy: async (key) => {
      await redis.del(`koa:${key}`);
    },
  };
  app.use(koaSession({ store }, app));
  app.use(async (context) => {
    const [, route = '', name = ''] = context.path.split('/');
    context.body = {};
    if (route === 'me') context.body = context.session.toJSON();
    else if (route === 'visit') context.session.visited = true;
    else if (route === 'logout') context.session = null;
    else if (route === 'login') {
      await context.session.regenerate();
      context.session.user = 'ada';
    } else if (isHandled(route)) await handlers[route](context.session, name, stop);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), close: () => server.close() };
}

/** The routes of the application on nest-session. */
class Routes {
  /** @param {Surroundings['stop']} stop */
  constructor(stop) {
    this.stop = stop;
  }

  /**
   * @param {Data} session
   * @param {string} name
   */
  key(session, name) {
    return handlers.key(session, name);
  }

  /**
   * What the documentation tells people to count with.
   * @param {import('nest-session').Session<Data>} session
   */
  count(session) {
    return session.update((data) => handlers.count(data));
  }

  /**
   * @param {Data} session
   * @param {string} name
   */
  write(session, name) {
    return handlers.write(session, name, this.stop);
  }

  /**
   * @param {Data} session
   * @param {string} name
   */
  read(session, name) {
    return handlers.read(session, name, this.stop);
  }

  /** @param {Data} session */
  me(session) {
    return { ...session };
  }

  /** @param {Data} session */
  visit(session) {
    session.visited = true;
  }

  /** @param {import('nest-session').Session<Data>} session */
  async login(session) {
    await session.regenerate();
    session.user = 'ada';
  }

  /** @param {import('nest-session').Session<Data>} session */
  logout(session) {
    return session.destroy();
  }
}
for (const name of Object.getOwnPropertyNames(Routes.prototype).slice(1)) {
  const route = isHandled(name)
    ? { path: `${name}/:name`, parameters: [Session(), Param('name')] }
    : { parameters: [Session()] };
  decorateRoute(Routes, name, route);
}
Inject(STOP)(Routes, undefined, 0);
Controller()(Routes);

/**
 * nest-session on Fastify.
 * @param {Surroundings} surroundings
 * @returns {Promise<Peer>}
 */
async function onNest({ redisUrl, stop }) {
  class AppModule {}
  const sessions = SessionModule.forRoot({ store: 'redis', redis: { url: redisUrl }, secret: SECRET });
  const providers = [{ provide: STOP, useValue: stop }];
  Module({ controllers: [Routes], imports: [sessions], providers })(AppModule);
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  return { port: portOf(app.getHttpServer()), close: () => app.close() };
}

/**
 * The fields of a session, which the types of its library do not know.
 * @param {object} session
 */
function dataOf(session) {
  return /** @type {Data} */ (session);
}

/**
 * @param {string} route
 * @returns {route is keyof typeof handlers}
 */
function isHandled(route) {
  return Object.hasOwn(handlers, route);
}

/** @param {import('node:http').Server} server */
function portOf(server) {
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

/** @type {Readonly<Record<string, (surroundings: Surroundings) => Promise<Peer>>>} */
export const peers = {
  'express-session': onExpress,
  '@fastify/session': onFastify,
  'koa-session': onKoa,
  'nest-session': onNest,
};
