import { PassportModule } from '@nestjs/passport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Answer, Client } from '../fixtures/client.js';
import { AccountController, lookUps, PasswordStrategy, UserSerializer } from '../fixtures/passport-accounts.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

const JSON_TYPE = { 'content-type': 'application/json' };

function send(client: Client, path: string, body: object = {}): Promise<Answer> {
  return client.post(path, { headers: JSON_TYPE, body: JSON.stringify(body) });
}

function logIn(client: Client, { name = 'ada', password = 'right' } = {}): Promise<Answer> {
  return send(client, '/login', { name, password });
}

async function me(client: Client, cookie = client.cookieHeader): Promise<unknown> {
  const answer = await client.get('/me', { cookie });
  return answer.status === 200 ? answer.json() : answer.status;
}

describe.each(platforms)('AuthGuard with passport-local on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  async function start(passport: object = {}): Promise<void> {
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store },
      imports: [PassportModule.register(passport)],
      providers: [PasswordStrategy, UserSerializer],
      controllers: [AccountController],
    });
    client = app.client();
    lookUps.count = 0;
  }

  beforeEach(() => start());

  afterEach(() => app.close());

  it('signs in, and the next request knows the user', async () => {
    const answer = await logIn(client);
    expect([answer.status, await answer.json()]).toEqual([201, { user: { name: 'ada' }, isAuthenticated: true }]);
    expect(await me(client)).toEqual({ user: { name: 'ada' }, cart: null });
    expect(lookUps.count).toBe(1);
  });

  it('refuses a wrong password, and leaves the session as it was', async () => {
    await send(client, '/cart', { title: 'book' });
    const cookie = client.cookieHeader;
    const answer = await logIn(client, { password: 'wrong' });
    expect([answer.status, answer.setCookie, await answer.json()]).toEqual([
      401,
      [],
      expect.objectContaining({ message: 'wrong password' }),
    ]);
    expect(client.cookieHeader).toBe(cookie);
    expect(await (await client.get('/cart')).json()).toEqual({ cart: ['book'] });
  });

  it('signs in under a new id, and the id from before opens nothing', async () => {
    await send(client, '/cart', { title: 'book' });
    const planted = client.cookieHeader;
    await logIn(client);
    expect(client.cookieHeader).not.toBe(planted);
    expect(await me(client, planted)).toBe(401);
    expect(await me(client)).toEqual({ user: { name: 'ada' }, cart: null });
  });

  it('keeps the cart under the new id with keepSessionInfo', async () => {
    await app.close();
    await start({ keepSessionInfo: true });
    await send(client, '/cart', { title: 'book' });
    await logIn(client);
    expect(await me(client)).toEqual({ user: { name: 'ada' }, cart: ['book'] });
  });

  it('signs out, and neither cookie opens anything afterwards', async () => {
    await logIn(client);
    const cookie = client.cookieHeader;
    expect((await send(client, '/logout')).status).toBe(201);
    expect(client.cookieHeader).toBe('');
    expect([await me(client), await me(client, cookie)]).toEqual([401, 401]);
  });

  it('signs out under a new id that keeps the cart, with keepSessionInfo', async () => {
    await logIn(client);
    await send(client, '/cart', { title: 'book' });
    const cookie = client.cookieHeader;
    await send(client, '/logout', { keepSessionInfo: true });
    expect(client.cookieHeader).not.toBe(cookie);
    expect(await (await client.get('/cart')).json()).toEqual({ cart: ['book'] });
    expect([await me(client), await me(client, cookie)]).toEqual([401, 401]);
  });

  it('refuses a tab after a logout in another one', async () => {
    await logIn(client);
    const tab = app.client();
    tab.jar.set('session', client.jar.get('session') ?? '');
    expect(await me(tab)).toEqual({ user: { name: 'ada' }, cart: null });
    await send(client, '/logout');
    expect(await me(tab)).toBe(401);
  });

  it('logs in by hand in a handler, into a new session', async () => {
    await logIn(client);
    const cookie = client.cookieHeader;
    const answer = await send(client, '/become', { user: { name: 'grace' } });
    expect(await answer.json()).toEqual({ user: { name: 'grace' }, isNewSession: true });
    expect(await me(client)).toEqual({ user: { name: 'grace' }, cart: null });
    expect(await me(client, cookie)).toBe(401);
  });

  it('takes a user who was removed for nobody', async () => {
    await logIn(client, { name: 'removed' });
    expect(await me(client)).toBe(401);
    expect(await (await client.get('/greeting')).json()).toEqual({ user: null, isAuthenticated: false });
  });

  it('neither reads the session nor looks the user up for a page that does not ask', async () => {
    await logIn(client);
    store.taken();
    lookUps.count = 0;
    const answers = [await client.get('/page'), await client.get('/no-such-page')];
    expect(answers.map(({ status }) => status)).toEqual([200, 404]);
    expect([store.taken(), lookUps.count]).toEqual(['', 0]);
    expect(answers.map((answer) => answer.header('vary'))).toEqual([undefined, undefined]);
  });

  it('greets a stranger without a store call and without a cookie', async () => {
    const answer = await client.get('/greeting');
    expect(await answer.json()).toEqual({ user: null, isAuthenticated: false });
    expect([answer.setCookie, store.taken(), lookUps.count]).toEqual([[], '', 0]);
  });

  it('reads the session once for a page that asks', async () => {
    await logIn(client);
    store.taken();
    expect(await (await client.get('/greeting')).json()).toEqual({ user: { name: 'ada' }, isAuthenticated: true });
    expect([store.taken(), lookUps.count]).toEqual(['read', 1]);
  });

  it.each(['/me', '/greeting'])(
    'answers %s with 503 while the store is down, and takes no user for a stranger',
    async (path) => {
      await logIn(client);
      store.failing.add('read');
      const answer = await client.get(path);
      expect([answer.status, answer.setCookie]).toEqual([503, []]);
      expect(answer.header('retry-after')).toBeDefined();
      store.failing.clear();
      expect(await me(client)).toEqual({ user: { name: 'ada' }, cart: null });
    },
  );

  it('answers a login with 503 when the session cannot be saved, and without a cookie', async () => {
    store.failing.add('create');
    const answer = await logIn(client);
    expect([answer.status, answer.setCookie]).toEqual([503, []]);
    expect(client.cookieHeader).toBe('');
  });

  it('answers a logout with 503 when the store is down, and the session lives on', async () => {
    await logIn(client);
    store.failing.add('replace');
    expect((await send(client, '/logout')).status).toBe(503);
    store.failing.clear();
    expect(await me(client)).toEqual({ user: { name: 'ada' }, cart: null });
  });

  it('opens nothing for a hostile cookie', async () => {
    for (const cookie of ['session=%00', `session=${'a'.repeat(32)}`, 'session=__proto__', 'session=']) {
      expect(await me(client, cookie)).toBe(401);
    }
  });
});
