import {
  Controller,
  Get,
  Inject,
  Injectable,
  Post,
  Req,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, SessionModule, type SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import {
  LogInGuard,
  lookUps,
  PasswordStrategy,
  SignedInGuard,
  UserGuard,
  UserSerializer,
  type PassportRequest,
} from '../fixtures/passport-accounts.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

const Public = Reflector.createDecorator<true>();

@Injectable()
class UnlessPublicGuard extends SignedInGuard {
  @Inject(Reflector) private readonly reflector!: Reflector;

  override canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.get(Public, context.getHandler())) return Promise.resolve(true);
    return super.canActivate(context);
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedGuard extends UnlessPublicGuard {}

/** Reads the session before the AuthGuard that stands behind it. */
@Injectable()
class EarlyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { session } = context.switchToHttp().getRequest<PassportRequest>();
    session.messages = [...(session.messages ?? []), 'seen'];
    return true;
  }
}

/** Bearer tokens, each the name of its user: no strategy of this kind reads a session. */
@Injectable()
class TokenStrategy extends PassportStrategy(Strategy, 'token') {
  override authenticate({ headers }: { readonly headers: { readonly authorization?: string | undefined } }): void {
    if (headers.authorization === undefined) this.fail(401);
    else this.success({ name: headers.authorization });
  }

  validate(): void {}
}

@Controller()
class LogInController {
  @Public(true)
  @UseGuards(LogInGuard)
  @Post('login')
  login(): void {}
}

@Controller()
class PlainController extends LogInController {
  @Public(true)
  @Get('page')
  page(): string {
    return 'a page';
  }

  @Get('me')
  me(@Req() { user }: PassportRequest): object {
    return { user };
  }
}

@UseGuards(SignedInGuard)
@Controller('whole')
class WholeController {
  @Get('me')
  me(@Req() { user }: PassportRequest): object {
    return { user };
  }
}

@Controller('each')
class EachController {
  @UseGuards(new SignedInGuard())
  @Get('instance')
  instance(@Req() { user }: PassportRequest): object {
    return { user };
  }

  @UseGuards(ScopedGuard)
  @Get('scoped')
  scoped(@Req() { user }: PassportRequest): object {
    return { user };
  }

  @UseGuards(EarlyGuard, UserGuard)
  @Get('early')
  early(@Req() { user, session }: PassportRequest): object {
    return { user, messages: session.messages };
  }

  @UseGuards(AuthGuard('token'))
  @Get('token')
  token(@Req() { user }: PassportRequest): object {
    return { user };
  }

  /** Passport takes back the user that it has found: it expects one from the strategy itself. */
  @UseGuards(AuthGuard('session'))
  @Get('bare')
  bare(@Req() { user }: PassportRequest): object {
    return { user: user ?? null };
  }

  @UseGuards(SignedInGuard)
  @Get('unsaveable')
  unsaveable(@Session() session: Session<{ function: unknown }>): void {
    session.function = () => 1;
  }
}

const ADA = { user: { name: 'ada' } };

