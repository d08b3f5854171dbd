import { Controller, Get, Post, UseGuards, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  FreshSignIn,
  FreshSignInGuard,
  Public,
  Session,
  SessionConfigurationError,
  SessionModule,
  SignedInGuard,
  type FreshSignInOptions,
  type SessionModuleOptions,
  type SessionService,
  type UserOf,
} from '../../lib/index.js';
import { fakeSession, signIn } from '../../lib/testing/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface Data {
  user: { id: number };
  items: string[];
}

const user: UserOf = (data: Partial<Data>) => data.user?.id;

const MINUTE = 60_000;

@Controller()
class AccountController {
  @Public()
  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: ['items'] });
    session.user = { id: 7 };
  }

  @Public()
  @Post('login-as-another')
  another(@Session() session: Session<Data>): void {
    session.user = { id: 8 };
  }

  @Public()
  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Public()
  @Post('cart')
  cart(@Session() session: Session<Data>): void {
    session.items = [...(session.items ?? []), 'teapot'];
  }

  @Post('renew-id')
  regenerate(@Session() session: Session<Data>): Promise<void> {
    return session.regenerate({ keep: true });
  }

  @Post('touch')
  touch(@Session() session: Session<Data>): void {
    session.touch();
  }

  @Post('same-user')
  sameUser(@Session() session: Session<Data>): void {
    session.user = { id: 7 };
  }

  @UseGuards(SignedInGuard)
  @Post('confirm')
  confirm(@Session() session: Session<Data>): void {
    session.signedIn({ amr: ['pwd'] });
  }

  @Public()
  @Post('login-with-otp')
  async loginWithOtp(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = { id: 7 };
    session.signedIn({ amr: ['pwd', 'otp'] });
  }

  @FreshSignIn('5m')
  @Post('password')
  password(): string {
    return 'changed';
  }

  @FreshSignIn(300, { amr: ['pwd', 'otp'] })
  @Post('transfer')
  transfer(): string {
    return 'sent';
  }
}

/** Of an application without the option `user`. */
@Controller()
class PlainController {
  @Post('cart')
  cart(@Session() session: Session<Data>): void {
    session.items = ['teapot'];
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = { id: 7 };
    session.signedIn();
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @FreshSignIn('5m')
  @Post('password')
  password(): string {
    return 'changed';
  }
}

@FreshSignIn('5m')
@Controller('danger')
class DangerController {
  @Get('five')
  five(): string {
    return 'five';
  }

  @FreshSignIn('1h')
  @Get('sixty')
  sixty(): string {
    return 'sixty';
  }

  @Public()
  @Get('help')
  help(): string {
    return 'help';
  }

  @Public()
  @FreshSignIn('5m')
  @Get('contradictory')
  contradictory(): string {
    return 'contradictory';
  }
}

@Controller('admin')
class AdminController {
  @Post('login')
  login(@Session.of('admin') session: Session<Data>): void {
    session.user = { id: 1 };
  }

  @FreshSignIn.of('admin', '1m')
  @FreshSignIn('5m')
  @Get('both')
  both(): string {
    return 'both';
  }
}

describe.each(platforms)('@FreshSignIn() on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  async function start(session: SessionModuleOptions = {}, options: SessionAppOptions = {}): Promise<void> {
    app = await SessionApp.start(platform, {
      controllers: [AccountController, DangerController],
      ...options,
      session: { store, user, ...session },
    });
  }

