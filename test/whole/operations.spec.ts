import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Controller, Get, Inject, Post } from '@nestjs/common';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Redis as Redis5 } from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { Session, UserSessions, type SessionModuleOptions } from '../../lib/index.js';
import { Chapter } from '../fixtures/chapter.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import type { Client } from '../fixtures/client.js';
import { snippetsOf } from '../fixtures/markdown-snippets.js';
import { startPostgres } from '../fixtures/postgres-server.mjs';
import { startRedis } from '../fixtures/servers.mjs';
import { SessionApp } from '../fixtures/session-app.js';

const page = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));

@Controller()
class AccountController {
  constructor(@Inject(UserSessions) private readonly users: UserSessions) {}

  @Post('sign-in')
  async signIn(@Session() session: Session<{ user: string }>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Get('me')
  me(@Session() session: Session<{ user: string; visits: number }>): object {
    session.visits = (session.visits ?? 0) + 1;
    return { user: session.user, isOver: session.signal.aborted };
  }

  @Post('sign-out-elsewhere')
  async signOutElsewhere(@Session() session: Session<{ user: string }>): Promise<void> {
    await this.users.endAll('ada', { except: session });
  }

  @Post('sign-out')
  signOut(@Session() session: Session<{ user: string }>): Promise<void> {
    return session.destroy();
  }
}

async function started(session: SessionModuleOptions): Promise<SessionApp> {
  const user = (data: Record<string, unknown>): string | undefined => data.user as string | undefined;
  const app = await SessionApp.start('fastify', { session: { ...session, user }, controllers: [AccountController] });
  onTestFinished(() => app.close());
  return app;
}

/** A request again and again, until the back-end is used. */
async function once(request: () => ReturnType<Client['get']>): ReturnType<Client['get']> {
  for (;;) {
    const answer = await request();
    if (answer.status !== 503) return answer;
  }
}

/** What each answer of a whole life of sessions is. */
async function statusesOf(app: SessionApp): Promise<number[]> {
  const [client, elsewhere] = [app.client(), app.client()];
  const statuses = [];
  for (const ask of [
    () => elsewhere.post('/sign-in'),
    () => client.post('/sign-in'),
    () => client.get('/me'),
    () => client.post('/sign-out-elsewhere'),
    () => client.post('/sign-out'),
  ]) {
    statuses.push((await ask()).status);
  }
  return statuses;
}

const ALL_WELL = [201, 201, 200, 201, 201];

let chapter: Chapter;

beforeAll(() => {
  chapter = new Chapter('operations');
}, 60_000);

describe('The user of Redis in docs/operations.md', () => {
  let server: ChildServer;
  let admin: Redis;
  const line = snippetsOf(page).find(({ name }) => name === 'users.acl')?.text ?? '';
  const [, name = '', ...rules] = line.trim().split(' ');
  const password = rules.find((rule) => rule.startsWith('>'))?.slice(1) ?? '';

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.port);
  });

  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  /** The commands that Redis has refused to an application whose user has these rights. */
  async function refusedWith(rights: readonly string[], database = 0): Promise<string[]> {
    await admin.call('ACL', 'SETUSER', name, 'reset', ...rights);
    await admin.call('ACL', 'LOG', 'RESET');
    await admin.script('FLUSH');
    const url = `redis://${name}:${password}@127.0.0.1:${server.port}/${database}`;
    const app = await started({ store: 'redis', redis: { url }, bus: 'redis' });
    if (rights === rules && database === 0) expect(await statusesOf(app)).toEqual(ALL_WELL);
    else await statusesOf(app);
    await app.store.delete('session:none').catch(() => {});
    const log = (await admin.call('ACL', 'LOG')) as string[][];
    return log.map((entry) => entry[entry.indexOf('object') + 1] ?? '');
  }

  it('may do all that the store and the bus do', async () => {
    expect(await refusedWith(rules)).toEqual([]);
  });

  it('needs +select as well for a database with a number, and no more', async () => {
    expect(await refusedWith(rules, 1)).toContain('select');
    expect(await refusedWith([...rules, '+select'], 1)).toEqual([]);
  });

  it.each(rules.filter((rule) => rule.startsWith('+')))('needs %s', async (right) => {
    expect(await refusedWith(rules.filter((rule) => rule !== right))).toContain(right.slice(1));
  });
});

