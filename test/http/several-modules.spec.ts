import {
  Controller,
  Get,
  Inject,
  Module,
  Post,
  Session as NestSession,
  UseGuards,
  type ModuleMetadata,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import {
  getSessionServiceToken,
  getSessionStoreToken,
  HmacSigner,
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionGuard,
  SessionModule,
  SessionService,
  type CookieSigner,
  type SessionStore,
} from '../../lib/index.js';
import { wholeStore } from '../../lib/stores/application-store.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string };

@Controller('shop')
class ShopController {
  @Post('login')
  login(@Session() session: Session<Data>): void {
    session.user = 'a customer';
  }

  @UseGuards(SessionGuard)
  @Get('who')
  who(@Session('user') user: string, @NestSession() session: Data): object {
    return { user, nest: session.user };
  }
}

@Controller('admin')
class AdminController {
  @Post('login')
  async login(@Session.of('admin') session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'an administrator';
  }

  @UseGuards(SessionGuard.of('admin'))
  @Get('who')
  who(@Session.of('admin', 'user') user: string): object {
    return { user };
  }

  @Post('logout')
  logout(@Session.of('admin') session: Session<Data>): Promise<void> {
    return session.destroy();
  }
}

@Controller('both')
class BothController {
  constructor(
    @Inject(SessionService) private readonly shop: SessionService,
    @Inject(getSessionServiceToken('admin')) private readonly admin: SessionService,
  ) {}

  @Get()
  both(
    @Session() one: Session<Data>,
    @Session.of('admin') other: Session<Data>,
    @NestSession() nest: Data,
  ): Promise<object> {
    const before = [one.user ?? null, other.user ?? null, nest === one];
    one.user = 'customer';
    other.user = 'administrator';
    return Promise.resolve({ before });
  }

  @Get('names')
  names(): object {
    return [this.shop.name, this.admin.name];
  }
}

function moduleOf(metadata: ModuleMetadata): new () => object {
  class AnyModule {}
  Module(metadata)(AnyModule);
  return AnyModule;
}

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function listening(platform: Platform, root: new () => object): Promise<Client> {
  const app = await createOn(platform, root, { logger: false, abortOnError: false });
  opened.push(app);
  await app.listen(0, '127.0.0.1');
  return new Client((app.getHttpServer().address() as { port: number }).port);
}

function starting(platform: Platform, imports: unknown[], metadata: ModuleMetadata = {}): Promise<unknown> {
  const root = moduleOf({ ...metadata, imports: imports as never });
  return createOn(platform, root, { logger: false, abortOnError: false }).then(async (app) => {
    opened.push(app);
    await app.init();
  });
}

/** A controller whose handler takes what the decorator gives. */
function taking(decorator: ParameterDecorator): ModuleMetadata {
  @Controller()
  class TakingController {
    @Get('take')
    take(@decorator session: Data): object {
      return session;
    }
  }
  return { controllers: [TakingController] };
}

const controllers = [ShopController, AdminController, BothController];

describe.each(platforms)('a SessionModule with a name beside the one without on %s', (platform) => {
  function twoKinds(shop: object = {}, admin: object = {}): Promise<Client> {
    const imports = [SessionModule.forRoot(shop), SessionModule.forRoot({ name: 'admin', ...admin })];
    return listening(platform, moduleOf({ imports, controllers }));
  }

  it('each has a session, a guard and a cookie of its own', async () => {
    const client = await twoKinds();
    expect((await client.post('/shop/login')).cookie('session')).toBeDefined();
    expect((await client.get('/admin/who')).status).toBe(401);
    const answer = await client.post('/admin/login');
    expect(answer.setCookie.map((line) => line.split('=')[0])).toEqual(['admin-session']);
    expect(await (await client.get('/shop/who')).json()).toEqual({ user: 'a customer', nest: 'a customer' });
    expect(await (await client.get('/admin/who')).json()).toEqual({ user: 'an administrator' });
    await client.post('/admin/logout');
    expect((await client.get('/admin/who')).status).toBe(401);
    expect((await client.get('/shop/who')).status).toBe(200);
  });

  it('both can be open in one request, and both are saved before its answer leaves', async () => {
    const [shopStore, adminStore] = [new SpyStore(), new SpyStore()];
    shopStore.delay = 30;
    adminStore.delay = 60;
    const client = await twoKinds({ store: shopStore }, { store: adminStore });
    const first = await client.get('/both');
    expect(first.setCookie.map((line) => line.replace(/=.*/, '')).toSorted()).toEqual(['admin-session', 'session']);
    const second = await client.get('/both');
    expect(await second.json()).toEqual({ before: ['customer', 'administrator', true] });
    expect([await first.json(), shopStore.taken(), adminStore.taken()]).toEqual([
      { before: [null, null, true] },
      'create read',
      'create read',
    ]);
    expect(await (await client.get('/both/names')).json()).toEqual(['default', 'admin']);
  });

  it.each([
    ['bare', {}],
    ['signed with the same secret', { secret: 'x'.repeat(32) }],
    ['under plain ids in one prefix', { hashIds: false, keyPrefix: 's:' }],
  ])('the cookie of one kind, renamed to the other, opens nothing: %s', async (_how, options) => {
    const store = new MemoryStore();
    const client = await twoKinds({ store, ...options }, { store, ...options });
    await client.post('/shop/login');
    const cookie = client.cookieHeader;
    expect((await client.get('/shop/who', { cookie })).status).toBe(200);
    const renamed = cookie.replace('session=', 'admin-session=');
    expect((await client.get('/admin/who', { cookie: renamed })).status).toBe(401);
    await client.post('/admin/login');
    const admin = client.cookieHeader.split('; ').find((pair) => pair.startsWith('admin-session='));
    expect((await client.get('/admin/who', { cookie: admin })).status).toBe(200);
    expect((await client.get('/shop/who', { cookie: admin?.replace('admin-', '') })).status).toBe(401);
  });

  it('a signed cookie of the other kind does not contact the store', async () => {
    const [shopStore, adminStore] = [new SpyStore(), new SpyStore()];
    const secret = 'x'.repeat(32);
    const client = await twoKinds({ store: shopStore, secret }, { store: adminStore, secret });
    await client.post('/shop/login');
    const renamed = client.cookieHeader.replace('session=', 'admin-session=');
    expect((await client.get('/admin/who', { cookie: renamed })).status).toBe(401);
    expect(adminStore.taken()).toBe('');
  });

  it("the stores keep each other's sessions from the application, and each is injected by its token", async () => {
    let given: SessionStore | undefined;
    let named: SessionStore | undefined;
    @Controller('direct')
    class DirectController {
      constructor(
        @Inject(SESSION_STORE) store: SessionStore,
        @Inject(getSessionStoreToken('admin')) admin: SessionStore,
      ) {
        [given, named] = [store, admin];
      }
    }
    const [one, other] = [new MemoryStore(), new MemoryStore()];
    const imports = [SessionModule.forRoot({ store: one }), SessionModule.forRoot({ name: 'admin', store: other })];
    await starting(platform, imports, { controllers: [DirectController] });
    expect([wholeStore(given as SessionStore), wholeStore(named as SessionStore)]).toEqual([one, other]);
    await expect(named?.get('session:1')).rejects.toThrow("'session:' belong to sessions");
    await expect(given?.set('session:admin:1', 'forged')).rejects.toThrow('belong to sessions');
    await given?.set('free', 'for all');
  });

  it('a factory makes the options of a named module, and it may be the only one', async () => {
    const admin = SessionModule.forRootAsync({ name: 'admin', useFactory: () => ({ cookie: { name: 'boss' } }) });
    const client = await listening(platform, moduleOf({ imports: [admin], controllers: [AdminController] }));
    expect((await client.post('/admin/login')).cookie('boss')).toBeDefined();
    expect((await client.get('/admin/who')).status).toBe(200);
  });

  it('a secret can depend on the tenant, as the signer is given the request', async () => {
    const signers = new Map(['a', 'b'].map((tenant) => [tenant, new HmacSigner(tenant.repeat(32))]));
    const signerOf = ({ headers }: { headers: NodeJS.Dict<string | string[]> }): HmacSigner =>
      signers.get(String(headers['x-tenant'])) as HmacSigner;
    const signer: CookieSigner = {
      sign: (id, request) => signerOf(request).sign(id),
      unsign: (cookie, request) => signerOf(request).unsign(cookie),
    };
    const client = await twoKinds({ signer });
    await client.post('/shop/login', { headers: { 'x-tenant': 'a' } });
    const cookie = client.cookieHeader;
    expect((await client.get('/shop/who', { cookie, headers: { 'x-tenant': 'a' } })).status).toBe(200);
    expect((await client.get('/shop/who', { cookie, headers: { 'x-tenant': 'b' } })).status).toBe(401);
  });

  it.each([
    ['of ours', Session()],
    ["of Nest's own", NestSession()],
  ])('a @Session() %s without a module for it stops the start', async (_whose, decorator) => {
    await expect(starting(platform, [SessionModule.forRoot({ name: 'sid' })], taking(decorator))).rejects.toThrow(
      "TakingController.take takes @Session(), but every SessionModule has a name: write @Session.of('sid'), or, if that is to be the name of the cookie, cookie: { name: 'sid' }.",
    );
  });

  it('a @Session.of() of a name that no module has stops the start', async () => {
    await expect(starting(platform, [SessionModule.forRoot()], taking(Session.of('admin')))).rejects.toThrow(
      "TakingController.take takes @Session.of('admin'), but there is no SessionModule of that name: import SessionModule.forRoot({ name: 'admin' }), or write one of default.",
    );
  });

  it.each([
    ['two without a name', [{}, { cookie: { name: 'a' } }], 'Two SessionModules have no name'],
    ['one name', [{ name: 'a' }, { name: 'a', keyPrefix: 'b:' }], "Two SessionModules have the name 'a'"],
    ['one cookie', [{}, { name: 'a', cookie: { name: 'session' } }], "'default' and 'a' both use the cookie 'session'"],
    [
      'one prefix of keys that Python shares',
      [{ wire: 'quart' }, { name: 'a', wire: 'quart' }],
      "both have the keyPrefix 'session:'",
    ],
    ['a name that is no name', [{ name: 'a b' }], "The name of the SessionModule is 'a b': write 1 to 32 letters"],
  ])('%s stops the start', async (_what, options, message) => {
    const imports = options.map((each) => SessionModule.forRoot({ isGlobal: false, ...each } as object));
    await expect(starting(platform, imports)).rejects.toThrow(message);
  });

  it('one module that several others import is one', async () => {
    const sessions = SessionModule.forRoot({ isGlobal: false });
    const parts = [1, 2].map(() => moduleOf({ imports: [sessions] }));
    await expect(starting(platform, [...parts, sessions], { controllers: [ShopController] })).resolves.toBeUndefined();
  });
});

@Controller()
class VisitorController {
  @Get('visit')
  visit(@Session() session: Session<{ visits: number }>): object {
    session.visits = (session.visits ?? 0) + 1;
    return { visits: session.visits };
  }

  @Get('nest-visit')
  nestVisit(@NestSession() session: { visits: number }): object {
    return { visits: session.visits };
  }
}

describe('a Nest application mounted in another one on express', () => {
  it('serves its own session, though middleware of the outer one has opened another', async () => {
    const inner = await createOn(
      'express',
      moduleOf({ imports: [SessionModule.forRoot({ cookie: { name: 'inner' } })], controllers: [VisitorController] }),
      { logger: false },
    );
    await inner.init();
    opened.push(inner);
    const outer = await SessionApp.start('express', {
      session: { cookie: { name: 'outer' } },
      controllers: [VisitorController],
      setUp: (nest) => {
        const sessions = nest.get(SessionService);
        nest.use(async (request: object, _response: unknown, next: () => void) => {
          const session = await sessions.open<{ seen: number }>(request);
          session.seen = (session.seen ?? 0) + 1;
          next();
        });
        nest.use('/inner', inner.getHttpAdapter().getInstance() as never);
      },
    });
    opened.push(outer);
    const client = outer.client();
    const answer = await client.get('/inner/visit');
    expect(answer.setCookie.map((line) => line.replace(/=.*/, '')).toSorted()).toEqual(['inner', 'outer']);
    expect(await (await client.get('/inner/visit')).json()).toEqual({ visits: 2 });
    expect(await (await client.get('/inner/nest-visit')).json()).toEqual({ visits: 2 });
    expect(await (await client.get('/visit')).json()).toEqual({ visits: 1 });
  });
});
