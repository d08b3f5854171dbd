import type { AddressInfo } from 'node:net';

import {
  Controller,
  Get,
  Injectable,
  Post,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  Public,
  Session,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  SessionService,
  SignedInGuard,
  type SessionModuleOptions,
  type UserOf,
} from '../../lib/index.js';
import { fakeSession, signIn } from '../../lib/testing/index.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface Data {
  user: { id: number };
  items: string[];
}

const user: UserOf = (data: Partial<Data>) => data.user?.id;

/** Where users sign in and out. Public where the guard is global. */
@Public()
@Controller()
class AccountController {
  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: ['items'] });
    session.user = { id: 7 };
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Post('cart')
  cart(@Session() session: Session<Data>): void {
    session.items = ['teapot'];
  }

  @Post('leave')
  leave(@Session() session: Session<Data>): void {
    delete session.user;
  }

  @Get('open')
  open(): string {
    return 'open';
  }

  @UseGuards(SignedInGuard)
  @Get('closed-again')
  closedAgain(): string {
    return 'closed again';
  }

  @Public()
  @UseGuards(SignedInGuard)
  @Get('contradictory')
  contradictory(): string {
    return 'contradictory';
  }
}

@Controller()
class PageController {
  @Get('page')
  page(): string {
    return 'page';
  }

  @Get('me')
  me(@Session('user') who: Data['user']): object {
    return who;
  }

  @Public()
  @Get('about')
  about(): string {
    return 'about';
  }

  @Public()
  @Get('greeting')
  greeting(@Session('user') who: Data['user'] | undefined): object {
    return { who: who?.id ?? null };
  }
}

@UseGuards(SignedInGuard)
@Controller('local')
class LocalController {
  @Get('page')
  page(): string {
    return 'page';
  }

  @Public()
  @Get('about')
  about(): string {
    return 'about';
  }
}

/** Public, though the class that it extends is guarded. */
@Public()
@Controller('derived')
class DerivedController extends LocalController {}

@Controller('other')
class EstablishedController {
  @Public()
  @UseGuards(SessionGuard)
  @Get('established')
  established(): string {
    return 'established';
  }
}

@Injectable()
class OwnGuard extends SignedInGuard {}

const controllers = [AccountController, PageController, LocalController, DerivedController, EstablishedController];

const globalGuards: readonly (readonly [string, Pick<SessionAppOptions, 'providers' | 'setUp'>])[] = [
  ['a class', { providers: [{ provide: APP_GUARD, useClass: SignedInGuard }] }],
  ['a provider that exists', { providers: [{ provide: APP_GUARD, useExisting: SignedInGuard }] }],
  ['a class that extends it', { providers: [{ provide: APP_GUARD, useClass: OwnGuard }] }],
  [
    'that class for each request anew',
    { providers: [{ provide: APP_GUARD, useClass: SignedInGuard, scope: Scope.REQUEST }] },
  ],
  ['an instance', { setUp: (nest: INestApplication) => void nest.useGlobalGuards(nest.get(SignedInGuard)) }],
];