  /** Time goes by. */
  function pass(milliseconds: number): void {
    vi.setSystemTime(Date.now() + milliseconds);
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime('2030-01-01T12:00:00.000Z');
    store = new SpyStore();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
  });

  it('lets a user pass who has signed in at most that long ago, and then says what is missing', async () => {
    await start();
    const client = app.client();
    expect((await client.post('/login')).status).toBe(201);
    expect(await (await client.post('/password')).text()).toBe('changed');
    pass(5 * MINUTE);
    expect((await client.post('/password')).status).toBe(201);
    pass(1000);
    const refused = await client.post('/password');
    expect([refused.status, await refused.json()]).toEqual([
      403,
      {
        statusCode: 403,
        error: 'Forbidden',
        code: 'FRESH_SIGN_IN_REQUIRED',
        message: 'Sign in again: this needs a fresh sign-in.',
        maxAge: 300,
        signedInAt: '2030-01-01T12:00:00.000Z',
      },
    ]);
    await client.post('/login');
    expect((await client.post('/password')).status).toBe(201);
  });

  it('is a 401 for nobody: without a session, with a cart alone, and after a logout', async () => {
    await start();
    const client = app.client();
    const refused = await client.post('/password');
    expect([refused.status, await refused.json()]).toEqual([401, { message: 'Unauthorized', statusCode: 401 }]);
    await client.post('/cart');
    expect((await client.post('/password')).status).toBe(401);
    await client.post('/login');
    const cookie = client.cookieHeader;
    await client.post('/logout');
    expect((await client.post('/password')).status).toBe(401);
    expect((await client.post('/password', { cookie })).status).toBe(401);
  });

  it('is a 503 while the store is down', async () => {
    await start();
    const client = app.client();
    await client.post('/login');
    store.failing.add('read');
    expect((await client.post('/password')).status).toBe(503);
  });

  it.each(['/renew-id', '/touch', '/cart', '/same-user'])('takes no %s for a sign-in', async (path) => {
    await start();
    const client = app.client();
    await client.post('/login');
    pass(4 * MINUTE);
    expect((await client.post(path)).status).toBe(201);
    expect((await client.post('/password')).status).toBe(201);
    pass(2 * MINUTE);
    const refused = await client.post('/password');
    expect(refused.status).toBe(403);
    expect((await refused.json()).signedInAt).toBe('2030-01-01T12:00:00.000Z');
  });

  it('takes no renewal for a sign-in', async () => {
    await start({ idleTimeout: '30m' });
    const client = app.client();
    await client.post('/login');
    pass(10 * MINUTE);
    const refused = await client.post('/password');
    expect([refused.status, refused.cookie() !== undefined]).toEqual([403, true]);
    expect((await client.post('/password')).status).toBe(403);
  });

  it('passes again after a confirmation, which SignedInGuard lets through, and the session goes on', async () => {
    await start();
    const client = app.client();
    expect((await client.post('/confirm')).status).toBe(401);
    await client.post('/cart');
    await client.post('/login');
    pass(10 * MINUTE);
    const before = client.cookieHeader;
    expect((await client.post('/password')).status).toBe(403);
    expect((await client.post('/confirm')).status).toBe(201);
    expect((await client.post('/password')).status).toBe(201);
    expect(client.cookieHeader).toBe(before);
    pass(6 * MINUTE);
    const refused = await (await client.post('/password')).json();
    expect(refused).toMatchObject({ code: 'FRESH_SIGN_IN_REQUIRED', signedInAt: '2030-01-01T12:10:00.000Z' });
    await client.post('/logout');
    expect((await client.post('/confirm')).status).toBe(401);
  });

  it('asks for all the methods, of the last sign-in alone', async () => {
    await start();
    const client = app.client();
    await client.post('/login');
    const refused = await client.post('/transfer');
    expect([refused.status, await refused.json()]).toMatchObject([403, { maxAge: 300, amr: ['pwd', 'otp'] }]);
    await client.post('/login-with-otp');
    expect((await client.post('/transfer')).status).toBe(201);
    await client.post('/renew-id');
    expect((await client.post('/transfer')).status).toBe(201);
    await client.post('/confirm');
    expect((await client.post('/transfer')).status).toBe(403);
    expect((await client.post('/password')).status).toBe(201);
  });

  it('takes another user in the same session for a sign-in of theirs', async () => {
    await start();
    const client = app.client();
    await client.post('/login');
    pass(10 * MINUTE);
    await client.post('/login-as-another');
    expect((await client.post('/password')).status).toBe(201);
  });

  it('above a class concerns its handlers, and gives way to one above a handler, and to @Public()', async () => {
    await start();
    const client = app.client();
    for (const path of ['/danger/five', '/danger/sixty', '/danger/contradictory']) {
      expect((await client.get(path)).status).toBe(401);
    }
    expect((await client.get('/danger/help')).status).toBe(200);
    await client.post('/login');
    pass(10 * MINUTE);
    expect((await client.get('/danger/five')).status).toBe(403);
    expect((await client.get('/danger/sixty')).status).toBe(200);
    expect((await client.get('/danger/contradictory')).status).toBe(403);
    pass(51 * MINUTE);
    const refused = await client.get('/danger/sixty');
    expect([refused.status, (await refused.json()).maxAge]).toEqual([403, 3600]);
  });

  it('reads the session once, with SignedInGuard above the whole application', async () => {
    await start({}, { providers: [{ provide: APP_GUARD, useClass: SignedInGuard }] });
    const client = app.client();
    await client.post('/login');
    store.taken();
    expect((await client.get('/danger/sixty')).status).toBe(200);
    expect(store.taken()).toBe('read');
    expect((await client.get('/danger/help')).status).toBe(200);
    expect(store.taken()).toBe('');
  });

  it('asks for the sign-in of a module by its name, beside that of another', async () => {
    await start(
      {},
      {
        controllers: [AccountController, AdminController],
        imports: [SessionModule.forRoot({ name: 'admin', store, user })],
      },
    );
    const client = app.client();
    await client.post('/login');
    expect((await client.get('/admin/both')).status).toBe(401);
    await client.post('/admin/login');
    expect((await client.get('/admin/both')).status).toBe(200);
    pass(2 * MINUTE);
    const refused = await client.get('/admin/both');
    expect([refused.status, (await refused.json()).maxAge]).toEqual([403, 60]);
    pass(4 * MINUTE);
    await client.post('/admin/login');
    expect((await client.get('/admin/both')).status).toBe(403);
  });

  it.each<[string, SessionModuleOptions]>([
    ['in the format of Quart-Session', { wire: 'quart', secret: 'a secret of enough characters for a test' }],
    ['with ids that are not hashed', { hashIds: false }],
    ['without tombstones', { tombstones: false }],
  ])('knows the sign-in %s', async (_how, session) => {
    await start(session);
    const client = app.client();
    await client.post('/login');
    expect((await client.post('/password')).status).toBe(201);
    pass(6 * MINUTE);
    expect((await client.post('/password')).status).toBe(403);
  });

  it('takes a time up to a minute ahead of its own clock for now', async () => {
    await start();
    const client = app.client();
    await client.post('/login');
    pass(-MINUTE);
    expect((await client.post('/password')).status).toBe(201);
  });

  it('takes a time further ahead for no sign-in, until the user confirms', async () => {
    await start();
    const client = app.client();
    await client.post('/login');
    pass(-MINUTE - 1000);
    for (const _again of [1, 2]) {
      const refused = await client.post('/password');
      expect([refused.status, (await refused.json()).signedInAt]).toEqual([403, null]);
    }
    expect((await client.post('/confirm')).status).toBe(201);
    expect((await client.post('/password')).status).toBe(201);
  });

  it('lets the session of signIn() pass', async () => {
    await start();
    const cookie = await signIn<Data>(app.app, { user: { id: 7 } });
    expect((await app.client().post('/password', { cookie })).status).toBe(201);
    expect((await app.client().post('/transfer', { cookie })).status).toBe(403);
    const withOtp = await signIn<Data>(app.app, { user: { id: 7 } }, { signedIn: { amr: ['pwd', 'otp'] } });
    expect((await app.client().post('/transfer', { cookie: withOtp })).status).toBe(201);
    const nobody = await signIn<Data>(app.app, { items: [] });
    expect((await app.client().post('/password', { cookie: nobody })).status).toBe(401);
  });
});