describe.each(platforms)('the guards of Passport on %s', (platform) => {
  const apps: SessionApp[] = [];
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  interface Options extends Pick<SessionAppOptions, 'first' | 'providers' | 'setUp'> {
    readonly passport?: object;
    readonly session?: SessionModuleOptions;
  }

  async function start({ passport = {}, session = {}, providers = [], ...more }: Options = {}): Promise<void> {
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store, ...session },
      imports: [PassportModule.register(passport)],
      providers: [PasswordStrategy, UserSerializer, TokenStrategy, ...providers],
      controllers: [PlainController, WholeController, EachController],
      ...more,
    });
    apps.push(app);
    client = app.client();
    await client.post('/login?name=ada&password=right');
    lookUps.count = 0;
    store.taken();
  }

  afterEach(async () => {
    for (const each of apps.splice(0)) await each.close();
  });

  it.each(['/whole/me', '/each/instance', '/each/scoped'])('know the user of %s', async (path) => {
    await start();
    expect(await (await client.get(path)).json()).toEqual(ADA);
    expect([store.taken(), lookUps.count]).toEqual(['read', 1]);
    expect((await app.client().get(path)).status).toBe(401);
  });

  it('run after the session is open to the guards before them, too', async () => {
    await start();
    expect(await (await client.get('/each/early')).json()).toEqual({ ...ADA, messages: ['seen'] });
    expect(await (await client.get('/each/early')).json()).toEqual({ ...ADA, messages: ['seen', 'seen'] });
  });

  it('let a failed save reach the exception filters', async () => {
    await start();
    const answer = await client.get('/each/unsaveable');
    expect([answer.status, answer.header('content-type')]).toEqual([500, expect.stringContaining('json')]);
    expect(app.warnings.join()).not.toContain('an error was sent in place of its response');
  });

  it('of two applications in one process open the session of the one that was asked', async () => {
    await start();
    const [first, firstStore] = [client, store];
    await start();
    expect(await (await first.get('/each/instance')).json()).toEqual(ADA);
    expect([firstStore.taken(), store.taken()]).toEqual(['read', '']);
    expect(await (await client.get('/each/instance')).json()).toEqual(ADA);
    expect([firstStore.taken(), store.taken()]).toEqual(['', 'read']);
  });

  describe.each([
    ['APP_GUARD', { providers: [{ provide: APP_GUARD, useClass: UnlessPublicGuard }] }],
    [
      'APP_GUARD of a provider',
      { providers: [UnlessPublicGuard, { provide: APP_GUARD, useExisting: UnlessPublicGuard }] },
    ],
    [
      'useGlobalGuards',
      {
        providers: [UnlessPublicGuard],
        setUp: (nest: Parameters<NonNullable<SessionAppOptions['setUp']>>[0]) => {
          nest.useGlobalGuards(nest.get(UnlessPublicGuard));
        },
      },
    ],
  ])('for the whole application, by %s,', (_way, options) => {
    it('know the user of every route', async () => {
      await start(options);
      expect(await (await client.get('/me')).json()).toEqual(ADA);
      expect([store.taken(), lookUps.count]).toEqual(['read', 1]);
      expect((await app.client().get('/me')).status).toBe(401);
    });

    it('open no session for a public page', async () => {
      await start(options);
      expect(await (await client.get('/page')).text()).toBe('a page');
      expect([store.taken(), lookUps.count]).toEqual(['', 0]);
    });

    it('say 503 while the store is down', async () => {
      await start(options);
      store.failing.add('read');
      expect((await client.get('/me')).status).toBe(503);
      expect((await client.get('/page')).status).toBe(200);
    });
  });

  it('for the whole application may be one object for two applications, which are open one after the other', async () => {
    const guard = new UserGuard();
    const setUp: SessionAppOptions['setUp'] = (nest) => void nest.useGlobalGuards(guard);
    await start({ setUp });
    const firstStore = store;
    await app.close();
    await start({ setUp });
    firstStore.taken();
    expect(await (await client.get('/me')).json()).toEqual(ADA);
    expect([firstStore.taken(), store.taken()]).toEqual(['', 'read']);
  });

  it('for the whole application know the user of every route, made anew for each request', async () => {
    await start({ providers: [{ provide: APP_GUARD, useClass: ScopedGuard }] });
    expect(await (await client.get('/me')).json()).toEqual(ADA);
    expect((await app.client().get('/me')).status).toBe(401);
  });

  it('open the session for a strategy that may need it, and not where they are told that none does', async () => {
    const bearer = { headers: { authorization: 'grace' } };
    const grace = { user: { name: 'grace' } };
    await start();
    expect(await (await client.get('/each/token', bearer)).json()).toEqual(grace);
    expect(store.taken()).toBe('read');
    await start({ passport: { session: false } });
    client.jar.set('session', 'a'.repeat(32));
    expect(await (await client.get('/each/token', bearer)).json()).toEqual(grace);
    expect(store.taken()).toBe('');
    expect((await client.get('/each/token')).status).toBe(401);
  });

  it('open the session that shows as request.session, and none of another kind', async () => {
    const adminStore = new SpyStore();
    await start({ first: [SessionModule.forRoot({ name: 'admin', store: adminStore })] });
    client.jar.set('admin-session', 'a'.repeat(32));
    expect(await (await client.get('/whole/me')).json()).toEqual(ADA);
    expect([store.taken(), adminStore.taken()]).toEqual(['read', '']);
  });

  describe('where no session shows as request.session', () => {
    const startWith = async (session: object, passport = {}, more: SessionAppOptions = {}): Promise<void> => {
      app = await SessionApp.start(platform, {
        session,
        imports: [PassportModule.register(passport)],
        providers: [PasswordStrategy, UserSerializer],
        controllers: [PlainController],
        ...more,
      });
      apps.push(app);
    };
    const warning = (guarded: string): unknown => expect.stringContaining(`guards ${guarded}, but Passport reads`);

    it.each([{ exposeAs: false }, { exposeAs: 'other' }, { name: 'admin' }])(
      'cause a warning with %o',
      async (session) => {
        await startWith(session);
        expect(app.warnings).toEqual([warning('PlainController.login')]);
      },
    );

    it('cause one warning for all modules, which names the controller that they stand on', async () => {
      const first = [SessionModule.forRoot({ name: 'admin' })];
      await startWith({ exposeAs: false }, {}, { first, controllers: [WholeController] });
      expect(app.warnings).toEqual([warning('WholeController')]);
    });

    it.each([{ useClass: SignedInGuard }, { useClass: ScopedGuard }])(
      'cause one as guards of the whole application, %o',
      async (guard) => {
        const providers = [PasswordStrategy, UserSerializer, { provide: APP_GUARD, ...guard }];
        await startWith({ exposeAs: false }, {}, { providers });
        expect(app.warnings).toEqual([warning('the whole application')]);
      },
    );

    it('cause none where they need no session, and none where a named module shows its own there', async () => {
      await startWith({ exposeAs: false }, { session: false });
      expect(app.warnings).toEqual([]);
      await startWith({ name: 'admin', exposeAs: 'session' });
      expect(app.warnings).toEqual([]);
      const login = await app.client().post('/login?name=ada&password=right');
      expect(login.status).toBe(201);
    });
  });

  it('cannot be AuthGuard("session") alone, which lets everybody pass and forgets the user', async () => {
    await start();
    expect(await (await client.get('/each/bare')).json()).toEqual({ user: null });
    expect((await app.client().get('/each/bare')).status).toBe(200);
  });
});
