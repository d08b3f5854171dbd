import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';

import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { Client } from '../fixtures/client.js';
import { MemoryStore, SESSION_STORE, SessionModule } from '../../lib/index.js';
import { signIn } from '../../lib/testing/index.js';
import { launchChromium } from '../fixtures/chromium.js';
import { eventually } from '../fixtures/eventually.js';
import { snippetsOf, stepsOf, withoutChance, type Snippet, type Step } from '../fixtures/markdown-snippets.js';
import { startPostgres } from '../fixtures/postgres-server.mjs';
import { SampleServer } from '../fixtures/sample-server.js';
import { startRedis } from '../fixtures/servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Below the package, so that 'nest-session' is found as its users find it: through `exports`, in dist.
const folder = join(root, '.build', 'docs');
const pages = [
  'concurrency',
  'writing-a-store',
  'sharing-with-python',
  'migrating-from-express-session',
  'several-sessions',
  'testing',
  'security',
];
const snippets = [join(root, 'README.md'), ...pages.map((page) => join(root, 'docs', `${page}.md`))].flatMap(
  snippetsOf,
);
const samples = readdirSync(join(root, 'sample')).map((name) => join('sample', name));
const quickStart = join(root, 'sample', '01-quick-start');

function transcribed(page: readonly Snippet[]): Step[] {
  return page.filter(({ name }) => name === 'transcript').flatMap(({ text }) => stepsOf(text));
}

/** Runs each command with the words replaced that are others here, and expects the output of the page. */
async function replay(steps: readonly Step[], replacements: Readonly<Record<string, string>>): Promise<void> {
  const jarFolder = mkdtempSync(join(tmpdir(), 'nest-session-docs-'));
  for (const { command, output } of steps) {
    const here = Object.entries(replacements).reduce((text, [old, ours]) => text.replaceAll(old, ours), command);
    const { stdout } = await promisify(execFile)('bash', ['-c', here], { cwd: jarFolder });
    expect(`$ ${command}\n${withoutChance(stdout)}`).toBe(`$ ${command}\n${withoutChance(output)}`);
  }
  rmSync(jarFolder, { recursive: true });
}

/** The folder of a program that declares what its sessions hold. */
function declaringFolder(name: string): string {
  return join(folder, 'declaring', basename(name, '.ts'));
}

/** The exports of a snippet, compiled. */
function load(name: string, place = folder): Promise<Record<string, never>> {
  return import(/* @vite-ignore */ pathToFileURL(join(place, 'dist', name)).href) as Promise<Record<string, never>>;
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const declaring: string[] = [];
  for (const { name, text } of snippets) {
    if (!name.includes('.')) continue;
    // What one page declares about all sessions does not hold for the programs of the others.
    const isDeclaring = text.includes("declare module 'nest-session'");
    const place = isDeclaring ? declaringFolder(name) : folder;
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, name), text);
    if (isDeclaring) declaring.push(place);
  }
  const ownConfig = {
    extends: '../../tsconfig.json',
    compilerOptions: { rootDir: '.', outDir: 'dist' },
    include: ['*.ts'],
  };
  for (const place of declaring) writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(ownConfig));
  for (const project of [folder, ...declaring]) {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
      encoding: 'utf8',
    });
  }
}, 60_000);

it('gives every code block of the pages a name, so that it is run here', () => {
  const nameless = snippets.filter(({ language, name }) => language !== 'console' && name === '');
  expect(nameless).toEqual([]);
  expect(transcribed(snippets).length).toBeGreaterThan(0);
});

it('names only files that are there', () => {
  const documents = ['', 'docs', ...samples].flatMap((place) =>
    readdirSync(join(root, place))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(place, name)),
  );
  const missing = documents.flatMap((document) => {
    const text = readFileSync(join(root, document), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) =>
      join(dirname(document), link),
    );
    const paths = [...text.matchAll(/`((?:bench|docs|lib|sample|test)\/[\w./-]*)`/g)].map(([, path = '']) => path);
    return [...links, ...paths].filter((path) => !existsSync(join(root, path))).map((path) => `${document}: ${path}`);
  });
  expect(missing).toEqual([]);
});

describe('the whole program', () => {
  let redis: ChildServer;
  let program: ChildProcess;
  let port: number;

  beforeAll(async () => {
    redis = await startRedis();
    port = await freePort();
    program = spawn(process.execPath, [join(declaringFolder('main.ts'), 'dist', 'main.js')], {
      env: { ...process.env, PORT: String(port), SESSION_STORE: 'redis', REDIS_URL: `redis://127.0.0.1:${redis.port}` },
      stdio: 'inherit',
    });
    await eventually(async () => program.exitCode === null && fetch(`http://127.0.0.1:${port}/cached`));
    expect(program.exitCode).toBeNull();
  });

  afterAll(async () => {
    if (program.exitCode === null && program.signalCode === null) {
      program.kill();
      await once(program, 'exit');
    }
    await redis.stop();
  });

  it('answers as the transcripts in the README say', async () => {
    await replay(transcribed(snippets), {
      'localhost:3000': `127.0.0.1:${port}`,
      'redis-cli': `redis-cli -p ${redis.port}`,
    });
  });
});