describe.each(platforms)('without the option `user`, on %s, @FreshSignIn()', (platform) => {
  let app: SessionApp;

  beforeEach(async () => {
    app = await SessionApp.start(platform, { controllers: [PlainController] });
  });

  afterEach(() => app.close());

  it('takes a session for somebody when the application has noted a sign-in', async () => {
    const client = app.client();
    await client.post('/cart');
    expect((await client.post('/password')).status).toBe(401);
    await client.post('/login');
    expect((await client.post('/password')).status).toBe(201);
    await client.post('/logout');
    expect((await client.post('/password')).status).toBe(401);
  });

  it('lets the session of signIn() pass when the test says that it has signed in', async () => {
    const cookie = await signIn<Data>(app.app, { user: { id: 7 } }, { signedIn: {} });
    expect((await app.client().post('/password', { cookie })).status).toBe(201);
    const without = await signIn<Data>(app.app, { user: { id: 7 } });
    expect((await app.client().post('/password', { cookie: without })).status).toBe(401);
  });
});

describe('the definition of a class', () => {
  it.each([['5'], ['soon'], [0], [-1], [Number.NaN], [undefined], [null]])(
    'fails where @FreshSignIn(%o) is no duration',
    (maxAge) => {
      const define = (): unknown => FreshSignIn(maxAge as string);
      expect(define).toThrow(SessionConfigurationError);
      expect(define).toThrow("is no duration: write seconds as a number, or a text such as '5m'");
    },
  );

  it.each([
    [{ amr: 'otp' }, "write a list of names, such as ['otp']"],
    [{ amr: [1] }, "write a list of names, such as ['otp']"],
    [{ arm: ['otp'] }, "no option 'arm'"],
  ])('fails where the options are %o', (options, message) => {
    expect(() => FreshSignIn('5m', options as FreshSignInOptions)).toThrow(message);
    expect(() => FreshSignIn.of('admin', '5m', options as FreshSignInOptions)).toThrow(SessionConfigurationError);
  });
});

