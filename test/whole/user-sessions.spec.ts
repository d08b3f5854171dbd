import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';

import { Controller, Module, Post, type INestApplication, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';

import { FreshSignIn, SignedInGuard, type UserSessions } from '../../lib/index.js';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { Chapter } from '../fixtures/chapter.js';
import { launchChromium } from '../fixtures/chromium.js';
import { Client } from '../fixtures/client.js';
import { Gate } from '../fixtures/gate.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';

interface Listed {
  handle: string;
  device: { agent: string };
  isCurrent: boolean;
}

const JSON_BODY = { 'content-type': 'application/json' };

const PASSWORDS = { ada: 'lovelace', grace: 'hopper' };

let chapter: Chapter;
let app: INestApplication;
let port: number;
let now: number;

beforeAll(() => {
  chapter = new Chapter('user-sessions');
}, 60_000);

beforeEach(() => {
  now = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => now);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await app.close();
});

async function start(platform: Platform, module: Type): Promise<void> {
  app = await createOn(platform, module, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as AddressInfo);
}

/** A class of the page. */
async function exported<T = object>(file: string, name: string): Promise<Type<T>> {
  return (await chapter.load<Record<string, Type<T>>>(file))[name] as Type<T>;
}

/** Starts a module of the page. */
async function startModule(platform: Platform, file: string, name: string): Promise<void> {
  await start(platform, await exported(file, name));
}

/** Minutes go by for the application. */
function pass(minutes: number): void {
  now += minutes * 60_000;
}

function logIn(client: Client, name: keyof typeof PASSWORDS, more: object = {}): ReturnType<Client['post']> {
  const headers = { ...JSON_BODY, 'user-agent': `${name}'s browser` };
  return client.post('/login', { headers, body: JSON.stringify({ name, password: PASSWORDS[name], ...more }) });
}

async function signedIn(name: keyof typeof PASSWORDS = 'ada'): Promise<Client> {
  const client = new Client(port);
  expect((await logIn(client, name)).status).toBe(201);
  return client;
}

const send = async (client: Client, method: string, path: string): Promise<unknown> =>
  (await client.send(method, path)).json();

const list = async (client: Client): Promise<Listed[]> => (await client.get('/devices')).json<Listed[]>();

const post = (client: Client, path: string, body: object): ReturnType<Client['post']> =>
  client.post(path, { headers: JSON_BODY, body: JSON.stringify(body) });

const status = async (client: Client, path = '/devices'): Promise<number> => (await client.get(path)).status;

const confirm = (client: Client, password: string): ReturnType<Client['post']> =>
  post(client, '/confirm', { password });

/** A route behind the decorator that the page shows for a second factor. */
class TransferController {
  transfer(): void {}
}
Controller('transfer')(TransferController);
const transfer = Object.getOwnPropertyDescriptor(TransferController.prototype, 'transfer') as PropertyDescriptor;
Post()(TransferController.prototype, 'transfer', transfer);
FreshSignIn('5m', { amr: ['otp'] })(TransferController.prototype, 'transfer', transfer);

/** The recipes of the page, and that route. */
async function recipesWithTransfer(): Promise<Type> {
  class TransferModule {}
  const imports = [await exported('recipes.module.ts', 'RecipesModule')];
  Module({ imports, controllers: [TransferController] })(TransferModule);
  return TransferModule;
}

/** The refusal that the page shows. */
function refusal(): Record<string, unknown> {
  return JSON.parse(readFileSync(chapter.compiled('../refused.json'), 'utf8')) as Record<string, unknown>;
}

