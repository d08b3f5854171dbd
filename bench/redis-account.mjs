import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

import { Redis } from 'ioredis';

import { startRedis } from '../test/fixtures/servers.mjs';
import { cores } from './cores.mjs';

/** Commands that come from here or hold a connection, and belong to no request. */
const OURS = new Set(['', 'info', 'config', 'monitor', 'ping', 'select', 'hello', 'client']);

/** A Redis on a core of its own, and what it has done. */
export class RedisAccount {
  /** @param {import('../test/fixtures/child-server.mjs').ChildServer} server */
  constructor(server) {
    this.server = server;
    this.client = new Redis(server.port, '127.0.0.1');
  }

  static async start() {
    const server = await startRedis();
    pinProcess(server.pid, cores.redis);
    return new RedisAccount(server);
  }

  get url() {
    return `redis://${this.server.address}`;
  }

  /** CPU time since its start, in microseconds. */
  async cpuMicros() {
    const info = await this.client.info('cpu');
    const seconds = (/** @type {string} */ name) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]);
    return 1e6 * (seconds('used_cpu_user') + seconds('used_cpu_sys'));
  }

  /**
   * How often each command was sent meanwhile. What a script calls is none of them.
   * @param {() => Promise<void>} run
   */
  async commandsDuring(run) {
    const monitor = connect(this.server.port, '127.0.0.1');
    monitor.write('MONITOR\r\n');
    await once(monitor, 'data');
    const lines = createInterface(monitor);
    /** @type {Record<string, number>} */
    const counts = {};
    const end = `end ${Math.random()}`;
    const seen = new Promise((resolve) => {
      lines.on('line', (line) => {
        const [, source, name = ''] = /^\+\S+ \[\d+ (\S+)\] "(\w+)"/.exec(line) ?? [];
        const command = name.toLowerCase();
        if (source !== 'lua' && !OURS.has(command)) counts[command] = (counts[command] ?? 0) + 1;
        if (line.includes(end)) resolve(undefined);
      });
    });
    await run();
    // What was sent before this is seen before this.
    await this.client.ping(end);
    await seen;
    monitor.destroy();
    return counts;
  }

  async stop() {
    this.client.disconnect();
    await this.server.stop();
  }
}

/**
 * @param {number} pid
 * @param {number} core
 */
export function pinProcess(pid, core) {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}
