import { Authenticator, Strategy } from '@fastify/passport';
import { Controller, Get, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { openForFastifyPassport } from 'nest-session/fastify-passport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionModule } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface User {
  readonly name: string;
}

interface PassportSession {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

function sessionOf(request: FastifyRequest): PassportSession {
  return (request as unknown as { readonly session: PassportSession }).session;
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Whoever says a name and the right word, in the query. */
class QueryStrategy extends Strategy {
  constructor() {
    super('query');
  }

  override authenticate({ query }: FastifyRequest): void {
    const { name, word } = query as { name?: string; word?: string };
    if (word === 'right') this.success({ name });
    else this.fail('wrong word');
  }
}

@Controller()
class NamedController {
  @Get('named')
  named(@Req() request: FastifyRequest, @Session.of('admin') session: Session<{ user: string }>): object {
    sessionOf(request).set('user', 'ada');
    return { user: session.user };
  }
}

@Controller()
class NestController {
  @Get('cart')
  cart(@Session() session: Session<{ cart: string[] }>): object {
    session.cart = [...(session.cart ?? []), 'book'];
    return { cart: session.cart };
  }

  @Get('data')
  data(@Session() session: object): object {
    return { ...session };
  }

  @Get('nest-me')
  me(@Req() request: FastifyRequest): object {
    return { user: request.user ?? null };
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

describe.each([
  ['on every route', true],
  ['on its own routes', false],
])('@fastify/passport with the hook %s', (_where, isEverywhere) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;
  let lookUps: number;

  async function start(options: ConstructorParameters<typeof Authenticator>[0] = {}): Promise<void> {
    await app?.close();
    store = new SpyStore();
    const authenticator = new Authenticator(options);
    authenticator.use(new QueryStrategy());
    authenticator.registerUserSerializer<User, string>(({ name }) => Promise.resolve(name));
    authenticator.registerUserDeserializer<string, User | false>((name) => {
      lookUps += 1;
      return Promise.resolve(name === 'removed' ? false : { name });
    });
    app = await SessionApp.start('fastify', {
      session: { store },
      controllers: [NestController],
      setUp: (nest) => setUp(nest as NestFastifyApplication, authenticator),
    });
    client = app.client();
    lookUps = 0;
  }

  async function setUp(nest: NestFastifyApplication, authenticator: InstanceType<typeof Authenticator>): Promise<void> {
    const fastify = nest.getHttpAdapter().getInstance();
    const open = openForFastifyPassport(nest);
    await nest.register(authenticator.initialize());
    if (isEverywhere) {
      fastify.addHook('preValidation', open);
      await nest.register(authenticator.secureSession());
    }
    const first = isEverywhere ? [] : [open, authenticator.authenticate('session') as Hook];
    const route = (path: string, hooks: readonly Hook[], handler: Hook): void => {
      fastify.get(path, { preValidation: [...first, ...hooks] }, handler);
    };
    const attempt = (given: object): Hook => authenticator.authenticate('query', given) as Hook;
    route('/login', [attempt({ authInfo: false })], ({ user }) => Promise.resolve({ user }));
    route('/keep', [attempt({ authInfo: false, keepSessionInfo: true })], ({ user }) => Promise.resolve({ user }));
    route(
      '/page-login',
      [
        attempt({
          successReturnToOrRedirect: '/me',
          failureRedirect: '/messages',
          failureMessage: true,
          failureFlash: true,
        }),
      ],
      () => Promise.resolve(),
    );
    route('/me', [], (request, reply) => {
      if (request.isAuthenticated()) return Promise.resolve({ user: request.user });
      const session = sessionOf(request);
      session.set('returnTo', request.url);
      return Promise.resolve(reply.code(401).send());
    });
    route('/logout', [], async (request) => {
      await request.logOut();
      return {};
    });
    route('/messages', [], (request, reply) =>
      Promise.resolve({ messages: sessionOf(request).get('messages') ?? [], flash: reply.flash('error') }),
    );
  }

  beforeEach(() => start());

  afterEach(() => app.close());

  async function json(path: string, cookie = client.cookieHeader): Promise<unknown> {
    const answer = await client.get(path, { cookie });
    return answer.status === 200 ? answer.json() : answer.status;
  }

  const ADA = { user: { name: 'ada' } };

  it('signs in under a new id, knows the user, and signs out', async () => {
    await client.get('/cart');
    const anonymous = client.cookieHeader;
    expect(await json('/login?name=ada&word=right')).toEqual(ADA);
    expect(client.cookieHeader).not.toBe(anonymous);
    expect(await json('/me')).toEqual(ADA);
    expect(await json('/me', anonymous)).toBe(401);
    expect(await json('/cart')).toEqual({ cart: ['book'] });
    const signedIn = client.cookieHeader;
    expect(await json('/logout')).toEqual({});
    expect([await json('/me', signedIn), await json('/me')]).toEqual([401, 401]);
    expect(app.warnings.filter((line) => line.includes('request.session'))).toEqual([]);
  });

  it('keeps the cart with keepSessionInfo', async () => {
    await client.get('/cart');
    await client.get('/keep?name=ada&word=right');
    expect(await json('/cart')).toEqual({ cart: ['book', 'book'] });
    expect(await json('/me')).toEqual(ADA);
  });

  it('keeps all with clearSessionOnLogin: false, under a new id, and at the logout too', async () => {
    await start({ clearSessionOnLogin: false });
    await client.get('/cart');
    const anonymous = client.cookieHeader;
    await client.get('/login?name=ada&word=right');
    expect(client.cookieHeader).not.toBe(anonymous);
    expect(await json('/data')).toEqual({ cart: ['book'], passport: 'ada' });
    await client.get('/logout');
    expect(await json('/data')).toEqual({ cart: ['book'] });
  });

  it('keeps the fields of clearSessionIgnoreFields', async () => {
    await start({ clearSessionIgnoreFields: ['cart'] });
    await client.get('/cart');
    await client.get('/login?name=ada&word=right');
    expect(await json('/data')).toEqual({ cart: ['book'], passport: 'ada' });
  });

  it('says what failed on the next page, and returns to the page that was asked for', async () => {
    expect(await json('/me')).toBe(401);
    const failed = await client.get('/page-login?name=ada&word=wrong');
    expect([failed.status, failed.header('location')]).toEqual([302, '/messages']);
    expect(await json('/messages')).toEqual({ messages: ['wrong word'], flash: ['wrong word'] });
    expect(await json('/messages')).toEqual({ messages: ['wrong word'], flash: [] });
    await start({ clearSessionIgnoreFields: ['returnTo'] });
    await client.get('/me?tab=2');
    const back = await client.get('/page-login?name=ada&word=right');
    expect([back.status, back.header('location')]).toEqual([302, '/me?tab=2']);
    expect(await json('/me')).toEqual(ADA);
  });

  it('refuses a wrong word, and a user who was removed', async () => {
    expect(await json('/login?name=ada&word=wrong')).toBe(401);
    expect(client.cookieHeader).toBe('');
    await client.get('/login?name=removed&word=right');
    expect(await json('/me')).toBe(401);
  });

  it('says 503 while the store is down', async () => {
    await client.get('/login?name=ada&word=right');
    store.failing.add('read');
    expect(await json('/me')).toBe(503);
    store.failing.clear();
    expect(await json('/me')).toEqual(ADA);
  });

  it(`${isEverywhere ? 'knows the user of' : 'leaves alone'} the routes of Nest`, async () => {
    await client.get('/login?name=ada&word=right');
    store.taken();
    lookUps = 0;
    expect(await json('/nest-me')).toEqual(isEverywhere ? ADA : { user: null });
    expect([store.taken(), lookUps]).toEqual(isEverywhere ? ['read', 1] : ['', 0]);
  });
});

it('opens the session of the module that shows it as request.session, also where that has a name', async () => {
  const app = await SessionApp.start('fastify', {
    session: { exposeAs: false },
    imports: [SessionModule.forRoot({ name: 'admin', exposeAs: 'session' })],
    controllers: [NamedController],
    setUp: (nest) => {
      const hook = openForFastifyPassport(nest) as Hook;
      (nest as NestFastifyApplication).getHttpAdapter().getInstance().addHook('preValidation', hook);
    },
  });
  const answer = await app.client().get('/named');
  expect([await answer.json(), answer.cookie('admin-session'), answer.cookie()]).toEqual([
    { user: 'ada' },
    expect.any(String),
    undefined,
  ]);
  await app.close();
});

it.each([
  ["'httpSession'", { exposeAs: 'httpSession' }],
  ['false', { name: 'admin' }],
])('refuses the hook where the session shows as %s', async (shown, session) => {
  const app = await SessionApp.start('fastify', { session });
  expect(() => openForFastifyPassport(app.app)).toThrow(
    `@fastify/passport reads request.session, but exposeAs is ${shown}: write exposeAs: 'session'.`,
  );
  await app.close();
});
