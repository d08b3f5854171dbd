import {
  Catch,
  Controller,
  Get,
  Inject,
  IntrinsicException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';

import {
  getSessionHealthToken,
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionConfigurationError,
  SessionError,
  SessionHealth,
  SessionModule,
  SessionStoreError,
  type SessionModuleOptions,
  type SessionStore,
} from '../../lib/index.js';
import { observeSessions } from '../../lib/opentelemetry/observe-sessions.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import type { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { platforms } from '../fixtures/platforms.js';
import { startMemcached, startRedis } from '../fixtures/servers.mjs';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { Telemetry } from '../fixtures/telemetry.js';

@Controller()
class CountController {
  constructor(@Inject(SESSION_STORE) private readonly store: SessionStore) {}

  @Get('count')
  count(@Session() session: Session<{ count: number }>): object {
    session.count = (session.count ?? 0) + 1;
    return { count: session.count };
  }

  @Get('direct')
  async direct(): Promise<object> {
    return { value: (await this.store.get('mine')) ?? null };
  }

  @Get('own')
  own(): never {
    throw new SessionStoreError('The application has thrown this one.');
  }
}

const opened: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await (each.close?.() ?? each.stop?.());
});

async function untilLogged(app: SessionApp, text: string): Promise<void> {
  await eventually(async () => {
    if (!app.log.some(({ message }) => message.includes(text))) throw new Error('not yet');
  });
}

/** Sends requests until the log tells that trouble has passed. */
async function untilBack(app: SessionApp, client: Client): Promise<void> {
  await eventually(async () => {
    await client.get('/count');
    if (app.log.length === 1) throw new Error('not yet');
  });
}

const BACK_ENDS: readonly [string, () => Promise<ChildServer>, (port: number) => SessionModuleOptions][] = [
  ['Redis', () => startRedis(), (port) => ({ store: 'redis', redis: { url: `redis://127.0.0.1:${port}` } })],
  [
    'Memcached',
    () => startMemcached(),
    (port) => ({ store: 'memcached', memcached: { servers: `127.0.0.1:${port}` } }),
  ],
];

