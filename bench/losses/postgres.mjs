// PostgreSQL servers of bench/back-end-losses.mjs, which crash and come back with what they have on their disk.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { freePort } from '../../test/fixtures/child-server.mjs';
import { until } from '../servers.mjs';

/** Where Debian has the programs of each version. */
const VERSIONS = '/usr/lib/postgresql';
const bin = (/** @type {string} */ program) => {
  const [newest = ''] = readdirSync(VERSIONS).toSorted((one, other) => Number(other) - Number(one));
  return join(VERSIONS, newest, 'bin', program);
};
// PostgreSQL refuses to run as root.
const AS_POSTGRES =
  process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
const [first, ...others] = [...AS_POSTGRES, 'env'];

/** @type {Set<Postgres>} */
const running = new Set();
process.on('exit', () => running.forEach((server) => server.signal('SIGKILL')));

/**
 * Sends a signal to a process, if there is one.
 * @param {number} pid
 * @param {NodeJS.Signals | 0} signal
 */
function signalTo(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A server whose data outlive it. */
class Postgres {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;

  /**
   * @param {string} directory
   * @param {number} port
   * @param {readonly string[]} settings
   */
  constructor(directory, port, settings) {
    this.directory = directory;
    this.port = port;
    this.settings = settings;
    running.add(this);
  }

  /**
   * @param {readonly string[]} settings
   * @param {Postgres} [primary] of which it is the standby.
   */
  static async start(settings, primary) {
    const directory = mkdtempSync(join(tmpdir(), 'nest-session-postgres-'));
    if (process.getuid?.() === 0) {
      const { uid, gid } = statSync('/var/lib/postgresql');
      chownSync(directory, uid, gid);
    }
    const server = new Postgres(directory, await freePort(), settings);
    if (primary === undefined) {
      server.run('initdb', '-D', server.data, '--auth=trust', '--username=postgres', '--locale=C', '--no-sync');
    } else {
      const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
      server.run('pg_basebackup', '-D', server.data, ...from, '-R', '--checkpoint=fast', '--no-sync');
    }
    await server.restart();
    return server;
  }

  get data() {
    return join(this.directory, 'data');
  }

  /**
   * @param {string} program
   * @param {readonly string[]} args
   */
  run(program, ...args) {
    execFileSync(first, [...others, bin(program), ...args], { stdio: 'ignore', cwd: this.directory });
  }

  async restart() {
    const place = ['-D', this.data, '-k', this.directory, '-h', '127.0.0.1', '-p', String(this.port)];
    const settings = this.settings.flatMap((setting) => ['-c', setting]);
    const options = { stdio: /** @type {const} */ ('ignore'), cwd: this.directory };
    this.#process = spawn(first, [...others, bin('postgres'), ...place, ...settings], options);
    await until('PostgreSQL has started', () => this.ask('SELECT 1'));
  }

  /**
   * To all of its processes, as when the machine crashes: a process of a connection outlives the one that began it, and may still answer.
   * @param {NodeJS.Signals} signal
   */
  signal(signal) {
    if (this.#process?.pid === undefined || !this.#isRunning()) return [];
    const { pid } = this.#process;
    // One that has stopped begins no other process meanwhile.
    signalTo(pid, 'SIGSTOP');
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
    const all = [pid, ...stdout.split('\n').filter(Boolean).map(Number)];
    for (const one of all) signalTo(one, signal);
    return all;
  }

  async kill() {
    const ended = this.#process && once(this.#process, 'exit');
    const killed = this.signal('SIGKILL');
    await ended;
    // A server does not start while a process of the one before still has their memory.
    await until('all of its processes have ended', () => !killed.some((pid) => signalTo(pid, 0)));
  }

  #isRunning() {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  async stop() {
    if (this.#isRunning()) await this.kill();
    running.delete(this);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * The first row of the answer; `undefined` where there is none.
   * @param {string} sql
   */
  async ask(sql) {
    const client = new Client({ host: '127.0.0.1', port: this.port, user: 'postgres', query_timeout: 1000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(sql)).rows[0];
    } catch {
      return undefined;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** One address that leads to the primary of the moment. */
class Address {
  /** @param {number} target */
  constructor(target) {
    this.target = target;
    this.server = createServer((client) => {
      const server = connect(this.target, '127.0.0.1');
      client.on('error', () => server.destroy()).on('close', () => server.destroy());
      server.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.pipe(server).pipe(client);
    });
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const address = this.server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }
}

/**
 * One server, whose processes are all killed at once, and which is then started again.
 * @param {readonly string[]} settings
 * @returns {Promise<import('../servers.mjs').BackEnd>}
 */
export async function startPostgresAlone(...settings) {
  const server = await Postgres.start(settings);
  return {
    servers: [server],
    options: { store: 'postgres', postgres: { url: `postgres://postgres@127.0.0.1:${server.port}/postgres` } },
    close: () => {},
    crash: { lag: async () => {}, kill: () => server.kill(), takeOver: () => server.restart() },
  };
}

/**
 * A primary with a standby, which is promoted when the primary is killed.
 * @param {readonly string[]} settings of the primary.
 * @returns {Promise<import('../servers.mjs').BackEnd>}
 */
export async function startPostgresPair(...settings) {
  const primary = await Postgres.start([...settings, 'wal_keep_size=512MB']);
  const standby = await Postgres.start(['wal_retrieve_retry_interval=100ms'], primary);
  const isLinked = () => primary.ask(`SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'`);
  await until('the standby is linked', isLinked);
  const address = new Address(primary.port);
  const port = await address.listen();
  return {
    servers: [primary, standby],
    options: { store: 'postgres', postgres: { url: `postgres://postgres@127.0.0.1:${port}/postgres` } },
    close: () => address.server.close(),
    crash: {
      // What the primary has written to its socket would arrive even when it is dead.
      lag: async () => {
        standby.signal('SIGSTOP');
        await primary.ask('SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
      },
      kill: () => primary.kill(),
      takeOver: async () => {
        standby.signal('SIGCONT');
        await until('the standby is promoted', () => standby.ask('SELECT pg_promote()'));
        address.target = standby.port;
      },
    },
  };
}