describe.each(platforms)('the program of docs/user-sessions.md on %s', (platform) => {
  beforeEach(() => startModule(platform, 'devices.module.ts', 'DevicesModule'));

  it('lists the sessions with the fields that the page shows, the last used first', async () => {
    const phone = await signedIn();
    pass(1);
    const laptop = await signedIn();
    const sessions = await list(laptop);
    expect(sessions.map(({ isCurrent }) => isCurrent)).toEqual([true, false]);
    expect((await list(phone)).map(({ isCurrent }) => isCurrent)).toEqual([false, true]);
    const [shown] = JSON.parse(readFileSync(chapter.compiled('../devices.json'), 'utf8')) as Listed[];
    for (const session of sessions) {
      expect(Object.keys(session)).toEqual(Object.keys(shown as object));
      expect(Object.keys(session.device)).toEqual(Object.keys(shown?.device ?? {}));
      expect(session.device).toEqual({ agent: "ada's browser", address: '127.0.0.1' });
      expect(session.handle).toHaveLength(shown?.handle.length ?? 0);
    }
  });

  it('ends one session, and the others', async () => {
    const [own, second, third] = [await signedIn(), await signedIn(), await signedIn()];
    const handle = (await list(second)).find(({ isCurrent }) => isCurrent)?.handle;
    expect(await send(own, 'DELETE', `/devices/${handle}`)).toEqual({ ended: true });
    expect(await send(own, 'DELETE', `/devices/${handle}`)).toEqual({ ended: false });
    expect([await status(own), await status(second), await status(third)]).toEqual([200, 401, 200]);
    expect(await send(own, 'DELETE', '/devices')).toEqual({ ended: 1 });
    expect([await status(own), await status(third)]).toEqual([200, 401]);
    expect(await list(own)).toHaveLength(1);
  });

  it('leaves the cookie of a session that ends itself by its handle, and refuses it from then on', async () => {
    const [own, other] = [await signedIn(), await signedIn()];
    const handle = (await list(own)).find(({ isCurrent }) => isCurrent)?.handle;
    const answer = await own.send('DELETE', `/devices/${handle}`);
    expect([answer.status, answer.setCookie, await answer.json()]).toEqual([200, [], { ended: true }]);
    expect([await status(own), await status(other)]).toEqual([401, 200]);
  });

  it('lets only a fresh sign-in end sessions, and makes it fresh with the password', async () => {
    const own = await signedIn();
    pass(6);
    expect(await status(own)).toBe(200);
    const refused = await own.send('DELETE', '/devices');
    const { amr: _amr, ...shown } = refusal();
    const signedInAt = new Date(now - 6 * 60_000).toISOString();
    expect([refused.status, await refused.json()]).toEqual([403, { ...shown, signedInAt }]);
    expect((await confirm(own, 'wrong')).status).toBe(401);
    expect((await own.send('DELETE', '/devices')).status).toBe(403);
    expect((await confirm(own, 'lovelace')).status).toBe(201);
    expect((await own.send('DELETE', '/devices')).status).toBe(200);
  });

  it('keeps five sessions, and ends the oldest for the sixth', async () => {
    const clients: Client[] = [];
    for (let at = 0; at < 6; at++) {
      clients.push(await signedIn());
      pass(1);
    }
    const statuses = await Promise.all(clients.map((client) => status(client)));
    expect(statuses).toEqual([401, 200, 200, 200, 200, 200]);
  });

  it('remembers a session for 30 days, or until the browser closes', async () => {
    const client = new Client(port);
    expect((await logIn(client, 'ada', { remember: true })).cookie()).toContain('Max-Age=2592000;');
    pass(29 * 24 * 60);
    expect(await status(client)).toBe(200);
    const other = (await logIn(new Client(port), 'ada')).cookie();
    expect(other).not.toMatch(/Max-Age|Expires/);
  });

  it('signs out, and lets strangers in nowhere else', async () => {
    const client = await signedIn();
    await client.post('/logout');
    expect([await status(client), (await client.post('/confirm')).status]).toEqual([401, 401]);
  });
});

