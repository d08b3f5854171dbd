import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  Controller,
  Get,
  Header,
  Post,
  Res,
  StreamableFile,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import compression from 'compression';
import express from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Session, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms, smokeAndRest, type Platform } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface Data {
  user: string;
  visits: number;
}

type Next = (error?: unknown) => void;
type Registering = INestApplication & { register(plugin: unknown, options: object): Promise<void> };

const DIRECTORY = mkdtempSync(join(tmpdir(), 'nest-session-static-'));
const TEXT = 'A page of plain text.\n'.repeat(200);

writeFileSync(join(DIRECTORY, 'page.txt'), TEXT);
writeFileSync(join(DIRECTORY, 'index.html'), '<title>index</title>');
afterAll(() => rmSync(DIRECTORY, { recursive: true, force: true }));

@Controller()
class FilesController {
  @Get('start')
  start(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { user: session.user ?? null, visits: session.visits ?? 0 };
  }

  @Get('sent')
  sent(@Res() reply: Reply): void {
    reply.sendFile('page.txt', reply.raw === undefined ? { root: DIRECTORY } : undefined);
  }

  @Get('sent-with-session')
  sentWithSession(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    this.sent(reply);
  }

  @Header('Last-Modified', 'Mon, 01 Jan 2024 00:00:00 GMT')
  @Header('Accept-Ranges', 'bytes')
  @Header('ETag', '"1f4-18cc2514800"')
  @Get('streamable')
  streamable(): StreamableFile {
    return new StreamableFile(createReadStream(join(DIRECTORY, 'page.txt')));
  }

  @Header('Last-Modified', 'Mon, 01 Jan 2024 00:00:00 GMT')
  @Get('dated')
  dated(): object {
    return { since: 2024 };
  }

  @Header('ETag', '"a1b2c3"')
  @Get('tagged')
  tagged(@Res() reply: Reply): void {
    reply.send('tagged');
  }

  @Header('Last-Modified', 'Mon, 01 Jan 2024 00:00:00 GMT')
  @Header('Accept-Ranges', 'bytes')
  @Post('posted')
  posted(@Res() reply: Reply): void {
    reply.send('posted');
  }
}

/** A way in which files are served. */
interface Way {
  readonly name: string;
  readonly path: string;
  readonly setUp?: (app: INestApplication) => void | Promise<void>;
  readonly imports?: () => Promise<DynamicModule[]>;
}

const onExpress = smokeAndRest<Way>(
  [
    { name: 'express.static', path: '/page.txt', setUp: (app) => void app.use(express.static(DIRECTORY)) },
    { name: 'res.sendFile', path: '/sent' },
  ],
  [
    {
      name: 'express.static under a path',
      path: '/files/page.txt',
      setUp: (app) => void app.use('/files', express.static(DIRECTORY)),
    },
    {
      name: 'express.static without entity tags',
      path: '/page.txt',
      setUp: (app) => void app.use(express.static(DIRECTORY, { etag: false })),
    },
    {
      name: 'express.static without ranges',
      path: '/page.txt',
      setUp: (app) => void app.use(express.static(DIRECTORY, { acceptRanges: false })),
    },
    {
      name: 'express.static without modification times',
      path: '/page.txt',
      setUp: (app) => void app.use(express.static(DIRECTORY, { lastModified: false })),
    },
    {
      name: 'express.static behind a compressor',
      path: '/page.txt',
      setUp: (app) => void app.use(compression()).use(express.static(DIRECTORY)),
    },
    { name: 'an index page of express.static', path: '/', setUp: (app) => void app.use(express.static(DIRECTORY)) },
  ],
);

const withFastifyStatic =
  (options: object) =>
  async (app: INestApplication): Promise<void> => {
    const { default: plugin } = await import('@fastify/static');
    await (app as Registering).register(plugin, { root: DIRECTORY, ...options });
  };

