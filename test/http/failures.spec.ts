import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';

import {
  Catch,
  Controller,
  Get,
  Inject,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  Session,
  SESSION_STORE,
  SessionConflictError,
  SessionError,
  SessionService,
  SessionStoreError,
  type SessionModuleOptions,
  type SessionStore,
} from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { n: number; value: unknown; user: string };

@Controller()
class FailingController {
  constructor(@Inject(SESSION_STORE) private readonly store: SessionStore) {}

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { n: session.n ?? null };
  }

  @Get('write')
  write(@Session() session: Session<Data>): string {
    session.n = (session.n ?? 0) + 1;
    return 'written';
  }

  @Get('write-and-throw')
  writeAndThrow(@Session() session: Session<Data>): never {
    session.n = 1;
    throw new Error('of the handler');
  }

  @Get('write-by-hand')
  writeByHand(@Session() session: Session<Data>, @Res() reply: { send(body: string): void }): void {
    session.n = (session.n ?? 0) + 1;
    reply.send('sent');
  }

  @Get('write-late')
  writeLate(@Session() session: Session<Data>, @Res() reply: { raw?: ServerResponse } & ServerResponse): void {
    const response = reply.raw ?? reply;
    response.write('first, ', () => {
      session.n = (session.n ?? 0) + 1;
      response.end('last');
    });
  }

  @Get('bigint')
  bigint(@Session() session: Session<Data>): string {
    session.value = { amounts: [1n, { over: () => 1 }] };
    return 'never';
  }

  @Get('cycle')
  cycle(@Session() session: Session<Data>): string {
    const node: { self?: unknown } = {};
    node.self = node;
    session.value = node;
    return 'never';
  }

  @Get('function-by-hand')
  functionByHand(@Session() session: Session<Data>, @Res() reply: { send(body: string): void }): void {
    session.value = () => 1;
    reply.send('never');
  }

  @Get('direct')
  async direct(): Promise<string | undefined> {
    await this.store.set('key', 'value', 60);
    return this.store.get('key');
  }

  @Get('saved-by-hand')
  async savedByHand(@Session() session: Session<Data>): Promise<string> {
    session.n = 1;
    try {
      await session.save();
      return 'saved';
    } catch (error) {
      return (error as SessionError).code;
    }
  }
}

/** Middleware that writes to the session of requests which ask for it. */
function writingMiddleware(app: INestApplication): void {
  const sessions = app.get(SessionService);
  app.use(async (request: IncomingMessage, _response: unknown, next: () => void) => {
    if (request.url?.endsWith('?middleware')) (await sessions.open<Data>(request)).n = 1;
    next();
  });
}

@Catch(SessionError)
class SessionFilter implements ExceptionFilter {
  static seen: unknown[] = [];

  catch(error: SessionError, host: ArgumentsHost): void {
    SessionFilter.seen.push(error);
    const reply = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    reply.status(error.statusCode).send({ code: error.code });
  }
}

