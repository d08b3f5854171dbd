import { Session } from '@nestjs/common';

import { nestApplication } from './nest-application.mjs';
import { SECRET } from './session-data.mjs';
import { sessionRoutes } from './session-routes.mjs';

/**
 * The session library that Nest applications use on that platform, set up as its README shows it, over connect-redis. Its packages are
 * those of bench/package.json alone, and so are loaded here and not at the head of the file.
 * @param {import('./nest-application.mjs').Surroundings} surroundings
 */
export async function usualPeer({ platform, redisUrl }) {
  const { createClient } = await import('redis');
  const { RedisStore } = await import('connect-redis');
  const client = await createClient({ url: redisUrl }).connect();
  const store = new RedisStore({ client, prefix: 'peer:' });
  const app = await nestApplication({ platform, ...sessionRoutes(() => Session()) });
  if (platform === 'fastify') await addFastifySession(app, store);
  else await addExpressSession(app, store);
  return app;
}

/**
 * @param {import('./nest-application.mjs').Application} app
 * @param {any} store
 */
async function addExpressSession(app, store) {
  const { default: expressSession } = await import('express-session');
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }));
}

/**
 * @param {import('./nest-application.mjs').Application} app
 * @param {any} store
 */
async function addFastifySession(app, store) {
  const { default: fastifyCookie } = await import('@fastify/cookie');
  const { default: fastifySession } = await import('@fastify/session');
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(fastifyCookie);
  await fastify.register(fastifySession, {
    store,
    secret: SECRET,
    saveUninitialized: false,
    cookie: { secure: false },
  });
}