const onFastify = smokeAndRest<Way>(
  [
    { name: '@fastify/static', path: '/files/page.txt', setUp: withFastifyStatic({ prefix: '/files/' }) },
    { name: 'reply.sendFile', path: '/sent', setUp: withFastifyStatic({ serve: false }) },
  ],
  [
    {
      name: '@fastify/static without entity tags',
      path: '/files/page.txt',
      setUp: withFastifyStatic({ prefix: '/files/', etag: false }),
    },
    {
      name: '@fastify/static without ranges',
      path: '/files/page.txt',
      setUp: withFastifyStatic({ prefix: '/files/', acceptRanges: false }),
    },
    {
      name: '@fastify/static without modification times',
      path: '/files/page.txt',
      setUp: withFastifyStatic({ prefix: '/files/', lastModified: false }),
    },
    {
      name: '@fastify/static behind a compressor',
      path: '/files/page.txt',
      setUp: async (app) => {
        const { default: compress } = await import('@fastify/compress');
        await (app as Registering).register(compress, {});
        await withFastifyStatic({ prefix: '/files/' })(app);
      },
    },
    { name: 'an index page of @fastify/static', path: '/files/', setUp: withFastifyStatic({ prefix: '/files/' }) },
  ],
);

// @nestjs/serve-static is for NestJS 12 here; what it does on 11 is express.static and @fastify/static.
const serveStatic = smokeAndRest(
  [],
  ['', '/files'].map((serveRoot): Way => ({
    name: `ServeStaticModule${serveRoot && ' under a path'}`,
    path: `${serveRoot}/page.txt`,
    imports: async () => {
      const { ServeStaticModule } = await import('@nestjs/serve-static');
      return [ServeStaticModule.forRoot({ rootPath: DIRECTORY, ...(serveRoot && { serveRoot }) })];
    },
  })),
);

const waysOn = (platform: Platform): readonly Way[] => [
  ...(platform === 'express' ? onExpress : onFastify),
  ...serveStatic,
];

/** How a browser may ask for a file, and what it gets. */
const ASKING = [
  { what: 'a whole file', method: 'GET', headers: async () => ({}), status: 200 },
  { what: 'HEAD', method: 'HEAD', headers: async () => ({}), status: 200 },
  {
    what: '304, for what it has already',
    method: 'GET',
    headers: async (client: Client, path: string) => {
      const { message } = await client.get(path);
      message.resume();
      const { etag, 'last-modified': modified = '' } = message.headers;
      return etag === undefined ? { 'If-Modified-Since': modified } : { 'If-None-Match': etag };
    },
    status: 304,
  },
  { what: '206, for a range', method: 'GET', headers: async () => ({ Range: 'bytes=2-5' }), status: 206 },
];

interface Opening {
  /** Whether middleware opens the session of every request, and counts visits in it. */
  readonly counting?: boolean;
  readonly session?: SessionModuleOptions;
}

async function start(platform: Platform, way: Way, { counting = true, session = {} }: Opening): Promise<SessionApp> {
  return SessionApp.start(platform, {
    session,
    controllers: [FilesController],
    imports: (await way.imports?.()) ?? [],
    setUp: async (app) => {
      if (counting) countVisits(app);
      await way.setUp?.(app);
    },
  });
}

function countVisits(app: INestApplication): void {
  const sessions = app.get(SessionService);
  app.use((request: IncomingMessage, _response: ServerResponse, next: Next) => {
    sessions.open<Data>(request).then((session) => {
      if (!/^\/(?:read|start)/.test(request.url ?? '')) session.visits = (session.visits ?? 0) + 1;
      next();
    }, next);
  });
}

