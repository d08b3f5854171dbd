import {
  Catch,
  Controller,
  Get,
  Injectable,
  Redirect,
  Req,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import OAuth2Strategy from 'passport-oauth2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Answer, Client } from '../fixtures/client.js';
import { IdentityProvider } from '../fixtures/identity-provider.js';
import { SignedInGuard, UserSerializer, type PassportRequest, type User } from '../fixtures/passport-accounts.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

let provider: IdentityProvider;

beforeAll(async () => {
  provider = await IdentityProvider.start();
});

afterAll(() => provider.close());

@Injectable()
class ProviderStrategy extends PassportStrategy(OAuth2Strategy, 'provider') {
  constructor() {
    super({
      authorizationURL: `${provider.url}/authorize`,
      tokenURL: `${provider.url}/token`,
      clientID: 'shop',
      clientSecret: 'a secret',
      callbackURL: '/login/callback',
      state: true,
      pkce: true,
    });
  }

  override userProfile(accessToken: string, done: (error: unknown, profile?: User) => void): void {
    fetch(`${provider.url}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
      .then((response) => response.json() as Promise<User>)
      .then((profile) => done(null, profile), done);
  }

  validate(_accessToken: string, _refreshToken: string, { name }: User): User {
    return { name };
  }
}

/** Sends the user to the provider; on the way back, signs in. */
@Injectable()
class ProviderGuard extends AuthGuard('provider') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

/** Sends visitors who are not signed in to the login, and remembers where they wanted to go. */
@Catch(UnauthorizedException)
class LogInFirstFilter implements ExceptionFilter {
  catch(_exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<PassportRequest>();
    request.session.returnTo = request.originalUrl;
    http.getResponse<{ redirect(url: string): void }>().redirect('/login');
  }
}

@Controller()
class PageController {
  @UseGuards(ProviderGuard)
  @Get('login')
  login(): void {}

  @UseGuards(ProviderGuard)
  @Redirect()
  @Get('login/callback')
  callback(@Req() { session }: PassportRequest): object {
    const { returnTo = '/' } = session;
    delete session.returnTo;
    return { url: returnTo };
  }

  @UseGuards(SignedInGuard)
  @UseFilters(LogInFirstFilter)
  @Get('orders')
  orders(@Req() { user }: PassportRequest): object {
    return { user };
  }
}

describe.each(platforms)('a login by redirect with passport-oauth2 on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  beforeEach(async () => {
    provider.user = 'ada';
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store },
      imports: [PassportModule.register({ keepSessionInfo: true })],
      providers: [ProviderStrategy, UserSerializer],
      controllers: [PageController],
      setUp: (nest) => nest.enableCors(),
    });
    client = app.client();
  });

  afterEach(() => app.close());

  /** Where the provider sends the browser back to: a path of the application. */
  async function authorized(answer: Answer): Promise<string> {
    const response = await fetch(answer.header('location') ?? '', { redirect: 'manual' });
    const { host, pathname, search } = new URL(response.headers.get('location') ?? '');
    expect(host).toBe(`127.0.0.1:${app.port}`);
    return pathname + search;
  }

  it('leads to the provider, back under a new id, and on to the page that was asked for', async () => {
    const refused = await client.get('/orders?year=2026');
    expect([refused.status, refused.header('location')]).toEqual([302, '/login']);
    const toProvider = await client.get('/login');
    expect([toProvider.status, toProvider.header('content-length')]).toEqual([302, '0']);
    expect(toProvider.header('access-control-allow-origin')).toBe('*');
    const anonymous = client.cookieHeader;
    const back = await client.get(await authorized(toProvider));
    expect([back.status, back.header('location')]).toEqual([302, '/orders?year=2026']);
    expect(client.cookieHeader).not.toBe(anonymous);
    expect(await (await client.get('/orders?year=2026')).json()).toEqual({ user: { name: 'ada' } });
    expect((await app.client().get('/orders', { cookie: anonymous })).status).toBe(302);
  });

  it('leaves for the provider only after its state is saved, and with the cookie', async () => {
    const gate = store.pause('create');
    let hasLeft = false;
    const leaving = client.get('/login').then((answer) => {
      hasLeft = true;
      return answer;
    });
    await gate.reached;
    expect(hasLeft).toBe(false);
    gate.open();
    const answer = await leaving;
    expect([answer.status, answer.setCookie.length]).toEqual([302, 1]);
    expect(answer.header('cache-control')).toBe('no-store');
  });

  it('does not leave for the provider when the state cannot be saved', async () => {
    store.failing.add('create');
    const answer = await client.get('/login');
    expect([answer.status, answer.header('location'), answer.setCookie]).toEqual([503, undefined, []]);
  });

  it('signs nobody in by the callback of another browser', async () => {
    const callback = await authorized(await client.get('/login'));
    const victim = app.client();
    await victim.get('/login');
    expect((await victim.get(callback)).status).toBe(401);
    expect((await victim.get('/orders')).status).toBe(302);
    expect((await app.client().get(callback)).status).toBe(401);
  });

  it('signs nobody in by the same callback twice', async () => {
    const callback = await authorized(await client.get('/login'));
    const before = client.cookieHeader;
    expect((await client.get(callback)).status).toBe(302);
    expect((await app.client().get(callback, { cookie: before })).status).toBe(401);
  });

  it('signs nobody in who refuses at the provider', async () => {
    provider.user = undefined;
    const answer = await client.get(await authorized(await client.get('/login')));
    expect(answer.status).toBe(401);
    expect((await client.get('/orders')).status).toBe(302);
  });

  it('says 503 when the store is down as the browser comes back, and the next try succeeds', async () => {
    const callback = await authorized(await client.get('/login'));
    store.failing.add('read');
    expect((await client.get(callback)).status).toBe(503);
    store.failing.clear();
    expect((await client.get(callback)).status).toBe(302);
  });
});
