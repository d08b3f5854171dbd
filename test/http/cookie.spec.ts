import type { IncomingMessage, ServerResponse } from 'node:http';

import { Controller, Get, Header, Module, Post, Res, type INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  Session,
  SessionConfigurationError,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';
import { takenOver, type Reply } from '../fixtures/reply.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface Data {
  user: string;
  mark: number;
}

@Controller()
class CookieController {
  @Get('start')
  start(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Get('change')
  change(@Session() session: Session<Data>): void {
    session.mark = (session.mark ?? 0) + 1;
  }

  @Get('touch')
  touch(@Session() session: Session<Data>): void {
    session.touch();
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Post('empty')
  empty(@Session() session: Session<Data>): void {
    delete session.user;
  }

  @Post('start-and-logout')
  async startAndLogout(@Session() session: Session<Data>): Promise<void> {
    session.user = 'ada';
    await session.destroy();
  }

  @Get('regenerate')
  regenerate(@Session() session: Session<Data>): Promise<void> {
    return session.regenerate({ keep: true });
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

@Controller()
class OtherCookiesController {
  @Header('Set-Cookie', 'theirs=1; Path=/')
  @Get('decorator')
  decorator(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('header')
  header(@Session() session: Session<Data>, @Res({ passthrough: true }) reply: Reply): void {
    session.user = 'ada';
    reply.header('Set-Cookie', 'theirs=1; Path=/');
  }

  @Get('two')
  two(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    const raw = takenOver(reply);
    raw.setHeader('Set-Cookie', ['theirs=1; Path=/', 'also=2']);
    raw.end('two');
  }

  @Get('appended')
  appended(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    const raw = takenOver(reply);
    raw.appendHeader('Set-Cookie', 'theirs=1; Path=/');
    raw.appendHeader('Set-Cookie', 'also=2');
    raw.end('appended');
  }

  @Get('object')
  object(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    takenOver(reply).writeHead(200, { 'set-cookie': 'theirs=1; Path=/', 'X-Own': 'yes' }).end('object');
  }

  @Get('object-with-list')
  objectWithList(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    takenOver(reply)
      .writeHead(200, 'Fine', { 'Set-Cookie': ['theirs=1; Path=/', 'also=2'], 'X-Own': 'yes' })
      .end('listed');
  }

  @Get('flat')
  flat(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    const headers = ['Set-Cookie', 'theirs=1; Path=/', 'X-Own', 'yes', 'Set-Cookie', 'also=2'];
    takenOver(reply).writeHead(200, headers).end('flat');
  }

  @Get('pairs')
  pairs(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    const pairs = [
      ['Set-Cookie', 'theirs=1; Path=/'],
      ['X-Own', 'yes'],
    ];
    takenOver(reply)
      .writeHead(200, pairs as never)
      .end('pairs');
  }

  @Get('overriding')
  overriding(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.user = 'ada';
    const raw = takenOver(reply);
    raw.setHeader('X-Own', 'no');
    raw.writeHead(200, { 'X-Own': 'yes', 'Set-Cookie': 'theirs=1; Path=/' }).end('overriding');
  }

  @Get('express-cookie')
  expressCookie(@Session() session: Session<Data>, @Res({ passthrough: true }) reply: Reply): void {
    session.user = 'ada';
    reply.cookie('theirs', '1');
  }

  @Get('fastify-cookie')
  fastifyCookie(@Session() session: Session<Data>, @Res({ passthrough: true }) reply: Reply): void {
    session.user = 'ada';
    reply.setCookie('theirs', '1', { path: '/' });
  }
}

@Controller()
class CachingController {
  @Header('Vary', 'Accept-Encoding')
  @Get('varied')
  varied(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Header('Vary', '*')
  @Get('varied-by-all')
  variedByAll(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Header('Vary', 'cookie, Origin')
  @Get('varied-by-cookie')
  variedByCookie(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Header('Cache-Control', 'private, max-age=60')
  @Get('cached')
  cached(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }
}

@Controller('admin')
class AdminController extends CookieController {
  @Get()
  index(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }
}

@Controller('administrator')
class AdministratorController extends AdminController {}

const DAY = 86_400;
const HTTPS = { 'X-Forwarded-Proto': 'https' };
const running: SessionApp[] = [];

afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

async function start(
  platform: Platform,
  session: SessionModuleOptions = {},
  more: SessionAppOptions = {},
): Promise<SessionApp> {
  const app = await SessionApp.start(platform, { controllers: [CookieController], ...more, session });
  running.push(app);
  return app;
}

function attributesOf(line: string | undefined): Record<string, string> {
  const [, ...attributes] = (line ?? '').split('; ');
  return Object.fromEntries(attributes.map((text) => text.split('=')).map(([name = '', value = '']) => [name, value]));
}

/** The first request opens the session in middleware of the application, before any route is known. */
function writeInMiddleware(app: INestApplication): void {
  const sessions = app.get(SessionService);
  app.use((request: IncomingMessage, _response: ServerResponse, next: (error?: unknown) => void) => {
    sessions.open<Data>(request).then((session) => {
      session.user = 'ada';
      next();
    }, next);
  });
}

describe.each(platforms)('on %s', (platform) => {
  let store: SpyStore;

  beforeEach(() => {
    store = new SpyStore();
  });

  describe('the attributes', () => {
    it('are the defaults unless told otherwise', async () => {
      const app = await start(platform, { store });
      const before = Date.now();
      const answer = await app.client().get('/start');
      expect(answer.setCookie).toHaveLength(1);
      expect(answer.cookie()).toMatch(/^session=[\w-]{32}; /);
      const { Expires, ...others } = attributesOf(answer.cookie());
      expect(others).toEqual({ 'Max-Age': String(14 * DAY), Path: '/', HttpOnly: '', SameSite: 'Lax' });
      // In whole seconds.
      const from = Date.parse(Expires ?? '') - 14 * DAY * 1000;
      expect(from).toBeGreaterThan(before - 1000);
      expect(from).toBeLessThan(Date.now() + 1000);
    });

    it('are all as the options say', async () => {
      const cookie = {
        name: 'sid',
        path: '/start',
        domain: 'example.com',
        httpOnly: false,
        secure: true,
        sameSite: 'none',
        persistent: false,
        partitioned: true,
        priority: 'high',
      } as const;
      const app = await start(platform, { store, cookie, trustProxy: 'loopback' });
      const answer = await app.client().get('/start', { headers: HTTPS });
      expect(answer.cookie('sid')).toMatch(/^sid=[\w-]{32}; /);
      expect(attributesOf(answer.cookie('sid'))).toEqual({
        Path: '/start',
        Domain: 'example.com',
        Secure: '',
        SameSite: 'None',
        Partitioned: '',
        Priority: 'High',
      });
    });

    it.each(['lax', 'strict'] as const)('say SameSite %s', async (sameSite) => {
      const app = await start(platform, { cookie: { sameSite } });
      const { SameSite } = attributesOf((await app.client().get('/start')).cookie());
      expect(SameSite?.toLowerCase()).toBe(sameSite);
    });
  });

  describe.each([
    { where: 'a handler', more: {}, path: '/start' },
    { where: 'Nest middleware', more: { setUp: writeInMiddleware }, path: '/plain' },
  ])("secure: 'auto' with the session opened in $where", ({ more, path }) => {
    it.each([
      { trusted: 'the adapter', session: {}, adapter: { trustProxy: 'loopback' } },
      { trusted: 'the option trustProxy', session: { trustProxy: 'loopback' }, adapter: {} },
      { trusted: 'a hop count', session: { trustProxy: 1 }, adapter: {} },
    ])('follows the scheme that a proxy trusted by $trusted tells', async ({ session, adapter }) => {
      const app = await start(platform, session, { ...more, ...adapter });
      const line = async (headers: Record<string, string>): Promise<string | undefined> =>
        (await app.client().get(path, { headers })).cookie();
      expect(await line(HTTPS)).toContain('; Secure');
      expect(await line({ 'X-Forwarded-Proto': 'HTTPS' })).toContain('; Secure');
      expect(await line({ 'X-Forwarded-Proto': 'http' })).toMatch(/^session=(?!.*Secure)/);
      expect(await line({})).toMatch(/^session=(?!.*Secure)/);
    });

    it.each([
      { trusted: 'nobody is trusted', session: {}, adapter: {} },
      { trusted: 'another is trusted by the adapter', session: {}, adapter: { trustProxy: '192.0.2.1' } },
      { trusted: 'another is trusted by the option', session: { trustProxy: '192.0.2.1' }, adapter: {} },
    ])('does not believe X-Forwarded-Proto when $trusted', async ({ session, adapter }) => {
      const app = await start(platform, session, { ...more, ...adapter });
      const answer = await app.client().get(path, { headers: HTTPS });
      expect(answer.cookie()).toMatch(/^session=(?!.*Secure)/);
    });
  });

  describe('secure: true', () => {
    it('on plain http neither sends a cookie nor stores a session, and says once what to do', async () => {
      const app = await start(platform, { store, cookie: { secure: true } });
      for (let round = 0; round < 3; round++) {
        const answer = await app.client().get('/start', { headers: HTTPS });
        expect([answer.status, answer.setCookie]).toEqual([200, []]);
      }
      expect(store.taken()).toBe('');
      expect(app.warnings.filter((line) => line.includes('trust proxy'))).toHaveLength(1);
      expect(app.warnings).toHaveLength(1);
    });

    it('behind a trusted proxy that ends TLS starts a session', async () => {
      const app = await start(platform, { store, cookie: { secure: true } }, { trustProxy: 'loopback' });
      const client = app.client();
      expect((await client.get('/start', { headers: HTTPS })).cookie()).toContain('; Secure');
      expect(await (await client.get('/read', { headers: HTTPS })).json()).toEqual({ user: 'ada' });
      expect(app.warnings).toEqual([]);
    });
  });

  describe('options as a function of the request', () => {
    const cookie = ({ headers }: IncomingMessage) => ({
      name: `sid-${String(headers['x-tenant'])}`,
      sameSite: headers['x-tenant'] === 'a' ? ('strict' as const) : ('lax' as const),
    });

    it('gives each request its own cookie', async () => {
      const app = await start(platform, { cookie });
      const client = app.client();
      const answer = await client.get('/start', { headers: { 'X-Tenant': 'a' } });
      expect(answer.cookie('sid-a')).toContain('SameSite=Strict');
      expect(await (await client.get('/read', { headers: { 'X-Tenant': 'a' } })).json()).toEqual({ user: 'ada' });
      expect(await (await client.get('/read', { headers: { 'X-Tenant': 'b' } })).json()).toEqual({ user: null });
      expect((await client.get('/start', { headers: { 'X-Tenant': 'b' } })).cookie('sid-b')).toContain('SameSite=Lax');
    });

    it('fails a request that gets a contradiction, without a word to the client', async () => {
      const app = await start(platform, { store, cookie: () => ({ sameSite: 'none' }) });
      const answer = await app.client().get('/start');
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain('sameSite');
      expect(app.warnings.join('\n')).toContain("sameSite: 'none' needs secure: true");
      expect(store.taken()).toBe('');
    });

    it('does not concern routes that do not ask', async () => {
      let asked = 0;
      const app = await start(platform, { cookie: () => ({ name: `sid-${++asked}` }) });
      expect((await app.client().get('/plain')).status).toBe(200);
      expect(asked).toBe(0);
    });
  });

  describe.each(['__Host-session', '__Secure-session'])('the name %s', (name) => {
    it('comes with what the browser demands for it, when the session starts and when it ends', async () => {
      const app = await start(platform, { cookie: { name, secure: true }, trustProxy: 1 });
      const client = app.client();
      const started = (await client.get('/start', { headers: HTTPS })).cookie(name);
      expect(attributesOf(started)).toMatchObject({ Path: '/', Secure: '' });
      expect(started).not.toContain('Domain');
      expect(await (await client.get('/read', { headers: HTTPS })).json()).toEqual({ user: 'ada' });
      const ended = (await client.post('/logout', { headers: HTTPS })).cookie(name);
      expect(attributesOf(ended)).toMatchObject({ Path: '/', Secure: '', 'Max-Age': '0' });
    });
  });

  describe('signing', () => {
    it('lets the first secret sign and all verify, and signs anew once, with a save that shows that the id still holds', async () => {
      const old = await start(platform, { store, secret: 'an old secret' });
      const client = old.client();
      const signed = (await client.get('/start')).cookie();
      expect(signed).toMatch(/^session=[\w-]{32}\.[\w-]+; /);
      store.taken();

      const rotating = await start(platform, { store, secret: ['a new secret', 'an old secret'] });
      const resigned = await rotating.client().get('/read', { cookie: client.cookieHeader });
      expect(await resigned.json()).toEqual({ user: 'ada' });
      expect(store.taken()).toBe('read replace');
      const [pair = ''] = resigned.cookie()?.split(';') ?? [];
      expect(pair.split('.')[0]).toBe(client.cookieHeader.split('.')[0]);
      expect(pair).not.toBe(client.cookieHeader);
      expect(attributesOf(resigned.cookie())).toMatchObject({ Path: '/', HttpOnly: '', SameSite: 'Lax' });
      expect(Number(attributesOf(resigned.cookie())['Max-Age'])).toBeLessThanOrEqual(14 * DAY);

      const again = await rotating.client().get('/read', { cookie: pair });
      expect([await again.json(), again.setCookie]).toEqual([{ user: 'ada' }, []]);

      const after = await start(platform, { store, secret: 'a new secret' });
      expect(await (await after.client().get('/read', { cookie: pair })).json()).toEqual({ user: 'ada' });
      store.taken();
      const refused = await after.client().get('/read', { cookie: client.cookieHeader });
      expect([await refused.json(), refused.setCookie, store.taken()]).toEqual([{ user: null }, [], '']);
    });

    it('lets the change of a request that carries an old signature through with the new one', async () => {
      const client = (await start(platform, { store, secret: 'an old secret' })).client();
      await client.get('/start');
      const rotating = await start(platform, { store, secret: ['a new secret', 'an old secret'] });
      store.taken();
      const answer = await rotating.client().get('/change', { cookie: client.cookieHeader });
      expect(answer.cookie()).toMatch(/^session=/);
      expect(store.taken()).toBe('read replace');
    });

    it('does not sign anew what no record stands for', async () => {
      const client = (await start(platform, { store, secret: 'an old secret' })).client();
      await client.get('/start');
      const elsewhere = await start(platform, { secret: ['a new secret', 'an old secret'] });
      expect((await elsewhere.client().get('/read', { cookie: client.cookieHeader })).setCookie).toEqual([]);
    });

    it('takes the first of several cookies of our name whose signature holds', async () => {
      const app = await start(platform, { store, secret: 'a secret' });
      const client = app.client();
      await client.get('/start');
      const forged = client.cookieHeader.replace(/\..*/, '.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
      const cookie = ['session=', forged, 'session=x', 'session2=y', client.cookieHeader].join('; ');
      store.taken();
      expect(await (await client.get('/read', { cookie })).json()).toEqual({ user: 'ada' });
      expect(store.taken()).toBe('read');
    });
  });

  it('takes the first of several unsigned cookies of our name that could be one', async () => {
    const app = await start(platform, { store });
    const client = app.client();
    await client.get('/start');
    store.taken();
    const cookie = `session=no id; other=1; "session=x"; ${client.cookieHeader}; session=${'0'.repeat(32)}`;
    expect(await (await client.get('/read', { cookie })).json()).toEqual({ user: 'ada' });
    expect(store.taken()).toBe('read');
  });

  describe('removal', () => {
    const identity = {
      path: '/',
      domain: 'example.com',
      secure: true,
      sameSite: 'none',
      partitioned: true,
    } as const;

    it.each(['/logout', '/empty'])('by %s repeats all that the browser knows the cookie by', async (path) => {
      const app = await start(platform, { store, cookie: { name: 'sid', ...identity }, trustProxy: 1 });
      const client = app.client();
      const started = attributesOf((await client.get('/start', { headers: HTTPS })).cookie('sid'));
      const answer = await client.post(path, { headers: HTTPS });
      expect(answer.setCookie).toHaveLength(1);
      expect(answer.cookie('sid')).toMatch(/^sid=; /);
      expect(attributesOf(answer.cookie('sid'))).toEqual({
        ...started,
        'Max-Age': '0',
        Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
      });
      expect(started).toMatchObject({ Domain: 'example.com', Partitioned: '', Secure: '', SameSite: 'None' });
      expect(answer.header('cache-control')).toBe('no-store');
    });

    it('leaves no cookie of a session that began and ended in one request', async () => {
      const app = await start(platform, { store });
      expect((await app.client().post('/start-and-logout')).setCookie).toEqual([]);
      expect(store.taken()).toBe('');
    });

    it('is not asked for by a client that has no cookie', async () => {
      const app = await start(platform, { store });
      expect((await app.client().post('/logout')).setCookie).toEqual([]);
      expect(store.taken()).toBe('');
    });

    it('takes a cookie away that opens nothing', async () => {
      const app = await start(platform, { store });
      const answer = await app.client().post('/logout', { cookie: `session=${'0'.repeat(32)}` });
      expect(answer.cookie()).toContain('Max-Age=0');
    });
  });

  describe("the cookie's path", () => {
    const controllers = [AdminController, AdministratorController];
    const session = () => ({ store, cookie: { path: '/admin' } });

    it('counts by whole segments', async () => {
      const app = await start(platform, session(), { controllers });
      for (const path of ['/admin', '/admin/start', '/admin?next=/administrator']) {
        expect([path, (await app.client().get(path)).cookie()]).toEqual([path, expect.stringContaining('Path=/admin')]);
      }
      store.taken();
      for (const path of ['/administrator', '/administrator/start', '/administrator?next=/admin/']) {
        expect([path, (await app.client().get(path)).setCookie]).toEqual([path, []]);
      }
      expect(store.taken()).toBe('');
      expect(app.warnings).toEqual([expect.stringContaining('cookie.path')]);
    });

    it('keeps a cookie that comes along all the same from opening anything', async () => {
      const app = await start(platform, session(), { controllers });
      const client = app.client();
      await client.get('/admin/start');
      store.taken();
      expect(await (await client.get('/administrator/read')).json()).toEqual({ user: null });
      expect(store.taken()).toBe('');
      expect(await (await client.get('/admin/read')).json()).toEqual({ user: 'ada' });
    });

    it('is compared with what the browser asked for, not with what middleware under a path sees', async () => {
      const opened: string[] = [];
      const app = await start(platform, session(), {
        controllers,
        setUp: (nest) => {
          const sessions = nest.get(SessionService);
          nest.use('/admin', (request: IncomingMessage, _response: ServerResponse, next: (error?: unknown) => void) => {
            opened.push(request.url ?? '');
            sessions.open(request).then(() => next(), next);
          });
        },
      });
      const client = app.client();
      expect((await client.get('/admin/start')).cookie()).toContain('Path=/admin');
      expect(await (await client.get('/admin/read')).json()).toEqual({ user: 'ada' });
      expect((await client.get('/administrator/start')).setCookie).toEqual([]);
      expect(opened).toHaveLength(2);
    });

    it('includes the global prefix', async () => {
      const app = await start(platform, session(), { setUp: (nest) => void nest.setGlobalPrefix('admin') });
      const client = app.client();
      expect((await client.get('/admin/start')).cookie()).toContain('Path=/admin');
      expect(await (await client.get('/admin/read')).json()).toEqual({ user: 'ada' });
    });
  });

  describe('other Set-Cookie headers survive', () => {
    const routes = [
      'decorator',
      'header',
      'two',
      'appended',
      'object',
      'object-with-list',
      'flat',
      'pairs',
      'overriding',
    ];
    const own = platform === 'express' ? ['express-cookie'] : ['fastify-cookie'];

    it.each([...routes, ...own])('through %s', async (route) => {
      const app = await start(
        platform,
        { store },
        {
          controllers: [OtherCookiesController],
          setUp: async (nest) => {
            if (platform !== 'fastify') return;
            const { fastifyCookie } = await import('@fastify/cookie');
            await (nest as unknown as { register(plugin: unknown): Promise<void> }).register(fastifyCookie);
          },
        },
      );
      const answer = await app.client().get(`/${route}`);
      const also = ['two', 'appended', 'object-with-list', 'flat'].includes(route) ? ['also=2'] : [];
      expect(answer.setCookie).toEqual([
        expect.stringMatching(/^theirs=1; Path=\//),
        ...also,
        expect.stringMatching(/^session=/),
      ]);
      if (['object', 'object-with-list', 'flat', 'pairs', 'overriding'].includes(route)) {
        expect(answer.header('x-own')).toBe('yes');
      }
      if (route === 'object-with-list') expect(answer.message.statusMessage).toBe('Fine');
      expect(store.taken()).toBe('create');
    });
  });

  describe('caches', () => {
    const more = { controllers: [CookieController, CachingController] };

    it.each([
      ['/read', 'Cookie'],
      ['/varied', 'Accept-Encoding, Cookie'],
      ['/varied-by-all', '*'],
      ['/varied-by-cookie', 'cookie, Origin'],
      ['/plain', undefined],
    ])('are told by %s that the answer varies by %s', async (path, vary) => {
      const app = await start(platform, {}, more);
      expect((await app.client().get(path)).header('vary')).toBe(vary);
    });

    it('may not store an answer that sets the cookie, unless the handler has decided about that', async () => {
      const app = await start(platform, {}, more);
      const client = app.client();
      const cacheControl = async (path: string): Promise<string | undefined> =>
        (await client.get(path)).header('cache-control');
      expect(await cacheControl('/read')).toBeUndefined();
      expect(await cacheControl('/start')).toBe('no-store');
      expect(await cacheControl('/read')).toBeUndefined();
      expect(await cacheControl('/change')).toBeUndefined();
      expect((await app.client().get('/cached')).header('cache-control')).toBe('private, max-age=60');
    });
  });

  describe('the expiry', () => {
    it('is left out of a cookie that ends with the browser; the record still has one', async () => {
      const app = await start(platform, { store, idleTimeout: '1h', cookie: { persistent: false } });
      const line = (await app.client().get('/start')).cookie();
      expect(line).not.toMatch(/Max-Age|Expires/);
      expect(store.ttls).toEqual([3600]);
    });

    it('is one for cookie and record, when the session starts and when it is renewed', async () => {
      const app = await start(platform, { store, idleTimeout: '90m' });
      const client = app.client();
      const started = attributesOf((await client.get('/start')).cookie());
      const touched = attributesOf((await client.get('/touch')).cookie());
      expect(store.ttls.map(String)).toEqual([started['Max-Age'], touched['Max-Age']]);
      expect(store.ttls).toEqual([5400, 5400]);
    });

    it('is not repeated by a change that renews nothing', async () => {
      const app = await start(platform, { store });
      const client = app.client();
      await client.get('/start');
      expect((await client.get('/change')).setCookie).toEqual([]);
      expect((await client.get('/read')).setCookie).toEqual([]);
      expect(store.taken()).toBe('create read replace read');
    });

    it('is set for the new id after a regenerate', async () => {
      const app = await start(platform, { store });
      const client = app.client();
      const before = (await client.get('/start')).cookie();
      const after = (await client.get('/regenerate')).cookie();
      expect(after).toMatch(/^session=/);
      expect(after?.split(';')[0]).not.toBe(before?.split(';')[0]);
      expect(await (await client.get('/read')).json()).toEqual({ user: 'ada' });
    });

    it.each([1e9, 1e12, '100y'])('may be as far away as %s', async (idleTimeout) => {
      const app = await start(platform, { store, idleTimeout });
      const client = app.client();
      const { Expires, ...others } = attributesOf((await client.get('/start')).cookie());
      expect(others['Max-Age']).toMatch(/^\d+$/);
      expect(new Date(Expires ?? '').getTime()).toBeGreaterThan(Date.now() + 365 * DAY * 1000);
      expect(await (await client.get('/read')).json()).toEqual({ user: 'ada' });
    });
  });

  describe('a contradiction is refused at start-up, with what to write instead', () => {
    const contradictions: readonly [SessionModuleOptions, RegExp][] = [
      [{ cookie: { sameSite: 'none' } }, /sameSite: 'none' needs secure: true/],
      [{ cookie: { sameSite: 'none', secure: false } }, /secure: true/],
      [{ cookie: { partitioned: true } }, /partitioned: true needs secure: true/],
      [{ cookie: { name: '__Host-s' } }, /'__Host-s' needs secure: true/],
      [{ cookie: { name: '__Secure-s' } }, /'__Secure-s' needs secure: true/],
      [{ cookie: { name: '__Host-s', secure: true, path: '/x' } }, /path: '\/'/],
      [{ cookie: { name: '__host-s', secure: true, domain: 'example.com' } }, /leave cookie\.domain out/],
      [{ cookie: { name: 'a b' } }, /name without blanks/],
      [{ cookie: { path: 'admin' } }, /starts with '\/'/],
      [{ cookie: { sameSite: 'loose' as never } }, /'lax', 'strict', 'none'/],
      [{ cookie: { maxAge: 60 } as never }, /cookie\.maxAge/],
      [{ secret: '' }, /secret/],
      [{ secret: [] }, /secret/],
      [{ idleTimeout: 0 }, /idleTimeout is 0/],
    ];

    it.each(contradictions)('%o', async (options, message) => {
      const roots = [
        () => SessionModule.forRoot(options),
        () => SessionModule.forRootAsync({ useFactory: async () => options }),
      ];
      for (const root of roots) {
        class AppModule {}
        const error = await startError(platform, () => {
          Module({ imports: [root()] })(AppModule);
          return AppModule;
        });
        expect(error).toBeInstanceOf(SessionConfigurationError);
        expect((error as Error).message).toMatch(message);
      }
    });
  });
});

async function startError(platform: Platform, module: () => new () => object): Promise<unknown> {
  try {
    await (await createOn(platform, module(), { logger: false, abortOnError: false })).close();
    return undefined;
  } catch (error) {
    return error;
  }
}
