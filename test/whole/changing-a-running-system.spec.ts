import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Module, type INestApplication, type Type } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { SessionModule } from '../../lib/index.js';
import { Chapter } from '../fixtures/chapter.js';
import type { ChildServer } from '../fixtures/child-server.mjs';
import { Client } from '../fixtures/client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';
import { startPostgres } from '../fixtures/postgres-server.mjs';
import { startRedis } from '../fixtures/servers.mjs';

const ada = { user: 'ada' };

let chapter: Chapter;
let redis: ChildServer;
let postgres: ChildServer;
let folder: string;
const apps: INestApplication[] = [];

beforeAll(async () => {
  chapter = new Chapter('changing-a-running-system');
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  folder = mkdtempSync(join(tmpdir(), 'nest-session-changes-'));
  vi.stubEnv('REDIS_URL', `redis://127.0.0.1:${redis.port}`);
  vi.stubEnv('DATABASE_URL', `postgres://postgres@127.0.0.1:${postgres.port}/postgres`);
  vi.stubEnv('SNAPSHOT', join(folder, 'sessions'));
}, 120_000);

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([redis?.stop(), postgres?.stop()]);
  rmSync(folder, { recursive: true });
});

async function start(platform: Platform, file: string, name: string): Promise<INestApplication> {
  const { [name]: module } = await chapter.load<Record<string, Type>>(file);
  const app = await createOn(platform, module as Type, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  apps.push(app);
  return app;
}

/** The browser of that jar at an application. */
function at(app: INestApplication, jar: Map<string, string>): Client {
  return new Client((app.getHttpServer().address() as AddressInfo).port, jar);
}

async function me(app: INestApplication, jar: Map<string, string>): Promise<unknown> {
  return (await at(app, jar).get('/me')).json();
}

describe.each(platforms)('the programs of docs/changing-a-running-system.md on %s', (platform) => {
  it('take a browser from memory to PostgreSQL, and from there to Redis in a rolling deploy, signed in', async () => {
    const jar = new Map<string, string>();
    const inMemory = await start(platform, 'in-memory.module.js', 'InMemoryModule');
    await at(inMemory, jar).post('/login');
    await inMemory.close();
    const again = await start(platform, 'in-memory.module.js', 'InMemoryModule');
    expect(await me(again, jar)).toEqual(ada);
    await again.close();
    const inPostgres = await start(platform, 'to-postgres.module.js', 'ToPostgresModule');
    expect(await me(inPostgres, jar)).toEqual(ada);
    const first = await start(platform, 'to-redis-first.module.js', 'ToRedisFirstModule');
    expect([await me(first, jar), await me(inPostgres, jar)]).toEqual([ada, ada]);
    const next = await start(platform, 'to-redis.module.js', 'ToRedisModule');
    for (const app of [next, first, next, first]) expect(await me(app, jar)).toEqual(ada);
    const renamed = await start(platform, 'new-prefix.module.js', 'NewPrefixModule');
    expect(await me(renamed, jar)).toEqual(ada);
  });

  it('sign a cookie that had no signature, and take the signature away again', async () => {
    const jar = new Map<string, string>();
    await at(await start(platform, 'to-redis.module.js', 'ToRedisModule'), jar).post('/login');
    const id = jar.get('session') ?? '';
    const signing = await start(platform, 'begin-to-sign.module.js', 'BeginToSignModule');
    expect(await me(signing, jar)).toEqual(ada);
    expect(jar.get('session')).toMatch(new RegExp(`^${id}\\.`));
    const { UnsignedSigner } = await chapter.load<{ UnsignedSigner: new (secret: string) => never }>(
      'unsigned.signer.js',
    );
    const { AccountController } = await chapter.load<Record<string, Type>>('account.controller.js');
    class UnsignedModule {}
    const options = { store: 'redis', redis: { url: process.env.REDIS_URL } } as const;
    const signer = new UnsignedSigner('change me to 32 random characters');
    Module({
      imports: [SessionModule.forRoot({ ...options, signer })],
      controllers: [AccountController as Type],
    })(UnsignedModule);
    const app = await createOn(platform, UnsignedModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    apps.push(app);
    expect(await me(app, jar)).toEqual(ada);
    expect(jar.get('session')).toBe(id);
  });
});