describe('the quick start sample', () => {
  let sample: SampleServer;

  beforeAll(async () => {
    sample = await SampleServer.start('start:quick-start', {});
  }, 120_000);

  afterAll(() => sample?.close());

  it('answers as the transcript in its README says', async () => {
    const steps = transcribed(snippetsOf(join(quickStart, 'README.md')));
    expect(steps.length).toBeGreaterThan(0);
    await replay(steps, { 'localhost:3000': `127.0.0.1:${sample.port}` });
  });

  it('has about forty lines of TypeScript, as its README says', () => {
    const programs = readdirSync(quickStart).filter((name) => name.endsWith('.ts'));
    const lines = programs.flatMap((name) => readFileSync(join(quickStart, name), 'utf8').split('\n'));
    expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(45);
  });
});

it.each([
  ['own-client.module.js', 'OwnClientModule'],
  ['pinned.module.js', 'PinnedModule'],
  ['pg-store.module.js', 'PgStoreModule'],
  ['shared.module.js', 'SharedModule'],
  ['migrated.module.js', 'MigratedModule'],
])('%s boots', async (file, name) => {
  vi.stubEnv('REDIS_URL', inject('redisUrl'));
  const exports = await load(file);
  const app = await NestFactory.create(exports[name] as never, { logger: false, abortOnError: false });
  await app.init();
  await app.close();
  (exports as { redis?: { disconnect(): void } }).redis?.disconnect();
  vi.unstubAllEnvs();
});

it('counts visits in middleware as the page does', async () => {
  const { VisitsMiddleware } = (await load('visits.middleware.js')) as unknown as {
    VisitsMiddleware: new (sessions: object) => {
      use(request: object, response: object, next: () => void): Promise<void>;
    };
  };
  const session: { visits?: number } = {};
  const middleware = new VisitsMiddleware({ open: () => Promise.resolve(session) });
  let passed = 0;
  await middleware.use({}, {}, () => passed++);
  await middleware.use({}, {}, () => passed++);
  expect([session.visits, passed]).toEqual([2, 2]);
});

it('refuses requests of other sites as the page on security does', async () => {
  const { protectedApp } = (await load('protected-app.js')) as unknown as { protectedApp(): Promise<INestApplication> };
  const app = await protectedApp();
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  const client = new Client((app.getHttpServer().address() as AddressInfo).port);
  const from = (origin: string): object => ({ headers: { 'sec-fetch-site': 'cross-site', origin } });
  expect((await client.post('/', from('https://evil.example'))).status).toBe(403);
  expect((await client.post('/', from('https://checkout.example'))).status).toBe(404);
});

it('counts likes with update as the page does', async () => {
  const { LikesController } = (await load('likes.controller.js')) as unknown as {
    LikesController: new () => { like(session: object): Promise<number> };
  };
  const data: { likes?: number } = {};
  const session = { update: async (fn: (data: object) => number) => fn(data) };
  expect([await new LikesController().like(session), await new LikesController().like(session)]).toEqual([1, 2]);
});

it('sends a second click on as the page does', async () => {
  const { EndedSessionFilter } = (await load('ended-session.filter.js')) as unknown as {
    EndedSessionFilter: new () => { catch(error: Error, host: object): void };
  };
  const redirects: string[] = [];
  const response = { redirect: (url: string) => redirects.push(url) };
  new EndedSessionFilter().catch(new Error('The session ended.'), {
    switchToHttp: () => ({ getResponse: () => response }),
  });
  expect(redirects).toEqual(['/']);
});

it('lists the sessions of a user and ends the others as the page does', async () => {
  const { DevicesController } = await load('devices.controller.js');
  const module = SessionModule.forRoot({ user: ({ user }) => (user as { name: string } | undefined)?.name });
  const testing = await Test.createTestingModule({
    imports: [module],
    controllers: [DevicesController as never],
  }).compile();
  const app = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const client = new Client((app.getHttpServer().address() as AddressInfo).port);
  expect((await client.get('/devices')).status).toBe(401);
  await signIn(app, { user: { name: 'ada' } });
  const cookie = await signIn(app, { user: { name: 'ada' } });
  const list = async (): Promise<unknown> => (await client.get('/devices', { cookie })).json();
  expect(await list()).toMatchObject([{ isCurrent: true }, { isCurrent: false }]);
  expect(await (await client.send('DELETE', '/devices', { cookie })).json()).toEqual({ ended: 1 });
  expect(await list()).toMatchObject([{ isCurrent: true }]);
});