describe.each(platforms)('the recipes of docs/user-sessions.md on %s', (platform) => {
  beforeEach(() => startModule(platform, 'recipes.module.ts', 'RecipesModule'));

  it('end the other sessions at a password change', async () => {
    const [own, other] = [await signedIn(), await signedIn()];
    const copy = own.cookieHeader;
    const answer = await own.post('/password', { headers: JSON_BODY, body: '{"password":"byron"}' });
    expect(await answer.json()).toEqual({ ended: 1 });
    expect([await status(own), await status(other)]).toEqual([200, 401]);
    expect((await new Client(port).get('/devices', { cookie: copy })).status).toBe(401);
    expect((await logIn(new Client(port), 'ada')).status).toBe(401);
  });

  it('refuse a sign-in that has checked the old password and comes behind the change', async () => {
    type Accounts = { withPassword(...form: string[]): Promise<object> };
    const accounts = app.get(await exported<Accounts>('accounts.ts', 'Accounts'));
    const withPassword = accounts.withPassword.bind(accounts);
    const gate = new Gate();
    const own = await signedIn();
    const form = { headers: JSON_BODY, body: JSON.stringify({ name: 'ada', password: PASSWORDS.ada }) };
    accounts.withPassword = async (...given) => {
      const user = await withPassword(...given);
      await gate.stop();
      return user;
    };
    const late = new Client(port);
    const login = late.post('/careful-login', form);
    await gate.reached;
    expect((await own.post('/password', { headers: JSON_BODY, body: '{"password":"byron"}' })).status).toBe(201);
    gate.open();
    expect((await login).status).toBe(401);
    expect(late.cookieHeader).toBe('');
    expect(await list(own)).toHaveLength(1);
    accounts.withPassword = withPassword;
    const again = { ...form, body: '{"name":"ada","password":"byron"}' };
    expect((await late.post('/careful-login', again)).status).toBe(201);
    expect(await list(late)).toHaveLength(2);
  });

  it.each(['ada', 'grace'] as const)('reset a password in a browser where %s is signed in', async (name) => {
    const [own, other] = [await signedIn(name), await signedIn()];
    const copy = own.cookieHeader;
    const form = { token: 'token-in-a-mail-to-ada', password: 'byron' };
    expect((await post(own, '/reset', form)).status).toBe(201);
    expect([await status(own), await status(other)]).toEqual([200, 401]);
    expect(await list(own)).toHaveLength(1);
    expect((await new Client(port).get('/devices', { cookie: copy })).status).toBe(401);
    expect((await logIn(new Client(port), 'ada')).status).toBe(401);
    expect((await post(new Client(port), '/reset', form)).status).toBe(401);
  });

  it('sign out everywhere, here too', async () => {
    const [own, other] = [await signedIn(), await signedIn()];
    expect((await own.post('/logout-everywhere')).status).toBe(201);
    expect(own.cookieHeader).toBe('');
    expect([await status(own), await status(other)]).toEqual([401, 401]);
  });

  it("let an administrator, and nobody else, see a user's sessions and end them", async () => {
    const [ada, other, grace] = [await signedIn(), await signedIn(), await signedIn('grace')];
    expect(await status(ada, '/admin/users/2/sessions')).toBe(403);
    expect(await send(grace, 'GET', '/admin/users/1/sessions')).toHaveLength(2);
    expect(await send(grace, 'DELETE', '/admin/users/1/sessions')).toEqual({ ended: 2 });
    expect([await status(ada), await status(other), await status(grace)]).toEqual([401, 401, 200]);
    expect((await logIn(new Client(port), 'ada')).status).toBe(201);
  });

  it('close an account', async () => {
    const [ada, grace] = [await signedIn(), await signedIn('grace')];
    expect(await send(grace, 'POST', '/admin/users/1/close')).toEqual({ ended: 1 });
    expect(await status(ada)).toBe(401);
    expect((await logIn(new Client(port), 'ada')).status).toBe(401);
  });
});

describe.each(platforms)('the other modules of docs/user-sessions.md on %s', (platform) => {
  it('tell a user who has too many sessions, and let in one who ends another', async () => {
    await startModule(platform, 'limited-login.module.ts', 'LimitedLoginModule');
    const { LimitedLoginController } =
      await chapter.load<Record<string, Type<{ userSessions: UserSessions }>>>('limited-login.module.ts');
    const { userSessions } = app.get(LimitedLoginController as Type<{ userSessions: UserSessions }>);
    for (let at = 0; at < 2; at++) {
      await signedIn();
      pass(1);
    }
    const [newest, oldest] = await userSessions.list('1');
    const error = vi.fn<() => void>();
    app.useLogger({ log: () => {}, warn: () => {}, error });
    const client = new Client(port);
    const refused = await logIn(client, 'ada');
    expect([refused.status, await refused.json(), refused.setCookie]).toEqual([
      409,
      { statusCode: 409, code: 'SESSION_LIMIT', message: expect.stringContaining('2 sessions') as string },
      [],
    ]);
    expect((await logIn(client, 'ada', { endsOther: true })).status).toBe(201);
    app.useLogger(false);
    expect(error).not.toHaveBeenCalled();
    const handles = (await userSessions.list('1')).map(({ handle }) => handle);
    expect(handles).toHaveLength(2);
    expect(handles).toContain(newest?.handle);
    expect(handles).not.toContain(oldest?.handle);
  });

  it("end everybody's sessions", async () => {
    await startModule(platform, 'everybody.module.ts', 'EverybodyModule');
    const [first, second] = [new Client(port), new Client(port)];
    for (const client of [first, second]) expect((await client.post('/login')).status).toBe(201);
    expect((await first.post('/end-everybody')).status).toBe(201);
    for (const client of [first, second]) expect((await client.post('/end-everybody')).status).toBe(401);
    expect((await second.post('/login')).status).toBe(201);
    expect((await second.post('/end-everybody')).status).toBe(201);
  });
});