describe('a stand-in for a session', () => {
  async function statusFor(session: object, handler: 'password' | 'transfer'): Promise<unknown> {
    const context = {
      getType: () => 'http',
      getClass: () => AccountController,
      getHandler: () => AccountController.prototype[handler],
    } as unknown as ExecutionContext;
    const service = { open: async () => session } as unknown as SessionService;
    return new FreshSignInGuard(service)
      .canActivate(context)
      .catch((error: { getResponse(): unknown }) => error.getResponse());
  }

  const data: Partial<Data> = { user: { id: 7 } };
  const refused = { code: 'FRESH_SIGN_IN_REQUIRED', maxAge: 300 };

  it('has signed in just now when the option `user` finds a user in its data', async () => {
    expect(await statusFor(fakeSession(data, { user }), 'password')).toBe(true);
    expect(await statusFor(fakeSession({ items: [] }, { user }), 'password')).toMatchObject({ statusCode: 401 });
  });

  it('has signed in when the test says so', async () => {
    const signedInAt = new Date(Date.now() - 6 * MINUTE);
    const stale = fakeSession(data, { user, signedInAt });
    expect(await statusFor(stale, 'password')).toMatchObject({ ...refused, signedInAt: signedInAt.toISOString() });
  });

  it('passes with all the methods that the route asks for, and not with some of them', async () => {
    expect(await statusFor(fakeSession(data, { user, amr: ['otp', 'pwd', 'mfa'] }), 'transfer')).toBe(true);
    for (const amr of [undefined, [], ['otp']]) {
      const session = fakeSession(data, { user, ...(amr && { amr }) });
      expect(await statusFor(session, 'transfer')).toMatchObject({ ...refused, amr: ['pwd', 'otp'] });
    }
  });

  it('is somebody without the option `user` when it has a sign-in', async () => {
    expect(await statusFor(fakeSession(data), 'password')).toMatchObject({ statusCode: 401 });
    expect(await statusFor(fakeSession(data, { signedInAt: new Date() }), 'password')).toBe(true);
    expect(await statusFor({ ...data, isNew: false }, 'password')).toMatchObject({ statusCode: 401 });
  });
});

it('FreshSignInGuard alone does not know how fresh', async () => {
  class BareController {
    @UseGuards(FreshSignInGuard)
    bare(): void {}
  }
  const context = {
    getType: () => 'http',
    getClass: () => BareController,
    getHandler: () => BareController.prototype.bare,
  } as unknown as ExecutionContext;
  const guard = new FreshSignInGuard({ open: async () => fakeSession() } as unknown as SessionService);
  await expect(guard.canActivate(context)).rejects.toThrow("write @FreshSignIn('5m') in its place");
});
