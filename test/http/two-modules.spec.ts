import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  Req,
  Session as NestSession,
  UseGuards,
  type ModuleMetadata,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import {
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionGuard,
  SessionModule,
  SessionService,
  type SessionStore,
} from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string };

@Controller('shop')
class ShopController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login')
  async login(@Req() request: object): Promise<void> {
    (await this.sessions.open<Data>(request)).user = 'a customer';
  }

  @UseGuards(SessionGuard)
  @Get('who')
  async who(@Req() request: object): Promise<object> {
    return { ...(await this.sessions.open<Data>(request)) };
  }
}

@Controller('admin')
class AdminController extends ShopController {
  @Post('login')
  override async login(@Req() request: object): Promise<void> {
    const session = await this.admins.open<Data>(request);
    await session.regenerate();
    session.user = 'an administrator';
  }

  constructor(
    @Inject(SessionService) private readonly admins: SessionService,
    @Inject(SESSION_STORE) readonly store: unknown,
  ) {
    super(admins);
  }
}

@Injectable()
class Nothing {}

@Controller()
class DecoratedController {
  @Get('decorated')
  decorated(@Session() session: Session<Data>): object {
    return { ...session };
  }
}

@Controller()
class NestDecoratedController {
  @Get('decorated')
  decorated(@NestSession() session: Data): object {
    return { ...session };
  }
}

function moduleOf(metadata: ModuleMetadata): new () => object {
  class AnyModule {}
  Module(metadata)(AnyModule);
  return AnyModule;
}

const shopSessions = (): unknown =>
  SessionModule.forRoot({ isGlobal: false, cookie: { name: 'shop' }, keyPrefix: 'shop:' });
const adminSessions = (options: object = {}): unknown =>
  SessionModule.forRoot({ isGlobal: false, cookie: { name: 'admin' }, keyPrefix: 'admin:', ...options });

function twoModules(more: ModuleMetadata = {}): new () => object {
  const shop = moduleOf({ imports: [shopSessions() as never], controllers: [ShopController] });
  const admin = moduleOf({ imports: [adminSessions() as never], controllers: [AdminController] });
  return moduleOf({ ...more, imports: [shop, admin, ...(more.imports ?? [])] });
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

describe.each(platforms)('two SessionModules in one application on %s', (platform) => {
  it('each serves its own part with a session and a cookie of its own', async () => {
    const client = await listening(platform, twoModules());
    expect((await client.post('/shop/login')).cookie('shop')).toBeDefined();
    expect((await client.get('/admin/who')).status).toBe(401);
    const answer = await client.post('/admin/login');
    expect(answer.setCookie.map((line) => line.split('=')[0])).toEqual(['admin']);
    expect(await (await client.get('/shop/who')).json()).toEqual({ user: 'a customer' });
    expect(await (await client.get('/admin/who')).json()).toEqual({ user: 'an administrator' });
  });

  it('both can be open in one request, and both are saved before its answer leaves', async () => {
    const [shopStore, adminStore] = [new SpyStore(), new SpyStore()];
    shopStore.delay = 30;
    adminStore.delay = 60;
    const shop = moduleOf({
      imports: [SessionModule.forRoot({ isGlobal: false, cookie: { name: 'shop' }, store: shopStore })],
      providers: [{ provide: 'shop', useExisting: SessionService }],
      exports: ['shop'],
    });
    const admin = moduleOf({
      imports: [
        SessionModule.forRoot({ isGlobal: false, cookie: { name: 'admin' }, keyPrefix: 'admin:', store: adminStore }),
      ],
      providers: [{ provide: 'admin', useExisting: SessionService }],
      exports: ['admin'],
    });

    @Controller()
    class BothController {
      constructor(
        @Inject('shop') private readonly shops: SessionService,
        @Inject('admin') private readonly admins: SessionService,
      ) {}

      @Get('both')
      async both(@Req() request: object): Promise<object> {
        const [one, other] = [await this.shops.open<Data>(request), await this.admins.open<Data>(request)];
        const before = [one.user ?? null, other.user ?? null];
        one.user = 'customer';
        other.user = 'administrator';
        return { before };
      }
    }

    const client = await listening(platform, moduleOf({ imports: [shop, admin], controllers: [BothController] }));
    const first = await client.get('/both');
    expect(first.setCookie.map((line) => line.replace(/=.*/, '')).toSorted()).toEqual(['admin', 'shop']);
    const second = await client.get('/both');
    expect(await second.json()).toEqual({ before: ['customer', 'administrator'] });
    expect([await first.json(), shopStore.taken(), adminStore.taken()]).toEqual([
      { before: [null, null] },
      'create read',
      'create read',
    ]);
  });

  it.each([
    ['of ours', DecoratedController],
    ["of Nest's own", NestDecoratedController],
  ])('a @Session() %s stops the start, as it could mean either', async (_whose, controller) => {
    await expect(starting(platform, [shopSessions(), adminSessions()], { controllers: [controller] })).rejects.toThrow(
      `${controller.name}.decorated takes @Session(), but there are 2 SessionModules`,
    );
  });

  it('two global ones stop the start', async () => {
    const imports = [SessionModule.forRoot({}), SessionModule.forRoot({ cookie: { name: 'admin' } })];
    await expect(starting(platform, imports)).rejects.toThrow('Two SessionModules are global');
  });

  it('two that use one cookie stop the start', async () => {
    const imports = [shopSessions(), adminSessions({ cookie: { name: 'shop' } })];
    await expect(starting(platform, imports)).rejects.toThrow("Two SessionModules use the cookie 'shop'");
  });

  it.each([
    ['one store', (store: SessionStore) => store],
    ['stores that may have one back-end', () => new MemoryStore()],
    ['one store class', () => MemoryStore],
    ['stores of one name', () => 'memory'],
  ])('two with one keyPrefix stop the start: %s', async (_what, storeOf) => {
    const shared = new MemoryStore();
    const imports = (keyPrefix: string): unknown[] => [
      SessionModule.forRoot({ isGlobal: false, store: storeOf(shared) as SessionStore, cookie: { name: 'shop' } }),
      adminSessions({ store: storeOf(shared), keyPrefix }),
    ];
    await expect(starting(platform, imports('session:'))).rejects.toThrow('Give each a `keyPrefix` of its own');
    await expect(starting(platform, imports('admin:'))).resolves.toBeUndefined();
  });

  it("neither's SESSION_STORE reaches the sessions of the other", async () => {
    let given: SessionStore | undefined;
    @Controller('direct')
    class DirectController {
      constructor(@Inject(SESSION_STORE) store: SessionStore) {
        given = store;
      }
    }
    const shop = moduleOf({ imports: [shopSessions() as never], controllers: [DirectController] });
    await starting(platform, [shop, adminSessions()]);
    await expect(given?.get('shop:1')).rejects.toThrow("'shop:' belong to sessions");
    await expect(given?.set('admin:1', 'forged')).rejects.toThrow("'admin:' belong to sessions");
    await given?.set('session:1', 'free');
  });

  it('one module that several others import is one', async () => {
    const sessions = SessionModule.forRoot({ isGlobal: false });
    const parts = [1, 2].map(() => moduleOf({ imports: [sessions], providers: [Nothing] }));
    await expect(
      starting(platform, [...parts, sessions], { controllers: [DecoratedController] }),
    ).resolves.toBeUndefined();
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
