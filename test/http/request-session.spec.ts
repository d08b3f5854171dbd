import {
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  NotFoundException,
  Post,
  Req,
  Session as NestSession,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { visits: number; user: string };
type WithSession = { session?: Session<Data> | null };

/** Reads `request.session` and asks for nothing, as Passport does. */
@Injectable()
class ReadingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return typeof context.switchToHttp().getRequest<WithSession>().session?.regenerate === 'function';
  }
}

@Catch(NotFoundException)
class ReadingFilter implements ExceptionFilter {
  catch(_exception: NotFoundException, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const { session } = http.getRequest<WithSession>();
    const reply = http.getResponse<{ status(code: number): { send(body: unknown): void } }>();
    reply.status(404).send({ visits: session?.visits ?? null });
  }
}

@Controller()
class RequestController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @UseGuards(ReadingGuard)
  @Get('nest')
  nest(@NestSession() session: Session<Data>, @Req() request: WithSession): object {
    return { visits: session.visits, same: session === request.session };
  }

  @UseGuards(ReadingGuard)
  @Get('plain')
  plain(@Req() request: WithSession): object {
    return { visits: request.session?.visits };
  }

  @Post('login')
  login(@Req() request: WithSession): Promise<object> {
    return new Promise((resolve, reject) => {
      const before = request.session;
      before?.regenerate((error) => {
        if (error !== undefined) return reject(error);
        if (request.session) request.session.user = 'ada';
        resolve({ replaced: request.session !== before, current: request.session === this.sessions.opened(request) });
      });
    });
  }

  @Get('missing')
  missing(): never {
    throw new NotFoundException();
  }

  @Get('null')
  null(@Session() session: Session<Data>, @Req() request: WithSession): object {
    request.session = null;
    return { visits: session.visits };
  }

  @Get('pattern/:token')
  pattern(@Session() session: Session<Data>): never {
    session.user = (() => 1) as never;
    throw new NotFoundException();
  }
}

describe.each(platforms)('request.session, opened by middleware, on %s', (platform) => {
  let app: SessionApp;
  let client: Client;

  async function start(session: SessionModuleOptions = {}): Promise<void> {
    await app?.close();
    app = await SessionApp.start(platform, {
      session,
      controllers: [RequestController],
      setUp: (nest) => {
        const sessions = nest.get(SessionService);
        nest.use(async (request: object, _response: unknown, next: () => void) => {
          const opened = await sessions.open<Data>(request);
          opened.visits = (opened.visits ?? 0) + 1;
          next();
        });
        nest.useGlobalFilters(new ReadingFilter());
      },
    });
    client = app.client();
    await client.get('/plain');
  }

  beforeEach(() => start());

  afterEach(() => app.close());

  it("is there for guards, for handlers and for Nest's own @Session()", async () => {
    expect(await (await client.get('/nest')).json()).toEqual({ visits: 2, same: true });
    expect(await (await client.get('/plain')).json()).toEqual({ visits: 3 });
  });

  it('is there for filters', async () => {
    expect(await (await client.get('/missing')).json()).toEqual({ visits: 2 });
  });

  it('is the new object after a regenerate with a callback, and that is saved', async () => {
    const before = client.cookieHeader;
    expect(await (await client.post('/login')).json()).toEqual({ replaced: true, current: true });
    expect(client.cookieHeader).not.toBe(before);
    expect(await (await client.get('/nest')).json()).toEqual({ visits: 1, same: true });
  });

  it('set to null does not end the session, which is said once', async () => {
    expect((await client.get('/null')).status).toBe(200);
    await client.get('/null');
    expect(app.warnings.filter((line) => line.includes('call session.destroy()'))).toEqual([
      "GET /null sets request.session to null, which does not end the session: call session.destroy(); if another library uses request.session, write exposeAs: 'httpSession', or false, for this one.",
    ]);
    expect(await (await client.get('/plain')).json()).toEqual({ visits: 4 });
  });

  it('is named in the log by the pattern of its route, as a path may hold a secret', async () => {
    await client.get('/pattern/a-reset-token?email=ada');
    const [line = ''] = app.warnings.filter((warning) => warning.includes('could not be saved'));
    expect(line).toContain('GET /pattern/:token ');
    expect(app.warnings.join()).not.toContain('a-reset-token');
  });

  it('is not named by a path that no route matches', async () => {
    await app.close();
    app = await SessionApp.start(platform, {
      session: { cookie: { secure: true } },
      setUp: (nest) => {
        const sessions = nest.get(SessionService);
        nest.use(async (request: WithSession, _response: unknown, next: () => void) => {
          await sessions.open<Data>(request);
          request.session = null;
          next();
        });
      },
    });
    await app.client().get('/unknown/a-reset-token');
    expect(app.warnings.join()).toContain('GET (a path outside the routes) sets request.session to null');
    expect(app.warnings.join()).not.toContain('a-reset-token');
  });
});