it('makes the testing application without a socket', async () => {
  const { testingApp } = (await load('testing-app.js')) as unknown as {
    testingApp(): Promise<{ init(): Promise<unknown>; close(): Promise<void> }>;
  };
  const app = await testingApp();
  await app.init();
  await app.close();
});

describe('the chapter on several kinds of session', () => {
  const applications: INestApplication[] = [];

  afterAll(async () => {
    for (const app of applications) await app.close();
  });

  async function listening(file: string, name: string, place?: string): Promise<Client> {
    const app = await NestFactory.create((await load(file, place))[name] as never, {
      logger: false,
      abortOnError: false,
    });
    applications.push(app);
    await app.listen(0, '127.0.0.1');
    return new Client((app.getHttpServer().address() as AddressInfo).port);
  }

  it('keeps customers and administrators apart, whatever the cookie is called', async () => {
    const client = await listening('two-kinds.module.js', 'TwoKindsModule');
    await client.post('/shop/login');
    const shop = client.cookieHeader;
    expect(await (await client.get('/shop/me')).json()).toEqual({ user: 'ada' });
    const renamed = shop.replace('session=', 'admin-session=');
    expect((await client.get('/admin/me', { cookie: renamed })).status).toBe(401);
    const [line] = (await client.post('/admin/login')).setCookie;
    expect(line).toMatch(/^admin-session=.*; Path=\/admin;.*SameSite=Strict/);
    const admin = line?.split(';')[0] ?? '';
    expect(await (await client.get('/admin/me', { cookie: admin })).json()).toEqual({ user: 'grace' });
  });

  it('lists the sessions of the staff, and lets no customer in there', async () => {
    const client = await listening('staff.module.js', 'StaffModule', declaringFolder('staff.module.ts'));
    expect([(await client.get('/shop/me')).status, (await client.get('/admin/devices')).status]).toEqual([401, 401]);
    expect((await client.post('/shop/login')).status).toBe(201);
    expect([(await client.get('/shop/me')).status, (await client.get('/admin/devices')).status]).toEqual([200, 401]);
    const [line] = (await client.post('/admin/login')).setCookie;
    const cookie = line?.split(';')[0] ?? '';
    expect(await (await client.get('/admin/devices', { cookie })).json()).toMatchObject([{ isCurrent: true }]);
    expect((await client.get('/shop/me', { cookie })).status).toBe(401);
  });

  it('opens the cookie of one tenant at no other', async () => {
    const client = await listening('tenants.module.js', 'TenantsModule');
    const visit = async (host: string, cookie?: string): Promise<unknown> =>
      (await client.get('/visit', { headers: { host }, ...(cookie && { cookie }) })).json();
    expect(await visit('north.example')).toEqual({ visits: 1 });
    const cookie = client.cookieHeader;
    expect(await visit('north.example', cookie)).toEqual({ visits: 2 });
    expect(await visit('south.example', cookie)).toEqual({ visits: 1 });
  });
});

it('passes the conformance suite with the example store, under node:test', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.stop());
  const spec = join(folder, 'dist', 'pg.store.spec.js');
  const { stdout: output } = await promisify(execFile)(process.execPath, ['--test', spec], {
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: `postgres://postgres@${postgres.address}/postgres` },
  });
  expect(output).toMatch(/^# pass [1-9]/m);
  expect(output).toMatch(/^# fail 0$/m);
});

it('passes the tests of the chapter on testing, under Vitest', async () => {
  const files = ['account.controller', 'account.http', 'account.inject', 'admin.guard', 'devices', 'stale-sign-in'].map(
    (name) => `${name}.spec.js`,
  );
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  // Without one, Vitest takes that of this project.
  const config = join(folder, 'vitest.config.mjs');
  writeFileSync(config, 'export default {};');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [vitest, 'run', ...files, '--config', config, '--root', join(folder, 'dist'), '--reporter', 'json'],
    { env: { PATH: process.env['PATH'] } },
  );
  const { testResults } = JSON.parse(stdout) as { testResults: { name: string; status: string }[] };
  const passed = testResults.filter(({ status }) => status === 'passed').map(({ name }) => basename(name));
  expect(passed.toSorted()).toEqual(files);
});

it('declares the data of sessions as the chapter on testing does', async () => {
  const { count } = await load('session-data.js', declaringFolder('session-data.ts'));
  expect(count).toBe(1);
});

it('opens a page as a signed-in user as the chapter on testing does', async () => {
  const { AccountModule } = await load('account.controller.js');
  const { signedInPage } = (await load('signed-in-page.js')) as unknown as {
    signedInPage(browser: Browser, app: object, url: string): Promise<Page>;
  };
  const testing = await Test.createTestingModule({ imports: [AccountModule as never] })
    .overrideProvider(SESSION_STORE)
    .useValue(new MemoryStore())
    .compile();
  const app = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const page = await signedInPage(browser, app, await app.getUrl());
  await page.goto('/me');
  expect(JSON.parse(await page.innerText('body'))).toEqual({ user: { name: 'ada' } });
});
