import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { Client } from '../fixtures/client.js';
import { ConsumerProject, packProject, temporaryFolder, type RunningProgram } from '../fixtures/consumer-project.js';
import { deadLinksOf, localLinksOf } from '../fixtures/markdown-links.js';

const lib = fileURLToPath(new URL('../../lib/', import.meta.url));
const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

/** What the compiler has to make of sessions whose data the application declares. Nobody runs it. */
const DECLARED = `import { Session, type SessionData, type SessionService } from 'nest-session';

declare module 'nest-session' {
  interface SessionData {
    items: string[];
    user: string;
  }
}

/** What the compiler has to make of sessions whose data are declared. Nobody calls this. */
export class Declared {
  async own(@Session('user') user: string, session: Session, sessions: SessionService) {
    session.items ??= [];
    session.user = user;
    return { user: session.user satisfies SessionData['user'], opened: await sessions.open(session) };
  }

  // @ts-expect-error a user is no number
  other(@Session('user') user: number): number {
    return user;
  }

  // @ts-expect-error the data have no such key
  misspelt(@Session('usr') user: string, session: Session): string {
    // @ts-expect-error the data have no such key
    session.itmes = [];
    return user;
  }
}
`;

let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  tarball = await packProject(folder);
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('an ESM project on NestJS 12 and Express, without any driver', () => {
  let project: ConsumerProject;
  let program: RunningProgram | undefined;

  beforeAll(async () => {
    project = await ConsumerProject.install(join(folder, 'esm-nest-12'), tarball, {
      type: 'module',
      packages: [
        '@nestjs/common',
        '@nestjs/core',
        '@nestjs/platform-express',
        'reflect-metadata',
        'rxjs',
        '@types/node',
      ],
      versionsFrom: 'node_modules',
      compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext' },
      programs: ['express.main.ts', 'test-kit.main.ts'],
      sources: { 'declared.ts': DECLARED },
    });
  }, 120_000);

  afterEach(async () => {
    await program?.close();
    program = undefined;
  });

  it('gets the built library and its papers, and nothing else', async () => {
    const sources = (await readdir(lib, { recursive: true, encoding: 'utf8' })).filter((path) => path.endsWith('.ts'));
    const built = sources.flatMap((path) => {
      const stem = `dist/${path.replaceAll(sep, '/').slice(0, -'.ts'.length)}`;
      return [`${stem}.js`, `${stem}.d.ts`];
    });
    const installed = await project.files('node_modules/nest-session');
    const packed = installed.filter((path) => !path.startsWith('node_modules/'));
    const pages = (await readdir(docs, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => `docs/${relative(docs, join(entry.parentPath, entry.name)).replaceAll(sep, '/')}`);
    const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'];
    expect(packed).toEqual([...built, ...pages, ...papers].toSorted());
  });

  it('gets pages whose links and images all lead to a file and a heading that it gets too', async () => {
    const files = await project.files('node_modules/nest-session');
    const paths = files.filter((path) => path.endsWith('.md') && !path.startsWith('node_modules/'));
    const pages = new Map<string, string>();
    for (const path of paths) pages.set(path, await project.read(`node_modules/nest-session/${path}`));
    const images = ['docs/images/cost.svg', 'docs/images/your-devices-dark.png', 'docs/images/your-devices-light.png'];
    expect(localLinksOf(pages.get('README.md') ?? '')).toEqual(expect.arrayContaining(images));
    expect(deadLinksOf(pages, files)).toEqual([]);
  });

  it('has no driver', () => {
    expect(existsSync(join(project.folder, 'node_modules/ioredis'))).toBe(false);
    expect(existsSync(join(project.folder, 'node_modules/memcached'))).toBe(false);
  });

  it('compiles with module NodeNext', async () => {
    expect(await project.compile()).toEqual([]);
  });

  it('compiles against declarations that are sound without the drivers', () => {
    expect(project.declarationFaults('nest-session')).toEqual([]);
  });

  it('signs in, is known, signs out, and ends without a word of warning', async () => {
    program = project.start('express.main.js', { SESSION_STORE: 'memory' });
    await expectSessionsToWork(new Client(await program.port()), { isRedis: false, isMemcached: false });
    expect(await program.close()).toEqual({ exitCode: 0, errors: '' });
  });

  it('has a test kit that needs no test runner', async () => {
    program = project.start('test-kit.main.js', { SESSION_STORE: 'memory' });
    expect(await program.end()).toEqual({ exitCode: 0, errors: '' });
  });

  it('has a test kit that does not run in production', async () => {
    program = project.start('test-kit.main.js', { SESSION_STORE: 'memory', NODE_ENV: 'production' });
    const { exitCode, errors } = await program.end();
    expect(exitCode).toBe(1);
    expect(errors).toContain('fakeSession() is for tests');
  });

  it.each([
    ['redis', 'npm i ioredis'],
    ['memcached', 'npm i memcached'],
  ])('is told what to install when it asks for %s', async (store, remedy) => {
    program = project.start('express.main.js', { SESSION_STORE: store });
    const { exitCode, errors } = await program.end();
    expect(exitCode).toBe(1);
    expect(errors).toContain(remedy);
  });
});

describe('a CommonJS project on NestJS 11 and Fastify, with Redis', () => {
  let project: ConsumerProject;
  let program: RunningProgram | undefined;

  beforeAll(async () => {
    project = await ConsumerProject.install(join(folder, 'commonjs-nest-11'), tarball, {
      type: 'commonjs',
      packages: [
        '@nestjs/common',
        '@nestjs/core',
        '@nestjs/platform-fastify',
        'ioredis',
        'reflect-metadata',
        'rxjs',
        '@types/node',
      ],
      versionsFrom: 'test/nest-11/node_modules',
      compilerOptions: { module: 'CommonJS', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
      programs: ['fastify.main.ts', 'test-kit.main.ts'],
      sources: { 'declared.ts': DECLARED },
    });
  }, 120_000);

  afterEach(async () => {
    await program?.close();
    program = undefined;
  });

  it('compiles with module CommonJS and moduleResolution node10, subpaths included', async () => {
    expect(await project.compile()).toEqual([]);
  });

  it('compiles with module NodeNext', async () => {
    const flags = ['--module', 'NodeNext', '--moduleResolution', 'NodeNext', '--noEmit'];
    expect(await project.compile(...flags)).toEqual([]);
  });

  it('requires the library', async () => {
    const compiled = await project.read('dist/app.module.js');
    expect(compiled).toContain('require("nest-session")');
    expect(compiled).toContain('require("nest-session/stores/redis")');
    expect(compiled).toContain('require("nest-session/buses/redis")');
  });

  it('has a test kit that needs no test runner', async () => {
    program = project.start('test-kit.main.js', { SESSION_STORE: 'redis', REDIS_URL: inject('redisUrl') });
    expect(await program.end()).toEqual({ exitCode: 0, errors: '' });
  });

  it('signs in, is known, signs out, and ends without a word of warning', async () => {
    program = project.start('fastify.main.js', { SESSION_STORE: 'redis', REDIS_URL: inject('redisUrl') });
    await expectSessionsToWork(new Client(await program.port()), { isRedis: true, isMemcached: false });
    expect(await program.close()).toEqual({ exitCode: 0, errors: '' });
  });
});

async function expectSessionsToWork(client: Client, kind: object): Promise<void> {
  expect((await client.get('/me')).status).toBe(401);
  expect((await client.post('/cart')).cookie()).toMatch(/^session=[\w.-]+; /);
  const anonymous = client.cookieHeader;
  await client.post('/login');
  expect(client.cookieHeader).not.toBe(anonymous);
  expect(await (await client.get('/me')).json()).toEqual({ user: 'ada', items: ['teapot'] });
  await client.post('/logout');
  expect(client.jar.size).toBe(0);
  expect((await client.get('/me')).status).toBe(401);
  expect(await (await client.get('/store')).json()).toEqual({ ...kind, hasBus: true, seen: 'yes' });
}
