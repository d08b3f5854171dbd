import { Controller, Get, Post, Redirect, Req } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import {
  Session,
  SessionConflictError,
  type ReplaceOutcome,
  type SessionModuleOptions,
  type StoredSession,
} from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SpyStore, type Verb } from '../fixtures/spy-store.js';
import { AccountApps, attributesOf, cookieLinesOf, idOf, keyOf } from './account-apps.js';

/** Answers with all it can lay hands on, short of `session.id` itself. */
@Controller()
class TalkativeController {
  @Get('whole')
  whole(@Session() session: Session): object {
    return session;
  }

  @Get('spread')
  spread(@Session() session: Session): object {
    return { keys: Object.keys(session), text: JSON.stringify(session), copy: { ...session } };
  }

  @Get('of-request')
  ofRequest(@Session() _session: Session, @Req() request: { session: unknown }): unknown {
    return { session: request.session };
  }

  @Redirect('/elsewhere')
  @Get('redirect')
  redirect(@Session() session: Session): void {
    session['at'] = Date.now();
  }

  @Get('unstorable')
  unstorable(@Session() session: Session): void {
    session['work'] = () => undefined;
  }

  @Get('error')
  error(@Session() session: Session): void {
    session['at'] = Date.now();
    throw new Error('The handler failed.');
  }

  @Get('conflict')
  conflict(@Session() _session: Session): void {
    throw new SessionConflictError('Others won.');
  }

  @Post('update')
  update(@Session() session: Session): Promise<void> {
    return session.update((data) => void (data['at'] = Date.now()));
  }
}

/** Fails as drivers do, whose errors repeat the command and its arguments. */
class TalkativeStore extends SpyStore {
  override async read(key: string): Promise<StoredSession | undefined> {
    return this.#told('read', key, super.read(key));
  }

  override async create(key: string, value: string, ttl: number): Promise<boolean> {
    return this.#told('create', `${key} ${value}`, super.create(key, value, ttl));
  }

  override async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    return this.#told('replace', `${key} ${value}`, super.replace(key, value, ttl, version));
  }

  async #told<R>(verb: Verb, details: string, work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch {
      throw new Error(`ECONNRESET in ${verb} ${details}`);
    }
  }
}

const TALK = [
  ['GET', '/whole'],
  ['GET', '/spread'],
  ['GET', '/of-request'],
  ['GET', '/redirect'],
  ['GET', '/unstorable'],
  ['GET', '/error'],
  ['GET', '/conflict'],
  ['POST', '/update'],
  ['GET', '/visit'],
  ['GET', '/no-such-page'],
] as const;

describe.each(platforms)('3.3.4: on %s', (platform) => {
  const store = new TalkativeStore();
  let apps: AccountApps;

  async function start(session: SessionModuleOptions = {}): Promise<AccountApps> {
    apps = await AccountApps.start(platform, 'memory', { store, ...session }, { controllers: [TalkativeController] });
    return apps;
  }

  afterEach(async () => {
    store.failing.clear();
    await apps.close();
  });

  it.each([
    ['as it comes', {}],
    ['with other attributes set', { cookie: { sameSite: 'strict', path: '/', persistent: false } }],
    ['with a function of the request', { cookie: () => ({ priority: 'high' as const }) }],
  ] as const)('every cookie line says HttpOnly, %s', async (_how, session) => {
    for (const line of await cookieLinesOf(await start(session))) {
      expect(attributesOf(line).has('httponly')).toBe(true);
    }
  });

  describe.each([
    ['the store works', []],
    ['the store does not save', ['create', 'replace'] as const],
    ['the store does not answer', ['read'] as const],
  ])('while %s,', (_when, failing) => {
    it.each(TALK)('%s %s sends the token in no other place than Set-Cookie', async (method, path) => {
      await start({ secret: 'a secret' });
      const client = await apps.signedIn();
      const { cookieHeader } = client;
      const id = idOf(cookieHeader);
      for (const verb of failing) store.failing.add(verb);
      const answer = await client.send(method, path);
      const { 'set-cookie': _lines, ...headers } = answer.message.headers;
      const shown = JSON.stringify(headers) + (await answer.text()) + apps.warnings.join('\n');
      // Neither the token, nor its id, nor its name in the store, which is no token but says who it belongs to.
      for (const secret of [cookieHeader.slice('session='.length), id, keyOf(id)]) expect(shown).not.toContain(secret);
    });
  });

  it('the token is taken from the cookie alone', async () => {
    await start();
    const cookie = (await apps.signedIn()).cookieHeader;
    const token = cookie.slice('session='.length);
    const client = apps.first.client();
    expect((await client.get('/me', { cookie })).status).toBe(200);
    for (const path of [`/me?session=${token}`, `/me?sid=${token}`, `/me;session=${token}`, `/me#session=${token}`]) {
      expect((await client.get(path)).status).toBeGreaterThanOrEqual(400);
    }
    const headers = { authorization: `Bearer ${token}`, 'x-session': token, session: token, 'set-cookie': [cookie] };
    expect((await client.get('/me', { headers })).status).toBe(401);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const visit = await client.send('POST', '/cart?item=tea', { headers: form, body: cookie });
    expect(idOf(visit.cookie()?.split(';')[0] ?? '')).not.toBe(token);
  });
});
