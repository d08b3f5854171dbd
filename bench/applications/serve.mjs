// One application in a process of its own: node bench/applications/serve.mjs <platform> <name>. The parent asks it what it has used.
import { bare } from './bare.mjs';
import { handwritten } from './handwritten.mjs';
import { ours, oursAutoPipelined, oursInMemory } from './ours.mjs';
import { usualPeer } from './usual-peer.mjs';

/** @typedef {{ requests: number, cpuMicros: number, residentBytes: number }} Usage of the whole process, since its start. */

/** @type {Readonly<Record<string, (surroundings: import('./nest-application.mjs').Surroundings) => Promise<import('./nest-application.mjs').Application>>>} */
const applications = {
  bare,
  handwritten,
  'handwritten again': handwritten,
  ours,
  'ours, auto-pipelined': oursAutoPipelined,
  'ours, in memory': oursInMemory,
  peer: usualPeer,
};

const [platform, name = ''] = process.argv.slice(2);
const start = applications[name];
if (start === undefined || (platform !== 'express' && platform !== 'fastify')) {
  throw new Error(`Write express or fastify, and one of ${Object.keys(applications).join(', ')}.`);
}
const clusterPorts = (process.env.CLUSTER_PORTS ?? '').split(' ').filter(Boolean).map(Number);
const app = await start({ platform, redisUrl: process.env.REDIS_URL ?? '', clusterPorts });
await app.listen(0, '127.0.0.1');

let requests = 0;
app.getHttpServer().prependListener('request', () => requests++);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ requests, cpuMicros: user + system, residentBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
process.send?.({ port: app.getHttpServer().address().port });
