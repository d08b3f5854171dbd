import { Cluster } from 'ioredis';
import { Session, SessionModule } from 'nest-session';

import { nestApplication } from './nest-application.mjs';
import { SECRET } from './session-data.mjs';
import { sessionRoutes } from './session-routes.mjs';

/**
 * @typedef {import('./nest-application.mjs').Surroundings} Surroundings
 * @typedef {import('nest-session').SessionModuleOptions} Options
 */

/**
 * nest-session with its sessions in Redis, a signed cookie, and the defaults for all else.
 * @param {Surroundings} surroundings
 */
export function ours({ platform, redisUrl, clusterPorts }) {
  const nodes = clusterPorts.map((port) => ({ host: '127.0.0.1', port }));
  const redis = nodes.length > 0 ? { client: new Cluster(nodes) } : { url: redisUrl };
  return application(platform, { store: 'redis', redis });
}

/**
 * The same over a client that gathers commands into pipelines.
 * @param {Surroundings} surroundings
 */
export function oursAutoPipelined({ platform, redisUrl }) {
  return application(platform, { store: 'redis', redis: { url: redisUrl, enableAutoPipelining: true } });
}

/**
 * The same with its sessions in this process.
 * @param {Surroundings} surroundings
 */
export function oursInMemory({ platform }) {
  return application(platform, { store: 'memory' });
}

/**
 * @param {Surroundings['platform']} platform
 * @param {Options} options
 */
function application(platform, options) {
  const imports = [SessionModule.forRoot({ secret: SECRET, idleTimeout: '14d', ...options })];
  return nestApplication({ platform, imports, ...sessionRoutes(() => Session()) });
}
