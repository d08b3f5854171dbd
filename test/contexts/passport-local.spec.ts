import { PassportModule } from '@nestjs/passport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import type { Answer, Client } from '../fixtures/client.js';
import { AccountController, lookUps, PasswordStrategy, UserSerializer } from '../fixtures/passport-accounts.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

const JSON_TYPE = { 'content-type': 'application/json' };

function send(client: Client, path: string, body: object = {}): Promise<Answer> {
  return client.post(path, { headers: JSON_TYPE, body: JSON.stringify(body) });
}

function logIn(client: Client, password = 'right'): Promise<Answer> {
  return send(client, '/login', { name: 'ada', password });
}

describe.each(platforms)('AuthGuard and passport-local on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  async function start(passport: object = {}, session: SessionModuleOptions = {}): Promise<void> {
    await app?.close();
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store, ...session },
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
    expect(await (await client.get('/me')).json()).toEqual({ user: { name: 'ada' }, cart: null });
    expect(lookUps.count).toBe(1);
  });
});