describe.each(platforms)('SignedInGuard on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  async function start(options: SessionAppOptions = {}): Promise<void> {
    app = await SessionApp.start(platform, { controllers, ...options, session: { store, user, ...options.session } });
  }

  beforeEach(() => {
    store = new SpyStore();
  });

  afterEach(() => app.close());

  describe('on a controller', () => {
    beforeEach(() => start());

    it('lets a signed-in user pass, and nobody else', async () => {
      const client = app.client();
      const refused = await client.get('/local/page');
      expect([refused.status, await refused.json()]).toEqual([401, { message: 'Unauthorized', statusCode: 401 }]);
      await client.post('/login');
      expect((await client.get('/local/page')).status).toBe(200);
      await client.post('/logout');
      expect((await client.get('/local/page')).status).toBe(401);
    });

    it('does not take a cart for a user, as SessionGuard does', async () => {
      const client = app.client();
      await client.post('/cart');
      expect((await client.get('/other/established')).status).toBe(200);
      expect((await client.get('/local/page')).status).toBe(401);
    });

    it('refuses once the user is gone from the session that goes on', async () => {
      const client = app.client();
      await client.post('/cart');
      await client.post('/login');
      await client.post('/leave');
      expect((await client.get('/other/established')).status).toBe(200);
      expect((await client.get('/local/page')).status).toBe(401);
    });

    it('refuses after a logout elsewhere, and any cookie that is no session', async () => {
      const client = app.client();
      await client.post('/login');
      const cookie = client.cookieHeader;
      await client.post('/logout');
      for (const other of [cookie, 'session=', 'session=%00', `session=${'x'.repeat(32)}`, 'session=a; session=b']) {
        expect((await app.client().get('/local/page', { cookie: other })).status).toBe(401);
      }
    });

    it('leaves the other controllers alone', async () => {
      expect((await app.client().get('/page')).status).toBe(200);
    });

    it('lets everybody pass where @Public() is nearer: on the handler, or on a class that extends the guarded one', async () => {
      expect((await app.client().get('/local/about')).status).toBe(200);
      expect((await app.client().get('/derived/page')).status).toBe(200);
    });

    it('looks where it is named at least as near as @Public()', async () => {
      const client = app.client();
      expect((await client.get('/closed-again')).status).toBe(401);
      expect((await client.get('/contradictory')).status).toBe(401);
      await client.post('/login');
      expect((await client.get('/closed-again')).status).toBe(200);
    });

    it('is a 503 while the store is down, and logs nobody out', async () => {
      const client = app.client();
      await client.post('/login');
      store.failing.add('read');
      const answer = await client.get('/local/page');
      expect([answer.status, answer.header('retry-after'), answer.setCookie]).toEqual([503, '1', []]);
      store.failing.clear();
      expect((await client.get('/local/page')).status).toBe(200);
    });

    it('reads the session once, together with the handler, and writes nothing', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      await client.get('/local/page');
      expect(store.taken()).toBe('read');
    });

    it('lets the session of signIn() pass', async () => {
      const cookie = await signIn<Data>(app.app, { user: { id: 7 } });
      expect((await app.client().get('/local/page', { cookie })).status).toBe(200);
      const nobody = await signIn<Data>(app.app, { items: [] });
      expect((await app.client().get('/local/page', { cookie: nobody })).status).toBe(401);
    });
  });

  it('@Public() opens nothing that SessionGuard guards', async () => {
    await start();
    expect((await app.client().get('/other/established')).status).toBe(401);
  });

  describe.each(globalGuards)('of the whole application, as %s,', (_how, options) => {
    beforeEach(() => start(options));

    it('guards each handler but the public ones', async () => {
      const client = app.client();
      for (const path of ['/page', '/me']) expect((await client.get(path)).status).toBe(401);
      for (const path of ['/open', '/about', '/local/about', '/derived/page']) {
        expect((await client.get(path)).status).toBe(200);
      }
      expect((await client.post('/login')).status).toBe(201);
      expect(await (await client.get('/page')).text()).toBe('page');
      expect(await (await client.get('/me')).json()).toEqual({ id: 7 });
    });

    it('asks the store nothing for a public handler, unless that takes the session itself', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      const answer = await client.get('/about');
      expect([store.taken(), answer.header('vary')]).toEqual(['', undefined]);
      expect(await (await client.get('/greeting')).json()).toEqual({ who: 7 });
      expect(store.taken()).toBe('read');
    });

    it('reads the session once for a handler that takes it', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      await client.get('/me');
      expect(store.taken()).toBe('read');
    });

    it('leaves a path that no handler has as it is', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      expect((await app.client().get('/nowhere')).status).toBe(404);
      expect((await client.get('/nowhere')).status).toBe(404);
      expect(store.taken()).toBe('');
    });

    it('is a 503 while the store is down, except on what is public', async () => {
      const client = app.client();
      await client.post('/login');
      store.failing.add('read');
      expect((await client.get('/page')).status).toBe(503);
      expect((await client.get('/about')).status).toBe(200);
    });
  });

  it('opens a class of another package by Public()(…)', async () => {
    @Controller()
    class HealthController {
      @Get('health')
      health(): string {
        return 'ok';
      }
    }
    Public()(HealthController);
    await start({ controllers: [HealthController], providers: [{ provide: APP_GUARD, useClass: SignedInGuard }] });
    expect((await app.client().get('/health')).status).toBe(200);
  });

  describe('of a module with a name', () => {
    @Controller()
    class AdminController {
      @Public()
      @Post('admin/login')
      login(@Session.of('admin') session: Session<Data>): void {
        session.user = { id: 1 };
      }

      @UseGuards(SignedInGuard.of('admin'))
      @Public()
      @Get('admin/contradictory')
      contradictory(): string {
        return 'contradictory';
      }
    }

    /** Closed to users, and open to administrators. */
    @Public()
    @UseGuards(SignedInGuard.of('admin'))
    @Controller('admin')
    class PanelController {
      @Get('panel')
      panel(): string {
        return 'panel';
      }
    }

    it('is another guard, so that one can be open where the other looks', async () => {
      await start({
        controllers: [AccountController, PageController, AdminController, PanelController],
        providers: [{ provide: APP_GUARD, useClass: SignedInGuard }],
        imports: [SessionModule.forRoot({ name: 'admin', store, user })],
      });
      const client = app.client();
      await client.post('/login');
      expect((await client.get('/admin/panel')).status).toBe(401);
      await client.post('/admin/login');
      expect((await client.get('/admin/panel')).status).toBe(200);
      expect((await client.get('/admin/contradictory')).status).toBe(200);
      await client.post('/logout');
      expect((await client.get('/admin/panel')).status).toBe(200);
      expect((await client.get('/page')).status).toBe(401);
    });

    it('guards the whole application as well', async () => {
      await start({
        controllers: [AdminController, PageController],
        providers: [{ provide: APP_GUARD, useClass: SignedInGuard.of('admin') }],
        imports: [SessionModule.forRoot({ name: 'admin', store, user })],
      });
      const client = app.client();
      expect((await client.get('/page')).status).toBe(401);
      await client.post('/admin/login');
      expect((await client.get('/page')).status).toBe(200);
    });

    it('is one class for each name', () => {
      expect(SignedInGuard.of('admin')).toBe(SignedInGuard.of('admin'));
      expect(SignedInGuard.of('admin')).not.toBe(SignedInGuard.of('other'));
      expect(SignedInGuard.of('admin').name).toBe("SignedInGuard.of('admin')");
    });
  });

  it.each<[string, SessionModuleOptions]>([
    ['in the format of Quart-Session', { wire: 'quart', secret: 'a secret of enough characters for a test' }],
    ['with ids that are not hashed', { hashIds: false }],
    ['without tombstones', { tombstones: false }],
    ['with the list read too', { user: { of: user, verify: 'read' } }],
  ])('lets a signed-in user pass %s', async (_how, session) => {
    await start({ session });
    const client = app.client();
    await client.post('/login');
    expect((await client.get('/local/page')).status).toBe(200);
    await client.post('/logout');
    expect((await client.get('/local/page')).status).toBe(401);
  });
});

