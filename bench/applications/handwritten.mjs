import { randomBytes } from 'node:crypto';

import { Param, Req, Res } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

import { nestApplication } from './nest-application.mjs';
import { dataOf, LIFETIME } from './session-data.mjs';

/**
 * @typedef {import('./session-data.mjs').Data} Data
 * @typedef {{ headers: { cookie?: string } }} Request
 * @typedef {{ header(name: string, value: string): unknown }} Response of Express or of Fastify.
 */

/**
 * What a careful developer would write by hand, and the floor of all ratios: one `GET` and `JSON.parse` to read, one `SET` to write, no
 * signature, no protection from another request.
 * @param {import('./nest-application.mjs').Surroundings} surroundings
 */
export function handwritten({ platform, redisUrl, clusterPorts }) {
  const nodes = clusterPorts.map((port) => ({ host: '127.0.0.1', port }));
  const redis = nodes.length > 0 ? new Cluster(nodes) : new Redis(redisUrl);
  const response = Res({ passthrough: true });
  const routes = {
    read: { parameters: [Req()] },
    write: { parameters: [Req(), response] },
    seed: { path: 'seed/:bytes', parameters: [Param('bytes'), response] },
  };
  return nestApplication({ platform, controller: controllerOver(redis), routes });
}

/** @param {Redis | Cluster} redis */
function controllerOver(redis) {
  return class Routes {
    onModuleDestroy() {
      redis.disconnect();
    }

    /** @param {Request} request */
    async read(request) {
      const { n = 0 } = await load(redis, idOf(request));
      return { n };
    }

    /**
     * @param {Request} request
     * @param {Response} response
     */
    async write(request, response) {
      const known = idOf(request);
      const data = await load(redis, known);
      data.n = (data.n ?? 0) + 1;
      await save(redis, known ?? newId(response), data);
      return { n: data.n };
    }

    /**
     * @param {string} bytes
     * @param {Response} response
     */
    async seed(bytes, response) {
      await save(redis, newId(response), dataOf(Number(bytes)));
      return { n: 0 };
    }
  };
}

/**
 * @param {Redis | Cluster} redis
 * @param {string | undefined} id
 * @returns {Promise<Data>}
 */
async function load(redis, id) {
  const text = id === undefined ? null : await redis.get(`handwritten:${id}`);
  return text === null ? {} : JSON.parse(text);
}

/**
 * @param {Redis | Cluster} redis
 * @param {string} id
 * @param {Data} data
 */
async function save(redis, id, data) {
  await redis.set(`handwritten:${id}`, JSON.stringify(data), 'EX', LIFETIME);
}

/** @param {Response} response gets the cookie. */
function newId(response) {
  const id = randomBytes(24).toString('base64url');
  response.header('Set-Cookie', `session=${id}; Max-Age=${LIFETIME}; Path=/; HttpOnly; SameSite=Lax`);
  return id;
}

/** @param {Request} request */
function idOf({ headers: { cookie } }) {
  return cookie === undefined ? undefined : /(?:^|; )session=([\w-]+)/.exec(cookie)?.[1];
}
