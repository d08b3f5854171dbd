import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { Controller, Get, Injectable, Param, Post, type OnModuleInit } from '@nestjs/common';
import { filter, map, mergeMap, of, tap } from 'rxjs';
import { afterEach, describe, expect, inject, it } from 'vitest';

import {
  Session,
  SessionEvents,
  SessionModule,
  UserSessions,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { platforms, type Platform } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

type Data = { user?: string; secret?: string };

@Controller()
class AccountController {
  constructor(private readonly userSessions: UserSessions) {}

  @Post('visit/:token')
  visit(@Session() session: Session<Data>, @Param('token') token: string): void {
    session.secret = token;
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Post('login-here')
  loginHere(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Post('login-as/:user')
  async loginAs(@Session() session: Session<Data>, @Param('user') user: string): Promise<void> {
    await session.regenerate();
    session.user = user;
    session.signedIn({ amr: ['pwd'] });
  }

  @Post('confirm')
  confirm(@Session() session: Session<Data>): void {
    session.signedIn({ amr: ['pwd', 'otp'] });
  }

  @Post('forget')
  forget(@Session() session: Session<Data>): void {
    delete session.user;
    session.secret = 'cart';
  }

  @Post('become/:user')
  become(@Session() session: Session<Data>, @Param('user') user: string): void {
    session.user = user;
  }

  @Post('end-other')
  async endOther(@Session() session: Session<Data>): Promise<object> {
    const list = await this.userSessions.list(session.user, { current: session });
    const other = list.find(({ isCurrent }) => !isCurrent);
    return { ended: await this.userSessions.end(session.user, other?.handle ?? '', { current: session }) };
  }

  @Post('rename')
  async rename(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: true });
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }

  @Post('empty')
  empty(@Session() session: Session<Data>): void {
    for (const key of Object.keys(session)) delete session[key as keyof Data];
  }

  @Post('others')
  async others(@Session() session: Session<Data>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user, { except: session }) };
  }

  @Post('admin')
  async admin(): Promise<object> {
    return { ended: await this.userSessions.endAll('ada') };
  }

  @Get('read/:token')
  read(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }
}

/** Hears everything from the start on. */
@Injectable()
class Audit implements OnModuleInit {
  readonly heard: SessionEvent[] = [];
  isComplete = false;

  constructor(private readonly events: SessionEvents) {}

  onModuleInit(): void {
    this.events.subscribe({
      next: (event) => void this.heard.push(event),
      complete: () => (this.isComplete = true),
    });
  }

  taken(): Record<string, unknown>[] {
    return this.heard.splice(0).map(({ at: _at, ...said }) => said);
  }

  /** In short: the types, with their reasons. */
  types(): string[] {
    return this.heard
      .splice(0)
      .map((event) => (event.type !== 'outage' && 'reason' in event ? `${event.type}: ${event.reason}` : event.type));
  }
}

const USER: SessionModuleOptions = { user: (data) => (data as Data).user };
const SECRET = 'the-secret-of-this-application-0123456789';
const HANDLE = expect.stringMatching(/^[\w-]{22}$/) as unknown;

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

/** Sessions in Redis that no other test sees. */
function inRedis(options: SessionModuleOptions = {}, url = inject('redisUrl')): SessionModuleOptions {
  return { store: 'redis', redis: { url }, secret: SECRET, keyPrefix: `${randomUUID()}:`, ...USER, ...options };
}

async function start(
  platform: Platform,
  options: SessionModuleOptions,
  rest: SessionAppOptions = {},
): Promise<{ app: SessionApp; audit: Audit; client: Client }> {
  const { providers = [], ...others } = rest;
  const app = await SessionApp.start(platform, {
    session: options,
    controllers: [AccountController],
    providers: [Audit, ...providers],
    ...others,
  });
  opened.push(app);
  return { app, audit: app.app.get(Audit), client: app.client() };
}