describe('TLS as in docs/operations.md', () => {
  let folder: string;
  const file = (name: string): string => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nest-session-tls-'));
    chmodSync(folder, 0o755);
    const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    for (const ca of ['ca', 'other-ca']) {
      openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`);
    }
    openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
    writeFileSync(file('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
    chmodSync(file('server.key'), 0o600);
    if (process.getuid?.() === 0) execFileSync('chown', ['postgres', file('server.key')]);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  interface Options {
    redisOverTls(): SessionModuleOptions;
    postgresOverTls(): SessionModuleOptions;
  }

  /** The options of the page, with this authority and these servers. */
  async function optionsWith(ca: string, urls: { REDIS_URL?: string; DATABASE_URL?: string }): Promise<Options> {
    for (const [name, value] of Object.entries({ ...urls, CA_FILE: file(ca) })) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    return chapter.load<Options>('tls.options.ts');
  }

  async function redisUrl(): Promise<string> {
    const port = await freePort();
    const tls = ['cert-file', 'server.pem', 'key-file', 'server.key', 'ca-cert-file', 'ca.pem'];
    const paths = tls.flatMap((word, at) => (at % 2 === 0 ? [`--tls-${word}`, file(tls[at + 1] ?? '')] : []));
    const server = await startRedis('--tls-port', `${port}`, ...paths, '--tls-auth-clients', 'no');
    onTestFinished(() => server.stop());
    return `rediss://localhost:${port}`;
  }

  async function databaseUrl(): Promise<string> {
    const paths = ['-c', `ssl_cert_file=${file('server.pem')}`, '-c', `ssl_key_file=${file('server.key')}`];
    const server = await startPostgres('-c', 'ssl=on', ...paths);
    onTestFinished(() => server.stop());
    return `postgres://postgres@localhost:${server.port}/postgres`;
  }

  it('keeps sessions in Redis', async () => {
    const { redisOverTls } = await optionsWith('ca.pem', { REDIS_URL: await redisUrl() });
    expect(await statusesOf(await started(redisOverTls()))).toEqual(ALL_WELL);
  });

  it('keeps sessions in PostgreSQL', async () => {
    const { postgresOverTls } = await optionsWith('ca.pem', { DATABASE_URL: await databaseUrl() });
    expect(await statusesOf(await started(postgresOverTls()))).toEqual(ALL_WELL);
  });

  it('tells why Redis has not been trusted', async () => {
    const { redisOverTls } = await optionsWith('other-ca.pem', { REDIS_URL: await redisUrl() });
    const app = await started(redisOverTls());
    expect((await app.client().post('/sign-in')).status).toBe(503);
    expect(app.warnings.join('\n')).toContain('SELF_SIGNED_CERT_IN_CHAIN');
  });

  it('tells why PostgreSQL has not been trusted', async () => {
    const { postgresOverTls } = await optionsWith('other-ca.pem', { DATABASE_URL: await databaseUrl() });
    const app = await started(postgresOverTls());
    expect((await app.client().post('/sign-in')).status).toBe(503);
    expect(app.warnings.join('\n')).toContain('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});

it('A client that BullMQ shares keeps sessions too, and answers in time while Redis is away', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  vi.stubEnv('REDIS_URL', `redis://${server.address}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  // BullMQ's types are those of ioredis 5, and it takes either.
  const { connection, onSharedClient } = await chapter.load<{
    connection: Redis5;
    onSharedClient: SessionModuleOptions;
  }>('shared-client.ts');
  onTestFinished(() => connection.disconnect());
  connection.removeAllListeners('error');
  connection.on('error', () => {});
  const app = await started(onSharedClient);
  const queue = new Queue('mails', { connection });
  const worker = new Worker('mails', async (job) => `sent to ${String(job.data)}`, { connection });
  const sent = new Promise((resolve) => worker.on('completed', (_job, result) => resolve(result)));
  await queue.add('mail', 'ada');
  expect(await sent).toBe('sent to ada');
  const client = app.client();
  expect((await client.post('/sign-in')).status).toBe(201);
  await Promise.all([worker.close(), queue.close()]);
  await server.stop();
  expect((await client.get('/me')).status).toBe(503);
  await server.restart();
  await once(() => client.post('/sign-in'));
  expect(await (await client.get('/me')).json()).toMatchObject({ user: 'ada' });
});
