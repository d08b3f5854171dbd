import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';

import type Authenticator from '@fastify/passport';
import { Controller, Get, Module, Session, type INestApplication, type Type } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import passport from 'passport';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { UserSessions } from '../../lib/index.js';
import { Chapter } from '../fixtures/chapter.js';
import { freePort } from '../fixtures/child-server.mjs';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { IdentityProvider } from '../fixtures/identity-provider.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';

let chapter: Chapter;
let provider: IdentityProvider;
let app: INestApplication | undefined;

beforeAll(async () => {
  chapter = new Chapter('passport');
  provider = await IdentityProvider.start();
  provider.user = '1';
  vi.stubEnv('PROVIDER_URL', provider.url);
}, 60_000);

afterAll(() => {
  vi.unstubAllEnvs();
  provider.close();
});

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function listen(
  platform: Platform,
  module: Type,
  setUp: (nest: INestApplication) => unknown = () => {},
): Promise<Client> {
  app = await createOn(platform, module, { logger: false, abortOnError: false });
  await setUp(app);
  await app.listen(0, '127.0.0.1');
  return new Client((app.getHttpServer().address() as AddressInfo).port);
}

async function load<T = Type>(file: string, name: string): Promise<T> {
  return (await chapter.load<Record<string, T>>(file))[name] as T;
}

const FORM = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };

describe.each(platforms)('the program of docs/passport.md on %s', (platform) => {
  it('signs in with a password, keeps the cart, and signs out in both ways', async () => {
    const client = await listen(platform, await load('accounts.module.ts', 'AccountsModule'));
    const logIn = async (): Promise<object> =>
      (await client.post('/login', { ...FORM, body: 'name=ada&password=lovelace' })).json();
    expect((await client.post('/login', { ...FORM, body: 'name=ada&password=byron' })).status).toBe(401);
    expect(await (await client.get('/hello')).json()).toEqual({ hello: 'stranger' });
    await client.post('/cart');
    expect(await logIn()).toEqual({ name: 'ada' });
    expect(await (await client.get('/me')).json()).toEqual({ name: 'ada', cart: ['book'] });
    expect(await (await client.get('/hello')).json()).toEqual({ hello: 'ada' });
    expect(await app?.get(UserSessions).list('1')).toHaveLength(1);
    await client.post('/forget-me');
    expect(await app?.get(UserSessions).list('1')).toEqual([]);
    expect((await client.get('/me')).status).toBe(401);
    await logIn();
    expect(await (await client.get('/me')).json()).toEqual({ name: 'ada', cart: ['book'] });
    await client.post('/logout');
    expect([(await client.get('/me')).status, client.cookieHeader]).toEqual([401, '']);
  });

  it('signs in by redirect, and returns to the page that was asked for', async () => {
    const client = await listen(platform, await load('redirect.module.ts', 'RedirectModule'));
    expect((await client.get('/orders?page=2')).header('location')).toBe('/login/provider');
    const { headers } = await fetch((await client.get('/login/provider')).header('location') ?? '', {
      redirect: 'manual',
    });
    const callback = new URL(headers.get('location') ?? '');
    expect((await client.get(callback.pathname + callback.search)).header('location')).toBe('/orders?page=2');
    expect(await (await client.get('/orders?page=2')).json()).toEqual({ orders: [], of: 'ada' });
  });

  it('leaves request.session alone with exposeAs', async () => {
    await listen(platform, await load('expose-as.module.ts', 'ExposeAsModule'));
  });
});

