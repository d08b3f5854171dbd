import type { ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Controller, Get, Header, Res, UseGuards } from '@nestjs/common';
import express from 'express';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionGuard, SessionService } from '../../lib/index.js';
import { Client, type Answer } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SharedCache } from '../fixtures/shared-cache.js';

type Data = { user: string; visits: number };

@Controller()
class CachedController {
  @Header('Cache-Control', 'public, max-age=60, s-maxage=600')
  @Get('public')
  public(@Session() session: Session<Data>): object {
    session.user ??= 'whoever came first';
    return { user: session.user };
  }

  @Get('public-by-hand')
  publicByHand(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user ??= 'whoever came first';
    reply.header('Cache-Control', 'max-age=60').header('CDN-Cache-Control', 'max-age=600').send({});
  }

  /** Another value each time. */
  @Get('changing')
  changing(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user ??= 'a visitor';
    reply.header('Cache-Control', `max-age=${++CachedController.calls}`).send({});
  }

  static calls = 0;

  @Header('Cache-Control', 'private, max-age=60')
  @Get('private')
  private(@Session() session: Session<Data>): void {
    session.visits = (session.visits ?? 0) + 1;
  }

  @Header('Cache-Control', 'no-store')
  @Get('no-store')
  noStore(@Session() session: Session<Data>): void {
    session.visits = (session.visits ?? 0) + 1;
  }

  @Header('Cache-Control', 'public, max-age=60')
  @Get('late')
  late(@Session() session: Session<Data>): object {
    void session.regenerate();
    session.user = 'late';
    return {};
  }

  @Get('login')
  login(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  /** As `res.sendFile` answers. */
  @UseGuards(SessionGuard)
  @Get('guarded-file')
  guardedFile(@Res() reply: Reply): void {
    reply.header('Last-Modified', 'Thu, 29 Feb 2024 12:00:01 GMT').header('ETag', '"a-18df5"');
    reply.header('Accept-Ranges', 'bytes').header('Cache-Control', 'public, max-age=60').send('for ada');
  }

  @Header('Cache-Control', 'public, max-age=60')
  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }
}

describe.each(platforms)('a shared cache before the application on %s', (platform) => {
  let app: SessionApp;
  let cache: SharedCache;
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nest-session-files-'));
    writeFileSync(join(folder, 'secret.txt'), 'for those who are signed in');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    app = await SessionApp.start(platform, {
      controllers: [CachedController],
      setUp: (nest) => {
        const sessions = nest.get(SessionService);
        const files = express.static(folder, { maxAge: 60_000 });
        nest.use('/files', async (request: object, response: never, next: () => void) => {
          const session = await sessions.open<Data>(request);
          if (session.user === undefined)
            return void (response as { end(text: string): unknown }).end('nothing to see');
          files(request as never, response, next);
        });
      },
    });
    cache = await SharedCache.start(app.port);
  });

  afterEach(async () => {
    await cache.close();
    await app.close();
  });

  const visitor = (): Client => new Client(cache.port);
  const cacheControl = (answer: Answer): string | undefined => answer.header('cache-control');

  it.each(['public', 'public-by-hand', 'late'])("hands no visitor another's cookie: %s", async (route) => {
    const first = await visitor().get(`/${route}`);
    const second = await visitor().get(`/${route}`);
    expect([first.setCookie.length, second.setCookie.length]).toEqual([1, 1]);
    expect(second.cookie()).not.toBe(first.cookie());
    expect([cacheControl(first), first.header('cdn-cache-control'), cache.hits]).toEqual(['no-store', undefined, 0]);
  });

  it('is kept from the cookie though middleware sets the header just as the head is formed', async () => {
    await app.close();
    app = await SessionApp.start(platform, {
      controllers: [CachedController],
      setUp: (nest) =>
        void nest.use(
          (_request: unknown, response: { writeHead: (...args: unknown[]) => unknown }, next: () => void) => {
            const { writeHead } = response;
            response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
              this.setHeader('Cache-Control', 'public, s-maxage=60');
              return writeHead.apply(this, args);
            };
            next();
          },
        ),
    });
    const answer = await app.client().get('/public');
    expect([answer.setCookie.length, cacheControl(answer)]).toEqual([1, 'no-store']);
    expect(await answer.json()).toEqual({ user: 'whoever came first' });
  });

  it('is told of once a route, by its pattern', async () => {
    await app.client().get('/public?token=1');
    await app.client().get('/public?token=2');
    await app.client().get('/changing');
    await app.client().get('/changing');
    expect(app.warnings).toEqual([
      "GET /public sets the session cookie under a Cache-Control with which a shared cache would hand the cookie to others: sent 'no-store' instead. Write 'private' or 'no-store' there, or leave the session alone.",
      expect.stringMatching(/^GET \/changing sets/),
    ]);
  });

  it.each([
    ['private', 'private, max-age=60'],
    ['no-store', 'no-store'],
  ])("leaves the route's own %s as it is", async (route, value) => {
    const answer = await visitor().get(`/${route}`);
    expect([answer.setCookie.length, cacheControl(answer)]).toEqual([1, value]);
    expect(app.warnings).toEqual([]);
  });

  it('leaves an answer without the cookie to the cache, one for each cookie', async () => {
    const ada = visitor();
    await ada.get('/login');
    expect(await (await ada.get('/read')).json()).toEqual({ user: 'ada' });
    expect(await (await visitor().get('/read')).json()).toEqual({ user: null });
    expect(await (await ada.get('/read')).json()).toEqual({ user: 'ada' });
    expect(cache.hits).toBe(1);
  });

  it('hands a file that needs a session to nobody else', async () => {
    const ada = visitor();
    await ada.get('/login');
    const file = await ada.get('/files/secret.txt');
    expect([file.status, cacheControl(file)]).toEqual([200, 'public, max-age=60']);
    expect(file.header('vary')).toContain('Cookie');
    expect(await (await visitor().get('/files/secret.txt')).text()).toBe('nothing to see');
    const guarded = await ada.get('/guarded-file');
    expect([await guarded.text(), guarded.header('vary')]).toEqual(['for ada', 'Cookie']);
    expect((await visitor().get('/guarded-file')).status).toBe(401);
  });
});