/** Takes every error for a success. */
@Catch()
class LenientFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>().status(200).send('fine');
  }
}

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  async function start(
    session: SessionModuleOptions = {},
    filters: ExceptionFilter[] = [],
    setUp: (nest: INestApplication) => void = () => {},
  ): Promise<SessionApp> {
    return SessionApp.start(platform, {
      session: { store, ...session },
      controllers: [FailingController],
      setUp: (nest) => setUp(nest.useGlobalFilters(...filters)),
    });
  }

  beforeEach(async () => {
    store = new SpyStore();
    SessionFilter.seen = [];
    app = await start();
  });

  afterEach(() => app.close());

  describe('while the store fails', () => {
    it.each(['read', 'write', 'write-by-hand'])(
      'answers 503 with Retry-After on /%s and leaves the cookie alone',
      async (route) => {
        const client = app.client();
        await client.get('/write');
        const before = client.cookieHeader;
        store.failing.add('read');
        const answer = await client.get(`/${route}`);
        expect(answer.status).toBe(503);
        expect(answer.header('retry-after')).toBe('1');
        expect(answer.setCookie).toEqual([]);
        expect(JSON.stringify(await answer.json())).not.toContain(before.split('=')[1]);
      },
    );

    it('tells the client that the service is unavailable, and nothing of the back-end', async () => {
      store.failing.add('read');
      const client = app.client();
      await client.get('/write');
      const answer = await client.get('/read');
      expect(await answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    });

    it('answers 503 with Retry-After where a handler used the store itself', async () => {
      store.failing.add('get');
      const answer = await app.client().get('/direct');
      expect([answer.status, answer.header('retry-after')]).toEqual([503, '1']);
    });

    it('goes on with routes that need no session, and with those again once the store is back', async () => {
      const client = app.client();
      await client.get('/write');
      store.failing.add('read');
      expect(await (await client.get('/plain')).text()).toBe('plain');
      store.failing.clear();
      expect(await (await client.get('/read')).json()).toEqual({ n: 1 });
    });

    it('answers a failed save with an error, without a cookie for what was never stored', async () => {
      store.failing.add('create');
      const answer = await app.client().get('/write');
      expect([answer.status, answer.header('retry-after')]).toEqual([503, '1']);
      expect(answer.setCookie).toEqual([]);
      expect(store.taken()).toBe('create');
    });

    it('keeps the old record when a change could not be saved', async () => {
      const client = app.client();
      await client.get('/write');
      store.failing.add('replace');
      expect((await client.get('/write')).status).toBe(503);
      store.failing.clear();
      expect(await (await client.get('/read')).json()).toEqual({ n: 1 });
    });

    it("answers the handler's own error when the save fails after it", async () => {
      store.failing.add('create');
      const answer = await app.client().get('/write-and-throw');
      expect(answer.status).toBe(500);
      expect(answer.setCookie).toEqual([]);
      expect(app.warnings).toEqual([
        expect.stringContaining('The store of the sessions fails'),
        'Error: of the handler',
      ]);
    });

    it('says once that the save failed, where a filter answers such an error with a success', async () => {
      await app.close();
      app = await start({}, [new LenientFilter()]);
      store.failing.add('create');
      expect((await app.client().get('/write-and-throw')).status).toBe(200);
      expect(app.warnings.filter((line) => line.includes('could not be saved'))).toHaveLength(1);
    });

    it('gives the handler the error of an explicit save, and tries again at the end', async () => {
      store.failing.add('create');
      const answer = await app.client().get('/saved-by-hand');
      expect(answer.status).toBe(503);
      expect(store.taken()).toBe('create create');
    });

    it.each(['/write-by-hand', '/nowhere?middleware'])(
      'sends the error in the place of an answer that no exception filter could replace, on %s',
      async (route) => {
        await app.close();
        app = await start({}, [], writingMiddleware);
        store.failing.add('create');
        const answer = await app.client().get(route);
        expect([answer.status, answer.header('retry-after')]).toEqual([503, '1']);
        expect(await answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
        expect(answer.setCookie).toEqual([]);
        expect(store.taken()).toBe('create');
        expect(app.warnings).toEqual([expect.stringContaining('The store of the sessions fails')]);
      },
    );

    it('cuts the answer off when a part of it has left', async () => {
      const client = app.client();
      await client.get('/write');
      store.failing.add('replace');
      const answer = await client.get('/write-late');
      await expect(answer.text()).rejects.toThrow('aborted');
      expect(app.warnings).toEqual([expect.stringContaining('The store of the sessions fails')]);
    });

    it("sends the rest of that answer where onLateSaveError is 'send'", async () => {
      await app.close();
      app = await start({ onLateSaveError: 'send' });
      const client = app.client();
      await client.get('/write');
      store.failing.add('replace');
      const answer = await client.get('/write-late');
      expect([answer.status, await answer.text()]).toEqual([200, 'first, last']);
      expect(app.warnings.join()).toMatch(/GET \/write-late .*sent all the same/);
    });
  });

  it('turns whatever a foreign store throws into a SessionStoreError with the cause', async () => {
    await app.close();
    const cause = new Error('of the driver');
    const foreign: SessionStore = Object.assign(new SpyStore(), { create: () => Promise.reject(cause) });
    app = await start({ store: foreign }, [new SessionFilter()]);
    const answer = await app.client().get('/write');
    expect([answer.status, await answer.json()]).toEqual([503, { code: 'SESSION_STORE' }]);
    expect(SessionFilter.seen[0]).toBeInstanceOf(SessionStoreError);
    expect((SessionFilter.seen[0] as Error).cause).toBe(cause);
    expect(Object.keys(SessionFilter.seen[0] as object)).not.toContain('cause');
  });

  it('answers 409 when other writers win every time', async () => {
    await app.close();
    const contended: SessionStore = Object.assign(new SpyStore(), { replace: () => Promise.resolve('conflict') });
    app = await start({ store: contended }, [new SessionFilter()]);
    const client = app.client();
    await client.get('/write');
    const answer = await client.get('/write');
    expect([answer.status, await answer.json()]).toEqual([409, { code: 'SESSION_CONFLICT' }]);
    expect(SessionFilter.seen[0]).toBeInstanceOf(SessionConflictError);
  });

  describe('a value that cannot be stored', () => {
    it.each([
      ['bigint', 'value.amounts[1].over'],
      ['cycle', 'value.self'],
    ])('fails on /%s with the path %s, for the filters to see', async (route, path) => {
      await app.close();
      app = await start({}, [new SessionFilter()]);
      const answer = await app.client().get(`/${route}`);
      expect([answer.status, await answer.json()]).toEqual([500, { code: 'SESSION_SERIALIZATION' }]);
      expect((SessionFilter.seen[0] as Error).message).toContain(path);
      expect(answer.setCookie).toEqual([]);
    });

    it('tells the operator the path, and the client nothing of it', async () => {
      const answer = await app.client().get('/bigint');
      expect(await answer.json()).toEqual({ statusCode: 500, message: 'Internal Server Error' });
      expect(app.warnings.join()).toContain('value.amounts[1].over');
    });

    it('does not hang an answer that is sent by hand', async () => {
      const answer = await app.client().get('/function-by-hand');
      expect([answer.status, await answer.json()]).toEqual([
        500,
        { statusCode: 500, message: 'Internal Server Error' },
      ]);
      expect(app.warnings.join()).toContain('value');
    });
  });

  it('answers nobody who has left, and saves all the same', async () => {
    store.delay = 20;
    const socket = connect(app.port, '127.0.0.1');
    await once(socket, 'connect');
    const created = store.pause('create', undefined, 'after');
    socket.write('GET /write HTTP/1.1\r\nHost: x\r\n\r\n');
    setImmediate(() => socket.destroy());
    await created.reached;
    created.open();
    expect(store.calls).toEqual(['create']);
  });
});