describe.each(platforms)('on %s', (platform) => {
  describe.each(waysOn(platform))('$name', (way) => {
    const store = new SpyStore();
    let app: SessionApp;

    beforeAll(async () => {
      app = await start(platform, way, { session: { store } });
    });

    afterEach(() => {
      store.delay = 0;
      store.taken();
    });

    afterAll(() => app.close());

    describe.each(ASKING.filter(({ status }) => status !== 206 || !way.name.includes('without ranges')))(
      'answers $what',
      ({ method, headers, status }) => {
        it('and starts no session', async () => {
          const client = app.client();
          const answer = await client.send(method, way.path, { headers: await headers(client, way.path) });
          expect([answer.status, answer.setCookie]).toEqual([status, []]);
          expect(answer.header('cache-control')).not.toBe('no-store');
          expect(answer.header('vary')).toContain('Cookie');
          if (status === 200 && method === 'GET' && !way.path.endsWith('/')) expect(await answer.text()).toBe(TEXT);
          expect(store.taken()).toBe('');
        });

        it('and saves changes to an existing session without a cookie, before the head', async () => {
          const client = app.client();
          await client.get('/start');
          const given = await headers(client, way.path);
          const before = await (await client.get('/read')).json<Data>();
          store.taken();
          store.delay = 30;
          const answer = await client.send(method, way.path, { headers: given });
          expect([answer.status, answer.setCookie]).toEqual([status, []]);
          expect(store.taken()).toBe('read replace');
          expect(await (await client.get('/read')).json()).toEqual({ user: 'ada', visits: before.visits + 1 });
        });
      },
    );

    it('says once why no session was started', async () => {
      for (let round = 0; round < 3; round++) await (await app.client().get(way.path)).bytes();
      expect(app.warnings).toEqual([expect.stringContaining('staticFiles: true')]);
    });
  });

  describe.each(waysOn(platform))('$name', (way) => {
    it.each(ASKING.filter(({ status }) => status !== 206 || !way.name.includes('without ranges')))(
      'carries the session with staticFiles: true ($what)',
      async ({ method, headers, status }) => {
        const store = new SpyStore();
        const app = await start(platform, way, { session: { store, staticFiles: true } });
        const given = await headers(app.client(), way.path);
        store.taken();
        const client = app.client();
        const answer = await client.send(method, way.path, { headers: given });
        expect([answer.status, answer.cookie()]).toEqual([status, expect.stringContaining('session=')]);
        expect(store.taken()).toBe('create');
        expect(answer.header('vary')).toContain('Cookie');
        expect(await (await client.get('/read')).json()).toEqual({ user: null, visits: 1 });
        await app.close();
      },
    );

    it('costs no store call when nobody asks for the session', async () => {
      const store = new SpyStore();
      const app = await start(platform, way, { counting: false, session: { store } });
      const client = app.client();
      await client.get('/start');
      store.taken();
      const answer = await client.get(way.path);
      expect([answer.status, answer.setCookie, answer.header('vary')?.includes('Cookie') ?? false]).toEqual([
        200,
        [],
        false,
      ]);
      expect(store.taken()).toBe('');
      await app.close();
    });
  });

  describe('a file', () => {
    const way = waysOn(platform).find(({ path }) => path === '/sent') as Way;

    it('is one too when the handler takes the session itself', async () => {
      const store = new SpyStore();
      const app = await start(platform, way, { counting: false, session: { store } });
      const answer = await app.client().get('/sent-with-session');
      expect([answer.status, answer.setCookie, await answer.text()]).toEqual([200, [], TEXT]);
      expect(store.taken()).toBe('');
      await app.close();
    });

    it('does not renew a session, which the next ordinary answer does', async () => {
      const store = new SpyStore();
      const app = await start(platform, way, { counting: false, session: { store } });
      const client = app.client();
      await client.get('/start');
      store.taken();
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5 * 86_400_000 });
      try {
        expect((await client.get('/sent-with-session')).setCookie).toEqual([]);
        expect(store.taken()).toBe('read');
        expect((await client.get('/read')).cookie()).toContain('session=');
        expect(store.taken()).toBe('read replace');
      } finally {
        vi.useRealTimers();
      }
      await app.close();
    });
  });

  describe('no static file, and so an ordinary answer that starts a session', () => {
    const [way] = waysOn(platform) as [Way];
    let app: SessionApp;
    const store = new SpyStore();

    beforeAll(async () => {
      app = await start(platform, way, { session: { store } });
    });

    afterEach(() => void store.taken());
    afterAll(() => app.close());

    it.each([
      ['a StreamableFile that a handler returns, even with the headers of a file', 'GET', '/streamable', 200],
      ['a value with a modification time', 'GET', '/dated', 200],
      ['an answer with an entity tag', 'GET', '/tagged', 200],
      ['an answer to POST, even with the headers of a file', 'POST', '/posted', 201],
      ['a file that is not there', 'GET', way.path.replace('page.txt', 'none.txt'), 404],
    ])('is %s', async (_name, method, path, status) => {
      const client = app.client();
      const answer = await client.send(method, path);
      expect([answer.status, answer.cookie()]).toEqual([status, expect.stringContaining('session=')]);
      expect(store.taken()).toBe('create');
      expect(await (await client.get('/read')).json()).toEqual({ user: null, visits: 1 });
    });
  });
});