/** The two scripts of the page, called in a browser as its own page would. */
describe('the scripts of docs/user-sessions.md in a browser', () => {
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    await start('express', await recipesWithTransfer());
    context = await browser.newContext({ baseURL: `http://127.0.0.1:${port}` });
    await context.route('**/*-*.js', (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      return route.fulfill({ path: chapter.compiled(`../${name}`), contentType: 'text/javascript' });
    });
  });

  afterEach(() => context.close());

  async function signedInPage(): Promise<Page> {
    const page = await context.newPage();
    await page.goto('/devices');
    const { name, password } = { name: 'ada', password: PASSWORDS.ada };
    await context.request.post('/login', { data: { name, password } });
    return page;
  }

  it('notice in each tab that another device has ended the session', async () => {
    const [page, phone] = [await signedInPage(), await signedIn()];
    const opened = page.waitForResponse('**/session-ended');
    const noticed = page.evaluate(`
      import('/watch-session.js').then(
        ({ watchSession }) => new Promise((resolve) => watchSession('/session-ended', () => resolve('signed out'))),
      )`);
    expect((await opened).status()).toBe(200);
    expect(await send(phone, 'DELETE', '/devices')).toEqual({ ended: 1 });
    expect(await noticed).toBe('signed out');
  });

  /** Sends a request by the page's function. The user answers with these passwords, one after the other. */
  function withFreshSignIn(page: Page, method: string, path: string, passwords: string[]): Promise<unknown> {
    return page.evaluate(`
      import('/with-fresh-sign-in.js').then(async ({ withFreshSignIn }) => {
        const answers = ${JSON.stringify(passwords)};
        const { status } = await withFreshSignIn('${path}', { method: '${method}' }, async () => answers.shift());
        return { status, left: answers.length };
      })`);
  }

  it('ask for the password where the server wants a fresh sign-in, and go on', async () => {
    const page = await signedInPage();
    const endOthers = (passwords: string[]): Promise<unknown> => withFreshSignIn(page, 'DELETE', '/devices', passwords);
    expect(await endOthers(['never asked'])).toEqual({ status: 200, left: 1 });
    pass(6);
    expect(await endOthers([])).toEqual({ status: 403, left: 0 });
    expect(await endOthers(['wrong', 'lovelace', 'never asked'])).toEqual({ status: 200, left: 1 });
  });

  it('ask for no password where the server wants another method', async () => {
    const page = await signedInPage();
    const answer = await context.request.post('/transfer');
    const { signedInAt } = (await answer.json()) as { signedInAt: string };
    expect([answer.status(), await answer.json()]).toEqual([403, { ...refusal(), signedInAt }]);
    expect(await withFreshSignIn(page, 'POST', '/transfer', ['never asked'])).toEqual({ status: 403, left: 1 });
  });
});

describe('the module of docs/user-sessions.md that verifies reads', () => {
  it('takes a session for over whose list the store has lost', async () => {
    vi.stubEnv('MEMCACHED_SERVERS', inject('memcachedServer'));
    const [VerifiedModule, AccountController, DevicesController, Accounts] = [
      await exported('verified.module.ts', 'VerifiedModule'),
      await exported('account.controller.ts', 'AccountController'),
      await exported('devices.controller.ts', 'DevicesController'),
      await exported('accounts.ts', 'Accounts'),
    ];
    class LossModule {}
    Module({
      imports: [VerifiedModule],
      controllers: [AccountController, DevicesController],
      providers: [Accounts, { provide: APP_GUARD, useClass: SignedInGuard }],
    })(LossModule);
    await start('express', LossModule);
    // The server is that of all tests: a user of our own.
    const id = randomUUID();
    Object.assign(app.get<object>(Accounts), { withPassword: async () => ({ id, name: 'ada' }) });
    const client = await signedIn();
    expect(await list(client)).toHaveLength(1);
    const store = await MemcachedStore.connect({ servers: inject('memcachedServer') });
    expect(await store.delete(`session:user=${createHash('sha256').update(id).digest('base64url')}`)).toBe(true);
    await store.close();
    expect(await status(client)).toBe(401);
  });
});