describe.each(platforms)('without the option `user`, on %s, the application', (platform) => {
  const apps: SessionApp[] = [];

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
  });

  async function start(options: SessionAppOptions): Promise<SessionApp> {
    const app = await SessionApp.start(platform, options);
    apps.push(app);
    return app;
  }

  const LACK = 'needs to know whose session it is: give the SessionModule the option `user`';

  it.each<[string, SessionAppOptions]>([
    ['a class names it', { controllers: [LocalController] }],
    ['a handler names it', { controllers: [AccountController] }],
    ...globalGuards
      .filter(([how]) => !how.includes('anew'))
      .map(([how, options]) => [`it is global as ${how}`, options] as [string, SessionAppOptions]),
  ])('does not start where %s', async (_where, options) => {
    await expect(start(options)).rejects.toThrow(LACK);
    await expect(start(options)).rejects.toBeInstanceOf(SessionConfigurationError);
  });

  it('does not start where that of a named module lacks it', async () => {
    @UseGuards(SignedInGuard.of('admin'))
    @Controller()
    class PanelController {
      @Get('panel')
      panel(): string {
        return 'panel';
      }
    }
    const options = {
      session: { user },
      controllers: [PanelController],
      imports: [SessionModule.forRoot({ name: 'admin' })],
    };
    await expect(start(options)).rejects.toThrow(`SignedInGuard.of('admin') ${LACK}`);
  });

  it('says so at each request where it could not be known before', async () => {
    const provider: Provider = { provide: APP_GUARD, useClass: SignedInGuard, scope: Scope.REQUEST };
    const app = await start({ controllers: [PageController], providers: [provider] });
    expect((await app.client().get('/page')).status).toBe(500);
    expect((await app.client().get('/about')).status).toBe(200);
    expect(app.warnings.join()).toContain(LACK);
  });

  it('starts where nothing names the guard', async () => {
    const app = await start({ controllers: [PageController] });
    expect((await app.client().get('/page')).status).toBe(200);
  });
});

describe('a stand-in for a session', () => {
  const handlers: Type = LocalController;

  async function statusFor(session: object): Promise<unknown> {
    const context = {
      getType: () => 'http',
      getClass: () => handlers,
      getHandler: () => LocalController.prototype.page,
    } as unknown as ExecutionContext;
    const guard: CanActivate = new SignedInGuard({ open: async () => session } as unknown as SessionService);
    return guard.canActivate(context);
  }

  it('passes when the option `user` finds a user in its data', async () => {
    expect(await statusFor(fakeSession<Data>({ user: { id: 7 } }, { user }))).toBe(true);
    await expect(statusFor(fakeSession<Data>({ items: [] }, { user }))).rejects.toThrow('Unauthorized');
    await expect(statusFor(fakeSession({}, { user }))).rejects.toThrow('Unauthorized');
  });

  it('passes in an application whose SessionService a test has replaced', async () => {
    const session = fakeSession<Data>({ user: { id: 7 } }, { user });
    const testing = await Test.createTestingModule({
      controllers: [LocalController],
      providers: [{ provide: SessionService, useValue: { open: async () => session } }],
    }).compile();
    const app = testing.createNestApplication();
    await app.listen(0, '127.0.0.1');
    const client = new Client((app.getHttpServer().address() as AddressInfo).port);
    expect((await client.get('/local/page')).status).toBe(200);
    delete session.user;
    expect((await client.get('/local/page')).status).toBe(401);
    await app.close();
  });

  it.each([
    ['of fakeSession() without the option', fakeSession<Data>({ user: { id: 7 } })],
    ['that fakeSession() has not made', { user: { id: 7 }, isNew: false }],
  ])('%s cannot tell whose it is, which the error says', async (_which, session) => {
    await expect(statusFor(session)).rejects.toThrow('write fakeSession(data, { user: (data) => data.user?.id })');
  });
});