describe.each(platforms)('on %s', (platform) => {
  async function start(
    session: SessionModuleOptions & { name?: string },
    setUp?: (app: SessionApp['app']) => void,
  ): Promise<SessionApp> {
    const app = await SessionApp.start(platform, {
      session,
      controllers: session.name === undefined ? [CountController] : [],
      ...(setUp && { setUp }),
    });
    opened.push(app);
    return app;
  }

  describe.each(BACK_ENDS)('%s', (_name, startServer, options) => {
    it('that is lost and comes back is two lines of the log, the first with the reason', async () => {
      const server = await startServer();
      opened.push(server);
      const app = await start(options(server.port));
      const client = app.client();
      expect((await client.get('/count')).status).toBe(200);
      expect(app.log).toEqual([]);
      await server.stop();
      for (const path of ['/count', '/direct', '/count', '/count']) expect((await client.get(path)).status).toBe(503);
      expect(app.log).toMatchObject([{ level: 'error', stack: undefined }]);
      expect(app.log[0]?.message).toMatch(
        /^The store of the sessions fails, .*\((ECONN\w+|MaxRetriesPerRequestError)\)/,
      );
      await server.restart();
      await untilBack(app, client);
      expect(app.log).toMatchObject([{ level: 'error' }, { level: 'log', stack: undefined }]);
      expect(app.log[1]?.message).toMatch(
        /^The store of the sessions serves again, after \d+\.\d s in which \d+ commands failed\.$/,
      );
    });

    it('that is down as the application starts is told with its reason before the first request', async () => {
      const port = await freePort();
      const app = await start(options(port));
      await untilLogged(app, 'ECONNREFUSED');
      const client = app.client();
      for (const path of ['/count', '/count', '/direct']) expect((await client.get(path)).status).toBe(503);
      expect(app.log).toMatchObject([{ level: 'error', stack: undefined }]);
    });
  });

  it('a Redis that hangs is told as a timeout by the log, the health check and the metrics, until the application closes', async () => {
    const telemetry = new Telemetry();
    const stop = observeSessions(telemetry);
    opened.push({ stop: () => telemetry.stop() }, { stop: async () => stop() });
    const server = await startRedis();
    opened.push(server);
    const app = await start({ store: 'redis', redis: { url: `redis://127.0.0.1:${server.port}` } });
    const client = app.client();
    expect((await client.get('/count')).status).toBe(200);
    await server.pause();
    opened.push({ stop: async () => server.resume() });
    expect((await client.get('/count')).status).toBe(503);
    expect(app.log).toMatchObject([{ level: 'error', stack: undefined }]);
    expect(app.log[0]?.message).toMatch(
      /^The store of the sessions fails \(timeout\), .* did not answer within 1000 ms/,
    );
    const health = await app.app.get(SessionHealth).isHealthy();
    expect(health.sessions.lastError).toMatchObject({ reason: 'timeout' });
    const module = { 'nest_session.name': 'default' };
    const pointsOf = async (name: string): Promise<unknown[]> =>
      (await telemetry.points()).filter((point) => point.name === name);
    expect(await pointsOf('nest_session.outages')).toMatchObject([
      { value: 1, attributes: { ...module, 'error.type': 'timeout' } },
    ]);
    expect(await pointsOf('nest_session.outages.active')).toMatchObject([{ value: 1, attributes: module }]);
    await app.close();
    expect(await pointsOf('nest_session.outages.active')).toMatchObject([{ value: 0, attributes: module }]);
    expect(app.log).toHaveLength(1);
  });

  it('of two modules in one application ends for both in the metrics when it closes', async () => {
    const telemetry = new Telemetry();
    const stop = observeSessions(telemetry);
    opened.push({ stop: () => telemetry.stop() }, { stop: async () => stop() });
    const stores = [new SpyStore(), new SpyStore()] as const;
    const app = await SessionApp.start(platform, {
      session: { store: stores[0] },
      imports: [SessionModule.forRoot({ name: 'admin', store: stores[1] })],
    });
    opened.push(app);
    for (const store of stores) store.failing.add('read');
    for (const name of [undefined, 'admin']) await app.app.get<SessionHealth>(getSessionHealthToken(name)).isHealthy();
    const active = async (): Promise<unknown[]> =>
      (await telemetry.points())
        .filter(({ name }) => name === 'nest_session.outages.active')
        .map(({ value, attributes }) => [attributes['nest_session.name'], value]);
    expect(await active()).toEqual([
      ['default', 1],
      ['admin', 1],
    ]);
    await app.close();
    expect(await active()).toEqual([
      ['default', 0],
      ['admin', 0],
    ]);
    expect(app.log.map(({ level }) => level)).toEqual(['error', 'error']);
  });

  it('of the store from which sessions move is told at the start as well', async () => {
    const migrateFrom = { store: 'redis', redis: { url: `redis://127.0.0.1:${await freePort()}` } } as const;
    const app = await start({ store: 'memory', migrateFrom });
    await untilLogged(app, 'ECONNREFUSED');
    expect(app.log.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('is none that the application makes with a value that is no text, or a lifetime that is none', async () => {
    class OwnStore extends MemoryStore {
      override async set(_key: string, value: string, ttl?: number): Promise<void> {
        throw new TypeError(`${value.length} ${ttl}`);
      }
    }
    const app = await start({ store: OwnStore });
    const store = app.app.get<SessionStore>(SESSION_STORE);
    const asked = [
      () => store.set('mine', undefined as never),
      () => store.create('mine', Buffer.from('a') as never, 60),
      () => store.replace('mine', {} as never, 60, 1),
      () => store.set('mine', 'a', 0),
      () => store.create('mine', 'a', undefined as never),
    ];
    for (const ask of asked) await expect(ask()).rejects.toBeInstanceOf(SessionConfigurationError);
    expect(app.log).toEqual([]);
  });

  it('names a host that is not there, and not the password', async () => {
    const app = await start({ store: 'redis', redis: { url: 'redis://:passw0rd@no-such-host.invalid:6379' } });
    await untilLogged(app, 'The store of the sessions fails');
    expect(app.log[0]?.message).toMatch(/ENOTFOUND|EAI_AGAIN/);
    expect(JSON.stringify(app.log)).not.toContain('passw0rd');
  });

  it('names a wrong password, and does not tell it', async () => {
    const server = await startRedis('--requirepass', 'right');
    opened.push(server);
    const app = await start({ store: 'redis', redis: { url: `redis://:wr0ng@127.0.0.1:${server.port}` } });
    await untilLogged(app, 'The store of the sessions');
    expect(app.log[0]?.message).toMatch(/WRONGPASS|NOAUTH/);
    expect((await app.client().get('/count')).status).toBe(503);
    expect(JSON.stringify(app.log)).not.toContain('wr0ng');
  });

  it('a command that a full Redis refuses is told once, and once when it has passed', async () => {
    const server = await startRedis('--maxmemory-policy', 'noeviction');
    opened.push(server);
    const app = await start({ store: 'redis', redis: { url: `redis://127.0.0.1:${server.port}` } });
    const client = app.client();
    expect((await client.get('/count')).status).toBe(200);
    const { Redis } = await import('ioredis');
    const redis = new Redis(server.port);
    await redis.config('SET', 'maxmemory', '1');
    for (let at = 0; at < 3; at++) expect((await client.get('/count')).status).toBe(503);
    expect((await client.get('/direct')).status).toBe(200);
    expect(app.log).toMatchObject([{ level: 'error', stack: undefined }]);
    expect(app.log[0]?.message).toMatch(/^The store of the sessions refuses to replace, .*\(OOM\)/);
    await redis.config('SET', 'maxmemory', '0');
    redis.disconnect();
    await untilBack(app, client);
    expect(app.log[1]).toMatchObject({ level: 'log' });
    expect(app.log[1]?.message).toMatch(/serves again, after .* were refused \(OOM\)\.$/);
  });

  it('an error that the application has thrown itself is logged as ever', async () => {
    const app = await start({});
    expect((await app.client().get('/own')).status).toBe(503);
    expect(app.log).toMatchObject([
      { level: 'error', stack: expect.stringContaining('CountController.own') as string },
    ]);
  });

  it('a fault in a store of the application is told once, with its place and without its message', async () => {
    class FaultyStore extends MemoryStore {
      override read(): never {
        throw new TypeError('the key k3y is no number');
      }
    }
    const app = await start({ store: FaultyStore });
    const client = app.client();
    for (let at = 0; at < 3; at++)
      expect((await client.get('/count', { cookie: 'session=abcdefghijklmnopqrstuvwx' })).status).toBe(503);
    expect(app.log).toMatchObject([{ level: 'error', stack: expect.stringContaining('FaultyStore.read') as string }]);
    expect(app.log[0]?.message).toContain('(TypeError)');
    expect(JSON.stringify(app.log)).not.toContain('k3y');
  });

  it('reaches the filters of the application, whose base class logs it no more', async () => {
    const caught: unknown[] = [];
    @Catch(SessionStoreError)
    class OwnFilter extends BaseExceptionFilter implements ExceptionFilter {
      override catch(exception: SessionStoreError, host: ArgumentsHost): void {
        caught.push(exception);
        // oxlint-disable-next-line promise/valid-params -- a filter is no promise
        super.catch(exception, host);
      }
    }
    const store = new SpyStore();
    const app = await start({ store }, (nest) => {
      nest.useGlobalFilters(new OwnFilter(nest.get(HttpAdapterHost).httpAdapter));
    });
    const client = app.client();
    await client.get('/count');
    store.failing.add('read');
    const answer = await client.get('/count');
    expect([answer.status, answer.header('retry-after'), answer.setCookie]).toEqual([503, '1', []]);
    expect(await answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    const [error] = caught as [SessionStoreError];
    expect(caught).toHaveLength(1);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(IntrinsicException);
    expect(error.constructor).toBe(SessionStoreError);
    expect([error.status, error.expose, error.code]).toEqual([503, false, 'SESSION_STORE']);
    expect(app.log).toHaveLength(1);
  });

  it('the sessions of a module with a name have lines and a health check of their own', async () => {
    const store = new SpyStore();
    const app = await start({ store, name: 'admin' });
    const health = app.app.get<SessionHealth>(getSessionHealthToken('admin'));
    expect(await health.isHealthy('admin')).toMatchObject({ admin: { status: 'up' } });
    expect(getSessionHealthToken()).toBe(SessionHealth);
    store.failing.add('read');
    expect(await health.isHealthy('admin')).toMatchObject({ admin: { status: 'down' } });
    expect(app.log.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The store of the sessions of 'admin' fails, /),
    ]);
  });

  it('a store of the application that works is asked nothing at the start', async () => {
    const store = new SpyStore();
    await start({ store });
    expect(store.calls).toEqual([]);
  });

  it('a client of the application keeps its listeners, and says why it has no connection', async () => {
    const { Redis } = await import('ioredis');
    const client = new Redis(await freePort(), '127.0.0.1', { maxRetriesPerRequest: 0 });
    // Until then a command may be late without a reason.
    const refused = new Promise((resolve) => client.on('error', resolve));
    const store = new RedisStore(client);
    await refused;
    const app = await start({ store });
    await untilLogged(app, 'ECONNREFUSED');
    expect(client.listenerCount('error')).toBe(1);
    await store.close();
    client.disconnect();
  });
});