@Controller()
class DeadController {
  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { ...session };
  }

  @Get('write')
  write(@Session() session: Session<Data>): void {
    session.visits = 1;
  }

  @Get('end')
  end(@Session() session: Session<Data>): void {
    void session.destroy();
  }
}

describe.each(platforms)('a cookie whose session is gone on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  async function start(session: SessionModuleOptions): Promise<void> {
    store = new SpyStore();
    app = await SessionApp.start(platform, { session: { store, ...session }, controllers: [DeadController] });
  }

  afterEach(() => app.close());

  const DEAD = 'd'.repeat(32);

  it('stays in the browser by default', async () => {
    await start({});
    const answer = await app.client().get('/read', { cookie: `session=${DEAD}` });
    expect([answer.status, answer.setCookie]).toEqual([200, []]);
  });

  it('is expired by a plain read where expireDeadCookies is on', async () => {
    await start({ expireDeadCookies: true });
    const answer = await app.client().get('/read', { cookie: `session=${DEAD}` });
    expect(answer.setCookie).toEqual([expect.stringMatching(/^session=; Max-Age=0;/)]);
    expect(store.taken()).toBe('read');
  });

  it('is left alone where another cookie of the name was not looked up', async () => {
    await start({ expireDeadCookies: true });
    const client = app.client();
    await client.get('/write');
    const dead = Array.from({ length: 4 }, (_, index) => `session=${'d'.repeat(31)}${index}`);
    const answer = await app.client().get('/read', { cookie: [...dead, client.cookieHeader].join('; ') });
    expect(answer.setCookie).toEqual([]);
  });

  it.each([
    ['with a signature that does not hold, which may be another application’s', { secret: 's'.repeat(32) }, DEAD],
    ['that cannot be an id', {}, 'short'],
    ['that is none', {}, undefined],
  ])('is left alone %s', async (_what, options, cookie) => {
    await start({ expireDeadCookies: true, ...options });
    const answer = await app.client().get('/read', cookie === undefined ? {} : { cookie: `session=${cookie}` });
    expect([answer.status, answer.setCookie]).toEqual([200, []]);
  });

  it('is left alone while a tombstone stands, and where the record cannot be read here', async () => {
    await start({ expireDeadCookies: true });
    const client = app.client();
    await client.get('/write');
    const cookie = client.cookieHeader;
    await client.get('/end');
    expect((await app.client().get('/read', { cookie })).setCookie).toEqual([]);
    await client.get('/write');
    const key = store.lastKey;
    await store.inner.set(key, 'no record', 60);
    expect((await client.get('/read')).setCookie).toEqual([]);
  });

  it('is expired by a destroy that is not awaited, in the head that inject() shows', async () => {
    await start({});
    if (platform === 'express') {
      const client = app.client();
      await client.get('/write');
      expect((await client.get('/end')).setCookie).toHaveLength(1);
      return;
    }
    const { inject } = app.app.getHttpAdapter().getInstance() as {
      inject: (options: object) => Promise<{ headers: Record<string, string | string[] | undefined> }>;
    };
    const injected = (url: string, cookie = ''): ReturnType<typeof inject> => inject({ url, headers: { cookie } });
    const [pair = ''] = String((await injected('/write')).headers['set-cookie']).split(';');
    const { headers } = await injected('/end', pair);
    expect(headers['set-cookie']).toMatch(/^session=; Max-Age=0;/);
  });
});
