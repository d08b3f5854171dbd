import { Controller, Get, Post, UseGuards, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';

import {
  getSessionServiceToken,
  HmacSigner,
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  SessionSerializationError,
  SessionService,
  SessionStoreError,
  TaggedJsonSerializer,
  V8Serializer,
  type CookieSigner,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { signIn, signInState, type SignInOptions } from '../../lib/testing/index.js';
import { EncryptingSerializer } from '../fixtures/encrypting-serializer.js';
import type { Client } from '../fixtures/client.js';
import { platforms, type Platform } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';

const SECRET = 'a secret for a test and for nothing else';
const DATA = {
  user: { name: 'ada', since: new Date('2026-05-04T03:02:01.000Z') },
  roles: ['reader'],
  'a "key"': 'ä\u{1F600}',
};

/** Notes what is stored for new sessions. */
class NotingStore extends MemoryStore {
  readonly created: { key: string; value: string; ttl: number }[] = [];

  override create(key: string, value: string, ttl: number): Promise<boolean> {
    this.created.push({ key, value, ttl });
    return super.create(key, value, ttl);
  }
}

let handled = 0;

@Controller('api')
class ApiController {
  @Post('login')
  async login(@Session() session: Session): Promise<void> {
    handled++;
    await session.regenerate();
    Object.assign(session, structuredClone(DATA));
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session() session: Session): object {
    handled++;
    return { ...session };
  }

  @UseGuards(SessionGuard.of('admin'))
  @Get('admin')
  admin(@Session.of('admin') session: Session): object {
    return { ...session };
  }
}

let app: SessionApp | undefined;

async function start(
  platform: Platform,
  session: SessionModuleOptions,
  rest: SessionAppOptions = {},
): Promise<SessionApp> {
  app = await SessionApp.start(platform, { controllers: [PlainController], session, ...rest });
  return app;
}

/** The routes without those of the kind that only some applications have. */
@Controller('api')
class PlainController {
  @Post('login')
  login(@Session() session: Session): Promise<void> {
    return new ApiController().login(session);
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session() session: Session): object {
    return new ApiController().me(session);
  }
}

afterEach(async () => {
  vi.unstubAllEnvs();
  await app?.close();
  app = undefined;
  handled = 0;
});

const tenantSigner: CookieSigner = {
  sign: (id, incoming) => signerOf(incoming?.headers['x-tenant']).sign(id),
  unsign: (cookie, incoming) => signerOf(incoming?.headers['x-tenant']).unsign(cookie),
};

function signerOf(tenant: unknown): HmacSigner {
  return new HmacSigner(`${SECRET} ${String(tenant)}`);
}

interface Case {
  readonly options: SessionModuleOptions;
  readonly signIn?: SignInOptions;
  /** Headers of every request over HTTP. */
  readonly headers?: Readonly<Record<string, string>>;
}

const HTTPS = { 'x-forwarded-proto': 'https' };

const cases: Readonly<Record<string, Case>> = {
  'an unsigned cookie': { options: {} },
  'a signed cookie': { options: { secret: SECRET } },
  'several secrets': { options: { secret: [`${SECRET} 2`, SECRET] } },
  'keys that hold the id': { options: { hashIds: false, keyPrefix: 'own:' } },
  'the wire of Quart': { options: { wire: 'quart', secret: SECRET } },
  'the wire of Quart, unsigned, for a browser session': { options: { wire: 'quart', cookie: { persistent: false } } },
  'node:v8': { options: { serializer: new V8Serializer() } },
  'an encrypting serializer': { options: { serializer: new EncryptingSerializer() } },
  'a serializer of the dialect of Quart': { options: { serializer: new TaggedJsonSerializer({ dialect: 'quart' }) } },
  'an absolute timeout': { options: { absoluteTimeout: '1h', idleTimeout: 600 } },
  'rolling by writes': { options: { rolling: 'write' } },
  'a pin': { options: { pinning: true } },
  'a pin to the address that a trusted proxy names': {
    options: { pinning: true, trustProxy: 1 },
    signIn: { address: '203.0.113.9' },
    headers: { 'x-forwarded-for': '203.0.113.9' },
  },
  'a cookie of __Host-': {
    options: { cookie: { name: '__Host-session', secure: true }, trustProxy: 1 },
    headers: HTTPS,
  },
  'a cookie with a path and a domain': { options: { cookie: { path: '/api', domain: 'example.test' } } },
  'a cookie that depends on the path': {
    options: { cookie: ({ url = '' }) => (url.startsWith('/api') ? { name: 'api', path: '/api' } : { name: 'other' }) },
    signIn: { url: 'http://localhost/api/login' },
  },
  'a cookie that depends on a header': {
    options: { cookie: ({ headers }) => ({ name: `session-${String(headers['x-tenant'])}` }) },
    signIn: { headers: { 'X-Tenant': 'teapots' } },
    headers: { 'x-tenant': 'teapots' },
  },
  'a cookie that depends on the host': {
    options: { cookie: ({ headers }) => ({ name: headers.host === 'teapots.test' ? 'teapots' : 'other' }) },
    signIn: { url: 'http://teapots.test' },
    headers: { host: 'teapots.test' },
  },
  'a signer that depends on a header': {
    options: { signer: tenantSigner },
    signIn: { headers: { 'x-tenant': 'cups' } },
    headers: { 'x-tenant': 'cups' },
  },
};

describe.each(platforms)('signIn on %s', (platform) => {
  it.each(Object.entries(cases))('makes the record and the cookie of a login, with %s', async (_name, testCase) => {
    const { options, headers = {} } = testCase;
    const store = new NotingStore();
    const { app: nest, client } = await started(platform, { ...options, store });

    const login = await client.post('/api/login', { headers });
    expect(login.status).toBe(201);
    expect(handled).toBe(1);
    const cookie = await signIn(nest, DATA, testCase.signIn);
    expect(handled).toBe(1);

    const [sent = ''] = login.setCookie;
    expect(shapeOf(cookie)).toBe(shapeOf(sent.split(';', 1)[0] ?? ''));
    const [ours, theirs] = [store.created.at(-1), store.created.at(-2)];
    expect(store.created).toHaveLength(2);
    expect(ours?.ttl).toBe(theirs?.ttl);
    expect(ours?.key).not.toBe(theirs?.key);
    expect(shapeOf(ours?.key)).toBe(shapeOf(theirs?.key));
    expect(withoutTimes(ours?.value, options)).toEqual(withoutTimes(theirs?.value, options));

    const me = await request(nest.getHttpServer()).get('/api/me').set(headers).set('Cookie', cookie);
    expect([me.status, me.body]).toEqual([200, JSON.parse(JSON.stringify(DATA))]);
    expect(me.headers['set-cookie']).toBeUndefined();
  });

  it.each<[store: string, options: () => SessionModuleOptions]>([
    ['Redis', () => ({ store: 'redis', redis: { url: inject('redisUrl') } })],
    ['Memcached', () => ({ store: 'memcached', memcached: { servers: inject('memcachedServer') } })],
  ])('signs in on a real %s', async (_store, options) => {
    const { app: nest } = await started(platform, { ...options(), secret: SECRET, wire: 'quart' });
    const cookie = await signIn(nest, { user: { name: 'ada' } });
    const me = await request(nest.getHttpServer()).get('/api/me').set('Cookie', cookie);
    expect([me.status, me.body]).toEqual([200, { user: { name: 'ada' } }]);
    const anonymous = await request(nest.getHttpServer()).get('/api/me');
    expect(anonymous.status).toBe(401);
  });

  it('gives each call a session of its own', async () => {
    const { app: nest } = await started(platform, { secret: SECRET });
    const [ada, bob] = await Promise.all([signIn(nest, { user: 'ada' }), signIn(nest, { user: 'bob' })]);
    const agent = request(nest.getHttpServer());
    expect((await agent.get('/api/me').set('Cookie', ada)).body).toEqual({ user: 'ada' });
    expect((await agent.get('/api/me').set('Cookie', bob)).body).toEqual({ user: 'bob' });
  });

  it('signs in to the kind of session that it names, beside another one', async () => {
    const { app: nest } = await started(
      platform,
      { secret: SECRET },
      {
        controllers: [ApiController],
        imports: [SessionModule.forRoot({ name: 'admin', secret: SECRET, cookie: { name: 'admin', path: '/api' } })],
      },
    );
    const shop = await signIn(nest, { user: 'a customer' });
    const admin = await signIn(nest, { user: 'an administrator' }, { name: 'admin' });
    expect(admin).toMatch(/^admin=[\w-]+\.[\w-]+$/);
    const agent = request(nest.getHttpServer());
    expect((await agent.get('/api/admin').set('Cookie', admin)).body).toEqual({ user: 'an administrator' });
    expect((await agent.get('/api/admin').set('Cookie', shop)).status).toBe(401);
    expect((await agent.get('/api/me').set('Cookie', admin)).status).toBe(401);
    const both = `${shop}; ${admin}`;
    expect((await agent.get('/api/me').set('Cookie', both)).body).toEqual({ user: 'a customer' });
    expect((await agent.get('/api/admin').set('Cookie', both)).body).toEqual({ user: 'an administrator' });
  });

  it('refuses a request from another address than the one that signed in', async () => {
    const { app: nest } = await started(platform, { pinning: { onMismatch: 'reject' } });
    const elsewhere = await signIn(nest, { user: 'ada' }, { address: '203.0.113.9' });
    expect((await request(nest.getHttpServer()).get('/api/me').set('Cookie', elsewhere)).status).toBe(401);
  });

  it('writes the cookie for Playwright with the attributes of a login', async () => {
    const { app: nest, client, port } = await started(platform, { secret: SECRET, cookie: { sameSite: 'strict' } });
    const login = await client.post('/api/login');
    const { cookies, origins } = await signInState(nest, DATA, { url: `http://127.0.0.1:${port}` });
    expect(origins).toEqual([]);
    const [cookie] = cookies;
    expect(cookie).toMatchObject({
      name: 'session',
      domain: '127.0.0.1',
      path: '/',
      httpOnly: true,
      secure: false,
      sameSite: 'Strict',
    });
    const expires = Date.parse(/Expires=([^;]+)/.exec(login.cookie() ?? '')?.[1] ?? '') / 1000;
    expect((cookie?.expires ?? 0) - expires).toBeOneOf([0, 1]);
    const me = await client.get('/api/me', { cookie: `session=${cookie?.value}` });
    expect(me.status).toBe(200);
  });
});

describe('signIn on fastify', () => {
  it('gives what inject() takes, as a header and as a cookie', async () => {
    const { app: nest } = await started('fastify', { secret: SECRET });
    const fastify = nest as NestFastifyApplication;
    const cookie = await signIn(nest, { user: 'ada' });
    const byHeader = await fastify.inject({ url: '/api/me', headers: { cookie } });
    expect(byHeader.json()).toEqual({ user: 'ada' });
    const [name = '', value = ''] = cookie.split('=');
    const byCookie = await fastify.inject({ url: '/api/me', cookies: { [name]: value } });
    expect(byCookie.json()).toEqual({ user: 'ada' });
  });
});

describe('signIn', () => {
  it('needs an application of @nestjs/testing neither to listen nor to be initialised', async () => {
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ store: 'redis', redis: { url: 'redis://127.0.0.1:1' }, secret: SECRET })],
      controllers: [PlainController],
    })
      .overrideProvider(SESSION_STORE)
      .useValue(new MemoryStore())
      .compile();
    const early = await signIn(testing, { user: 'ada' });
    const nest: INestApplication = testing.createNestApplication();
    const late = await signIn(nest, { user: 'bob' });
    await nest.init();
    const agent = request(nest.getHttpServer());
    expect((await agent.get('/api/me').set('Cookie', early)).body).toEqual({ user: 'ada' });
    expect((await agent.get('/api/me').set('Cookie', late)).body).toEqual({ user: 'bob' });
    await nest.close();
  });

  it('leaves the attributes of the cookie to `url`', async () => {
    const { app: nest } = await start('express', { cookie: { domain: 'shop.test', persistent: false } });
    const { cookies } = await signInState(nest, { user: 'ada' }, { url: 'https://www.shop.test/a/page?of=it' });
    expect(cookies).toEqual([
      {
        name: 'session',
        value: expect.stringMatching(/^[\w-]{32}$/) as string,
        domain: '.shop.test',
        path: '/',
        expires: -1,
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
      },
    ]);
  });

  it.each<[what: string, data: object, error: unknown, message: RegExp]>([
    ['no data', {}, SessionConfigurationError, /got no data, .* such as \{ user \}/],
    ['data that are undefined', { user: undefined }, SessionConfigurationError, /got no data/],
    ['data that cannot be stored', { user: new (class User {})() }, SessionSerializationError, /user/],
    ['data under a reserved name', { save: 1 }, TypeError, /'save' is a reserved name/],
  ])('refuses %s', async (_what, data, error, message) => {
    const { app: nest } = await start('express', {});
    const failure: unknown = await signIn(nest, data).catch((caught: unknown) => caught);
    expect(failure).toBeInstanceOf(error);
    expect((failure as Error).message).toMatch(message);
  });

  it('refuses an option that it does not have, and a browser without an address', async () => {
    const { app: nest } = await start('express', {});
    await expect(signIn(nest, { user: 'ada' }, { adress: '::1' } as SignInOptions)).rejects.toThrow(
      new SessionConfigurationError("signIn() has no option 'adress': write name, url, headers, address, signedIn."),
    );
    for (const options of [undefined, {}]) {
      await expect(signInState(nest, { user: 'ada' }, options as never)).rejects.toThrow(
        new SessionConfigurationError(
          'signInState() needs the address where the browser finds the application: write { url } as the third argument.',
        ),
      );
    }
  });

  it.each<[what: string, session: SessionModuleOptions, options: SignInOptions, message: RegExp]>([
    ['a kind that there is not', {}, { name: 'admin' }, /no SessionModule with the name 'admin' .* import it there/],
    ['a store that keeps nothing', { store: 'null' }, {}, /does not keep sessions.*override SESSION_STORE/],
    ['plain http for a secure cookie', { cookie: { secure: true } }, { url: 'http://shop.test' }, /`url` with https/],
    [
      'a path without the cookie',
      { cookie: { path: '/api' } },
      { url: 'http://shop.test/web' },
      /to \/api and below, and not to \/web/,
    ],
  ])('refuses %s', async (_what, session, options, message) => {
    const { app: nest } = await start('express', session);
    const failure: unknown = await signIn(nest, { user: 'ada' }, options).catch((caught: unknown) => caught);
    expect(failure).toBeInstanceOf(SessionConfigurationError);
    expect((failure as Error).message).toMatch(message);
  });

  it('refuses an application without a SessionModule, what is no application, and one whose service is overridden', async () => {
    const bare = await Test.createTestingModule({}).compile();
    await expect(signIn(bare, { user: 'ada' })).rejects.toThrow(/found no SessionModule in the application: import it/);
    const pending = Test.createTestingModule({}) as never;
    await expect(signIn(pending, { user: 'ada' })).rejects.toThrow(/takes a Nest application: wait for/);
    await expect(signIn(undefined as never, { user: 'ada' })).rejects.toThrow(/takes a Nest application/);
    const overridden = await Test.createTestingModule({ imports: [SessionModule.forRoot()] })
      .overrideProvider(getSessionServiceToken())
      .useValue({ open: () => ({}) })
      .compile();
    await expect(signIn(overridden, { user: 'ada' })).rejects.toThrow(/override SESSION_STORE instead/);
    expect(() => overridden.get(SessionService)).not.toThrow();
  });

  it('fails with the error of the store when the back-end is down', async () => {
    const store = new MemoryStore();
    store.create = () => Promise.reject(new Error('down'));
    const { app: nest } = await start('express', { store });
    await expect(signIn(nest, { user: 'ada' })).rejects.toThrow(SessionStoreError);
  });

  it('does not run in production', async () => {
    const { app: nest } = await start('express', {});
    vi.stubEnv('NODE_ENV', 'production');
    await expect(signIn(nest, { user: 'ada' })).rejects.toThrow(/signIn\(\) is for tests .* NODE_ENV=production/);
    await expect(signInState(nest, { user: 'ada' }, { url: 'http://localhost' })).rejects.toThrow(
      /signInState\(\) is for/,
    );
  });
});

async function started(
  platform: Platform,
  session: SessionModuleOptions,
  rest: SessionAppOptions = {},
): Promise<{ app: INestApplication; client: Client; port: number }> {
  const running = await start(platform, session, rest);
  return { app: running.app, client: running.client(), port: running.port };
}

/** The text with every character of an id or a signature replaced: two texts of one shape differ by those alone. */
function shapeOf(text = ''): string {
  return text.replace(/[\w-]{20,}/g, (run) => 'x'.repeat(run.length));
}

/** The record with its times replaced; of a text that is not legible, what its serializer reads. */
function withoutTimes(text = '', { serializer }: SessionModuleOptions): unknown {
  if (serializer === undefined) return text.replace(/"_(\w*created|seen)":\d+(\.\d+)?/g, '"_$1":TIME');
  const record = serializer.parse(text) as Record<string, unknown>;
  expect([typeof record['_created'], typeof record['_seen']]).toEqual(['number', 'number']);
  return { ...record, _created: 'TIME', _seen: 'TIME' };
}