describe.each(platforms)('on %s', (platform) => {
  it('a login and a logout are told once each, with the handle, the user and the route', async () => {
    const { audit, client } = await start(platform, inRedis());
    await client.post('/visit/a');
    const [visited, ...none] = audit.taken();
    expect(visited).toEqual({ type: 'created', sessions: 'default', handle: HANDLE, route: 'POST /visit/:token' });
    expect(none).toEqual([]);
    await client.post('/login');
    const [regenerated, created, signedIn] = audit.taken();
    const session = { sessions: 'default', handle: HANDLE, user: 'ada', route: 'POST /login' };
    expect(regenerated).toEqual({ ...session, type: 'regenerated', handle: visited?.handle, user: undefined });
    expect(created).toEqual({ ...session, type: 'created', former: visited?.handle });
    expect(signedIn).toEqual({
      ...session,
      type: 'signed-in',
      handle: created?.handle,
      isConfirmation: false,
    });
    await client.get('/read/a');
    await client.post('/rename');
    expect(audit.types()).toEqual(['regenerated', 'created']);
    await client.post('/logout');
    expect(audit.taken()).toEqual([
      { ...session, type: 'ended', reason: 'logout', handle: HANDLE, route: 'POST /logout' },
    ]);
    await client.get('/read/a');
    expect(audit.taken()).toEqual([]);
  });

  it('each sign-in is told with its methods, and its end where the session goes on', async () => {
    const { audit, client } = await start(platform, inRedis());
    await client.post('/login-as/ada');
    const [, first] = audit.taken();
    const ofAda = { sessions: 'default', handle: first?.handle, user: 'ada' };
    expect(first).toMatchObject({ ...ofAda, type: 'signed-in', isConfirmation: false, amr: ['pwd'] });
    await client.post('/confirm');
    expect(audit.taken()).toEqual([
      { ...ofAda, type: 'signed-in', isConfirmation: true, amr: ['pwd', 'otp'], route: 'POST /confirm' },
    ]);
    await client.post('/forget');
    expect(audit.taken()).toEqual([{ ...ofAda, type: 'signed-out', route: 'POST /forget' }]);
    await client.post('/become/ada');
    await client.post('/become/grace');
    expect(audit.taken()).toMatchObject([
      { ...ofAda, type: 'signed-in', isConfirmation: false },
      { ...ofAda, type: 'signed-out', route: 'POST /become/:user' },
      { ...ofAda, type: 'signed-in', user: 'grace', isConfirmation: false },
    ]);
    await client.post('/login-as/ada');
    expect(audit.taken()).toMatchObject([
      { type: 'regenerated', user: 'grace' },
      { ...ofAda, type: 'signed-out', user: 'grace', route: 'POST /login-as/:user' },
      { type: 'created', user: 'ada', former: first?.handle },
      { type: 'signed-in', user: 'ada', isConfirmation: false },
    ]);
    await client.post('/rename');
    await client.post('/logout');
    expect(audit.types()).toEqual(['regenerated', 'created', 'ended: logout']);
  });

  it('a session that another one ends is told with that one and its route', async () => {
    const { app, audit, client } = await start(platform, inRedis());
    await client.post('/login-here');
    const [{ handle: by } = {}] = audit.taken();
    const [one, other] = [app.client(), app.client()];
    for (const each of [one, other]) await each.post('/login-here');
    const handles = audit
      .taken()
      .filter(({ type }) => type === 'created')
      .map(({ handle }) => handle);
    await client.post('/end-other');
    await client.post('/others');
    const ended = audit.taken();
    expect(ended).toMatchObject([
      { type: 'ended', reason: 'another-session', user: 'ada', by, route: 'POST /end-other' },
      { type: 'ended', reason: 'another-session', user: 'ada', by, route: 'POST /others' },
    ]);
    expect(new Set(ended.map(({ handle }) => handle))).toEqual(new Set(handles));
    await client.post('/admin');
    const [byAdministrator] = audit.taken();
    expect(byAdministrator).toEqual({
      type: 'ended',
      reason: 'administrator',
      sessions: 'default',
      handle: by,
      user: 'ada',
    });
  });

  it('each way to end a session is told by its name', async () => {
    const options = inRedis({ pinning: true, sessionsPerUser: { max: 2 } });
    const { app, audit, client } = await start(platform, options);
    await client.post('/visit/a');
    audit.taken();
    await client.post('/empty');
    expect(audit.types()).toEqual(['ended: emptied']);

    const [first, second, third] = [app.client(), app.client(), app.client()];
    for (const each of [first, second, third]) await each.post('/login-here');
    expect(audit.types()).toEqual([
      'created',
      'signed-in',
      'created',
      'signed-in',
      'ended: limit',
      'created',
      'signed-in',
    ]);
    await third.post('/others');
    expect(audit.types()).toEqual(['ended: another-session']);
    await second.get('/read/a');
    expect(audit.types()).toEqual(['refused: ended']);
    await third.get('/read/a', { localAddress: '127.0.0.2' });
    expect(audit.types()).toEqual(['ended: pin']);
    await first.post('/login-here');
    expect(audit.types()).toEqual(['refused: ended']);
    const fourth = app.client();
    await fourth.post('/login-here');
    audit.taken();
    await fourth.post('/admin');
    expect(audit.types()).toEqual(['ended: administrator']);
  });

  it('a login ends the further sessions of the browser', async () => {
    const { app, audit, client } = await start(platform, inRedis());
    await client.post('/visit/a');
    const other = app.client();
    await other.post('/visit/b');
    audit.taken();
    await app.client().post('/login', { cookie: `${client.cookieHeader}; ${other.cookieHeader}` });
    expect(audit.types()).toEqual(['ended: replaced', 'regenerated', 'created', 'signed-in']);
  });

  it('a cookie that opens nothing is told with the reason', async () => {
    const options = inRedis();
    const { app, audit, client } = await start(platform, options);
    await client.post('/login-here');
    const { handle } = audit.taken()[0] ?? {};
    await app.client().get('/read/a', { cookie: `${client.cookieHeader}x` });
    expect(audit.taken()).toEqual([
      { type: 'refused', reason: 'signature', sessions: 'default', route: 'GET /read/:token' },
    ]);
    // As where Redis has removed the record by itself.
    const copy = await start(platform, { ...options, keyPrefix: `${randomUUID()}:` });
    await copy.app.client().get('/read/a', { cookie: client.cookieHeader });
    expect(copy.audit.taken()).toMatchObject([{ type: 'refused', reason: 'unknown', handle }]);
    const plain = await start(platform, { ...options, secret: undefined });
    await plain.app.client().get('/read/a', { cookie: 'session=no%20id' });
    expect(plain.audit.types()).toEqual(['refused: malformed']);
  });

  it('a session that has expired is told when a request meets its record', async () => {
    const options = inRedis();
    const { audit, client } = await start(platform, options);
    await client.post('/login-here');
    const [{ handle } = {}] = audit.taken();
    const short = await start(platform, { ...options, absoluteTimeout: '1s', rolling: false });
    await eventually(async () => {
      await short.app.client().get('/read/a', { cookie: client.cookieHeader });
      if (short.audit.heard.length === 0) throw new Error('not yet');
    });
    await short.app.client().get('/read/a', { cookie: client.cookieHeader });
    expect(short.audit.taken()).toMatchObject([{ type: 'ended', reason: 'expired', handle, user: 'ada' }]);
  });

  it('an outage of the store is told once, and so is its end', async () => {
    const port = Number(new URL(inject('redisUrl')).port);
    const proxy = await TcpProxy.start(port);
    opened.push({ close: () => proxy.stop() });
    const { audit, client } = await start(platform, inRedis({}, `redis://127.0.0.1:${proxy.port}`));
    await client.post('/login-here');
    audit.taken();
    proxy.pointTo(await freePort());
    proxy.loseCommand('get');
    for (let request = 0; request < 3; request++) expect((await client.get('/read/a')).status).toBe(503);
    const [outage, ...more] = audit.heard;
    expect([outage?.type, more]).toEqual(['outage', []]);
    proxy.pointTo(port);
    await eventually(async () => {
      await client.get('/read/a');
      if (audit.heard.length < 2) throw new Error('not yet');
    });
    await client.get('/read/a');
    expect(audit.taken()).toEqual([
      { type: 'outage', sessions: 'default', reason: expect.any(String) },
      { type: 'recovered', sessions: 'default', since: outage?.at, failures: expect.any(Number) },
    ]);
  });

  it('the events of two modules come in one stream, which completes as the application shuts down', async () => {
    const { app, audit } = await start(platform, inRedis(), {
      imports: [
        SessionModule.forRoot({ ...inRedis({ user: undefined }), name: 'admin', keyPrefix: `${randomUUID()}:` }),
      ],
      controllers: [AccountController, AdminController],
    });
    await app.client().post('/login-here');
    await app.client().post('/admin/login');
    expect(audit.taken().map(({ sessions, type }) => [sessions, type])).toEqual([
      ['default', 'created'],
      ['default', 'signed-in'],
      ['admin', 'created'],
    ]);
    expect(audit.isComplete).toBe(false);
    await opened.pop()?.close();
    expect(audit.isComplete).toBe(true);
    let hasEnded = false;
    audit['events'].subscribe({ complete: () => (hasEnded = true) });
    expect(hasEnded).toBe(true);
  });

  it('two applications of one process do not hear each other', async () => {
    const one = await start(platform, inRedis());
    const other = await start(platform, inRedis());
    await one.client.post('/login-here');
    expect([one.audit.heard.length, other.audit.heard.length]).toEqual([2, 0]);
  });

  it('Node publishes each event on its channel too', async () => {
    const heard: SessionEvent[] = [];
    const hear = (event: unknown): void => void heard.push(event as SessionEvent);
    const names = ['created', 'signed-in', 'ended'].map((type) => `nest-session:${type}`);
    for (const name of names) subscribe(name, hear);
    const { audit, client } = await start(platform, inRedis());
    await client.post('/login-here');
    await client.post('/logout');
    for (const name of names) unsubscribe(name, hear);
    expect(heard).toEqual(audit.heard);
    expect(heard.map(({ type }) => type)).toEqual(['created', 'signed-in', 'ended']);
  });

  it('a subscriber that fails, in whichever way, harms no request and no other subscriber, and is logged once', async () => {
    const { app, audit, client } = await start(platform, inRedis());
    const events = app.app.get(SessionEvents);
    const rejects = (): unknown => Promise.reject(new Error('rejects'));
    const hangs = (): unknown => new Promise(() => {});
    const fail = (name: string) => (): never => {
      throw new Error(name);
    };
    events.subscribe(fail('next'));
    events.subscribe({ next: fail('observer') });
    events.subscribe(rejects);
    events.subscribe(hangs);
    events.pipe(filter(({ type }) => type === 'created')).subscribe(fail('filtered'));
    events.pipe(tap(fail('operator'))).subscribe();
    events.pipe(mergeMap(() => Promise.reject(new Error('inner')))).subscribe();
    events.pipe(map(fail('mapped'))).subscribe({ error: fail('error') });
    events.pipe(mergeMap((event) => of(event))).subscribe({ next: fail('merged'), complete: fail('complete') });
    const uncaught: unknown[] = [];
    const catchAll = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', catchAll).on('unhandledRejection', catchAll);
    const answers = [await client.post('/login-here'), await client.get('/read/a'), await client.post('/logout')];
    await opened.pop()?.close();
    await new Promise((resolve) => setTimeout(resolve));
    process.off('uncaughtException', catchAll).off('unhandledRejection', catchAll);
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 201]);
    expect(await answers[1]?.json()).toEqual({ user: 'ada' });
    expect(audit.types()).toEqual(['created', 'signed-in', 'ended: logout']);
    expect(uncaught).toEqual([]);
    const failures = app.warnings.filter((line) => line.startsWith('A subscriber of SessionEvents has failed.'));
    expect(failures.map((line) => line.replace(/^.*Error: /, '')).toSorted()).toEqual(
      ['next', 'observer', 'rejects', 'filtered', 'operator', 'inner', 'error', 'merged'].toSorted(),
    );
  });

  it('no event holds an id, a cookie, a secret, data, a key or a path', async () => {
    const options = inRedis({ hashIds: false, pinning: true });
    const { app, audit, client } = await start(platform, options);
    const secrets = new Set([SECRET, options.keyPrefix ?? '', 'token-', '127.0.0.']);
    const note = (each: Client): void => {
      for (const value of each.jar.values()) for (const part of value.split('.')) if (part !== '') secrets.add(part);
    };
    const routes = [
      'login-as/ada',
      'confirm',
      'become/grace',
      'end-other',
      'forget',
      'login',
      'login-here',
      'rename',
      'others',
      'empty',
      'logout',
      'admin',
    ];
    for (let round = 0; round < 20; round++) {
      const clients = [client, app.client()];
      for (const each of clients) await each.post(`/visit/token-${round}`);
      for (const route of routes) {
        const cookies = [client.cookieHeader, `session=token-${round}`, `session=${'x'.repeat(32)}.token-${round}`];
        for (const each of clients) note(each);
        await Promise.all([
          client.post(`/${routes[round % routes.length]}`, { cookie: cookies.join('; ') }),
          ...clients.map((each) => each.post(`/${route}`)),
          client.get(`/read/token-${round}?q=token-${round}`, { localAddress: '127.0.0.2' }),
          client.get(`/token-${round}`),
        ]);
      }
    }
    const said = JSON.stringify(audit.heard);
    expect(new Set(audit.heard.map(({ type }) => type))).toEqual(
      new Set(['created', 'signed-in', 'signed-out', 'regenerated', 'ended', 'refused']),
    );
    expect([...secrets].filter((secret) => said.includes(secret))).toEqual([]);
    expect(secrets.size).toBeGreaterThan(50);
  });
});

@Controller('admin')
class AdminController {
  @Post('login')
  login(@Session.of('admin') session: Session<Data>): void {
    session.user = 'root';
  }
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