it('starts on Fastify with the main.ts of the page', async () => {
  const port = await freePort();
  const program = spawn(process.execPath, [chapter.compiled('main.ts')], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  onTestFinished(() => void program.kill());
  const hello = await eventually(async () => program.exitCode === null && fetch(`http://127.0.0.1:${port}/hello`));
  expect(await (hello as Response).json()).toEqual({ hello: 'stranger' });
});

describe('Passport says what the page quotes', () => {
  const NO_SESSION = 'Login sessions require session support. Did you forget to use `express-session` middleware?';
  const CLASSES = {
    Accounts: 'accounts.ts',
    PasswordStrategy: 'password.strategy.ts',
    UserSerializer: 'user.serializer.ts',
  };

  interface Slip {
    readonly passport?: object;
    readonly left?: string;
    readonly path?: string;
    readonly setUp?: (nest: INestApplication) => void;
  }

  /** What the application logs at a request that fails. */
  async function errorsWith({
    passport: options = {},
    left = '',
    path = '/login',
    setUp = () => {},
  }: Slip): Promise<string> {
    // Passport keeps what earlier applications have registered.
    passport.unuse('local');
    (Reflect.get(passport, '_serializers') as unknown[]).length = 0;
    const imported = Reflect.getMetadata('imports', await load('accounts.module.ts', 'AccountsModule')) as object[];
    const session = left === 'SessionModule' ? [] : imported.slice(0, 1);
    const classes = Object.entries(CLASSES).filter(([name]) => name !== left);
    class SlippedModule {}
    Module({
      imports: [...(session as Type[]), PassportModule.register(options)],
      controllers: [await load('account.controller.ts', 'AccountController')],
      providers: await Promise.all(classes.map(([name, file]) => load(file, name))),
    })(SlippedModule);
    const errors: string[] = [];
    const logger = { log() {}, warn() {}, error: (error: unknown) => void errors.push(String(error)) };
    app = await createOn('express', SlippedModule, { logger, abortOnError: false });
    setUp(app);
    await app.listen(0, '127.0.0.1');
    const client = new Client((app.getHttpServer().address() as AddressInfo).port);
    const logIn = { ...FORM, body: 'name=ada&password=lovelace' };
    expect((path === '/login' ? await client.post(path, logIn) : await client.get(path)).status).toBe(500);
    return errors.join('\n');
  }

  it.each<[string, Slip, string]>([
    ['a SessionModule', { left: 'SessionModule' }, NO_SESSION],
    ['a session for its guards', { passport: { session: false }, path: '/hello' }, NO_SESSION],
    ['an open session for its middleware', { setUp: (nest) => void nest.use(passport.session()) }, NO_SESSION],
    ['the strategy', { left: 'PasswordStrategy' }, 'Unknown authentication strategy'],
    ['the serializer', { left: 'UserSerializer' }, 'Failed to serialize user into session'],
  ])('without %s', async (_what, slip, message) => {
    expect(await errorsWith(slip)).toContain(message);
  });
});

async function moduleWith(...controllers: Type[]): Promise<Type> {
  class PageModule {}
  Module({ imports: [await load('accounts.module.ts', 'AccountsModule')], controllers })(PageModule);
  return PageModule;
}

it('carries flash messages over to the next page on express', async () => {
  const module = await moduleWith(await load('flash.controller.ts', 'FlashController'));
  const client = await listen(
    'express',
    module,
    await load<(nest: INestApplication) => void>('flash.controller.ts', 'useFlash'),
  );
  await client.get('/flash/leave');
  expect(await (await client.get('/flash/take')).json()).toEqual({ messages: ['Saved.'] });
  expect(await (await client.get('/flash/take')).json()).toEqual({ messages: [] });
});

it('finds the user for the paths of the middleware', async () => {
  const usePassport = await load<(nest: INestApplication) => void>('passport-middleware.ts', 'usePassport');
  const client = await listen('express', await moduleWith(), (nest) => {
    usePassport(nest);
    nest.use('/members', (request: { user?: { name: string } }, response: { end(body: string): void }) =>
      response.end(request.user?.name ?? 'stranger'),
    );
  });
  expect(await (await client.get('/members')).text()).toBe('stranger');
  await client.post('/login', { ...FORM, body: 'name=ada&password=lovelace' });
  expect(await (await client.get('/members')).text()).toBe('ada');
});

it('finds the user for the routes of @fastify/passport', async () => {
  const { authenticator, useFastifyPassport } = await chapter.load<{
    authenticator: typeof Authenticator;
    useFastifyPassport(nest: INestApplication): Promise<void>;
  }>('fastify-passport.ts');
  authenticator.registerUserDeserializer((id) => Promise.resolve({ id }));

  @Controller()
  class SigningController {
    @Get('sign-in')
    signIn(@Session() session: { passport?: string }): void {
      session.passport = '1';
    }
  }

  const client = await listen('fastify', await moduleWith(SigningController), useFastifyPassport);
  expect(await (await client.get('/fastify/me')).json()).toEqual({ user: null });
  await client.get('/sign-in');
  expect(await (await client.get('/fastify/me')).json()).toEqual({ user: { id: '1' } });
});
