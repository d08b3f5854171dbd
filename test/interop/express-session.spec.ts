import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';

import { Controller, Get, Param } from '@nestjs/common';
import { RedisStore as ConnectRedis } from 'connect-redis';
import express from 'express';
import expressSessions from 'express-session';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { expressSession, Session, type SessionModuleOptions } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const SECRET = 'the secret of the old application';

interface Data {
  user: string;
  passport: { user: number };
  [key: string]: unknown;
}

@Controller()
class NewController {
  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { ...session };
  }

  @Get('set/:key')
  set(@Session() session: Session<Data>, @Param('key') key: string): void {
    session[key] = true;
  }

  @Get('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Get('plain')
  plain(): string {
    return 'no session';
  }
}

/** A real application on express-session with connect-redis. */
class OldApplication {
  readonly redis = createClient({ url: inject('redisUrl') });
  #server: Server | undefined;

  async start(secret: string | string[] = SECRET): Promise<void> {
    await this.redis.connect();
    const app = express();
    const store = new ConnectRedis({ client: this.redis });
    app.use(expressSessions({ store, secret, resave: false, saveUninitialized: false, cookie: { maxAge: 3_600_000 } }));
    app.get('/login', (request, response) => {
      Object.assign(request.session, { user: 'ada', passport: { user: 7 }, cart: [{ ' t': 'looks like a tag' }] });
      response.json({});
    });
    app.get('/me', (request, response) => {
      const { cookie: _cookie, ...data } = request.session;
      response.json(data);
    });
    this.#server = app.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server!.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    await this.redis.close();
  }
}

const stored = { user: 'ada', passport: { user: 7 }, cart: [{ ' t': 'looks like a tag' }] };

describe.each(platforms)('Sessions of express-session, on %s', (platform) => {
  let old: OldApplication;
  let app: SessionApp | undefined;

  beforeAll(async () => {
    old = new OldApplication();
    await old.start();
  });

  afterAll(() => old.stop());

  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  /** A browser that is signed in at the old application, and comes to the new one. */
  async function signedIn(options: SessionModuleOptions = {}): Promise<Client> {
    app = await SessionApp.start(platform, {
      session: {
        store: 'redis',
        redis: { url: inject('redisUrl') },
        secret: 'another secret',
        migrateFrom: expressSession({ secret: SECRET }),
        ...options,
      },
      controllers: [NewController],
    });
    const jar = new Map<string, string>();
    await new Client(old.port, jar).get('/login');
    return new Client(app.port, jar);
  }

  const oldKey = (client: Client): string =>
    `sess:${
      decodeURIComponent(client.jar.get('connect.sid') ?? '')
        .slice(2)
        .split('.')[0]
    }`;
  const me = async (client: Client, cookie = client.cookieHeader): Promise<object> =>
    (await client.get('/me', { cookie })).json();

  it('are opened once, stored as native ones under a new id, and deleted', async () => {
    const client = await signedIn();
    const [before, key] = [client.cookieHeader, oldKey(client)];
    expect(JSON.parse((await old.redis.get(key)) ?? '{}')).toMatchObject({ cookie: { path: '/' }, user: 'ada' });
    const answer = await client.get('/me');
    expect(await answer.json()).toEqual(stored);
    expect(answer.setCookie.length).toBe(2);
    expect(answer.cookie()).toContain('Max-Age=1209600');
    expect(answer.cookie('connect.sid')).toContain('Max-Age=0');
    expect([...client.jar.keys()]).toEqual(['session']);
    expect(await old.redis.get(key)).toBeNull();
    expect(await me(client)).toEqual(stored);
    expect((await client.get('/me')).setCookie).toEqual([]);
    expect(await (await new Client(old.port).get('/me', { cookie: before })).json()).toEqual({});
  });

  it('are lost to none of many requests at several servers', async () => {
    const client = await signedIn();
    const cookie = client.cookieHeader;
    const options = { store: 'redis', redis: { url: inject('redisUrl') }, secret: 'another secret' } as const;
    const servers = await Promise.all(
      [1, 2, 3].map(() =>
        SessionApp.start(platform, {
          session: { ...options, migrateFrom: expressSession({ secret: SECRET }) },
          controllers: [NewController],
        }),
      ),
    );
    const ports = [app!, ...servers].map(({ port }) => port);
    const requests = Array.from({ length: 20 }, (_, number) =>
      new Client(ports[number % ports.length]!).get('/me', { cookie }),
    );
    const answers = await Promise.all((await Promise.all(requests)).map((answer) => answer.json()));
    await Promise.all(servers.map((server) => server.close()));
    expect(answers).toEqual(answers.map(() => stored));
  });

  it('remove a cookie of the same name that another domain has set', async () => {
    const client = await signedIn({
      cookie: { name: 'connect.sid' },
      migrateFrom: expressSession({ secret: SECRET, domain: 'example.com' }),
    });
    const { setCookie } = await client.get('/me');
    expect(setCookie[1]).toMatch(/^connect\.sid=; Max-Age=0; Domain=example\.com;/);
  });

  it('keep what parallel requests change that all bring the old cookie', async () => {
    const client = await signedIn();
    const cookie = client.cookieHeader;
    const keys = Array.from({ length: 10 }, (_, number) => `key-${number}`);
    const answers = await Promise.all(keys.map((key) => client.get(`/set/${key}`, { cookie })));
    expect(new Set(answers.map((answer) => answer.cookie()?.split(';')[0])).size).toBe(1);
    expect(await me(client)).toEqual({ ...stored, ...Object.fromEntries(keys.map((key) => [key, true])) });
  });

  it('are found by a request that another one overtakes', async () => {
    const client = await signedIn();
    const cookie = client.cookieHeader;
    const store = app!.store;
    const get = store.get.bind(store);
    // In the moment between looking for the new record and reading the old one.
    store.get = async (key) => {
      if (!key.startsWith('sess:')) return get(key);
      store.get = get;
      expect(await me(new Client(app!.port), cookie)).toEqual(stored);
      return get(key);
    };
    expect(await me(client)).toEqual(stored);
  });

  it('stay logged out, whoever comes late with the old cookie', async () => {
    const client = await signedIn();
    const cookie = client.cookieHeader;
    await client.get('/me');
    expect(await me(client, cookie)).toEqual(stored);
    await client.get('/logout');
    expect(client.jar.size).toBe(0);
    expect(await me(client, cookie)).toEqual({});
  });

  it('log out straight away', async () => {
    const client = await signedIn();
    const key = oldKey(client);
    await client.get('/logout');
    expect([client.jar.size, await old.redis.get(key)]).toEqual([0, null]);
  });

  it('are taken over by a cookie of the same name', async () => {
    const client = await signedIn({ cookie: { name: 'connect.sid' } });
    const before = client.jar.get('connect.sid');
    const answer = await client.get('/me');
    expect([await answer.json(), answer.setCookie.length]).toEqual([stored, 1]);
    expect(client.jar.get('connect.sid')).not.toBe(before);
    expect(await me(client)).toEqual(stored);
  });

  it('cost nothing on a route that asks for no session', async () => {
    const client = await signedIn();
    const answer = await client.get('/plain');
    expect([answer.setCookie, typeof (await old.redis.get(oldKey(client)))]).toEqual([[], 'string']);
  });

  it.each([
    ['with another secret', { migrateFrom: expressSession({ secret: 'not it' }) }],
    ['under another prefix', { migrateFrom: expressSession({ secret: SECRET, prefix: 'other:' }) }],
    ['in a cookie of another name', { migrateFrom: expressSession({ secret: SECRET, name: 'sid' }) }],
  ])('are not found %s, and left alone', async (_how, options) => {
    const client = await signedIn(options);
    const key = oldKey(client);
    const answer = await client.get('/me');
    expect([await answer.json(), answer.setCookie]).toEqual([{}, []]);
    expect(await old.redis.get(key)).toContain('ada');
  });

  it('are found with any of several secrets', async () => {
    const client = await signedIn({ migrateFrom: expressSession({ secret: ['a newer one', SECRET] }) });
    expect(await me(client)).toEqual(stored);
  });

  it.each([
    ['has expired', (record: { cookie: object }) => ({ ...record, cookie: { expires: '2020-01-01T00:00:00.000Z' } })],
    ['holds no data', ({ cookie }: { cookie: object }) => ({ cookie })],
    ['is no record', () => 'a text'],
  ])('open a new one where the old record %s', async (_what, change) => {
    const client = await signedIn();
    const key = oldKey(client);
    const record = JSON.parse((await old.redis.get(key)) ?? '{}') as { cookie: object };
    await old.redis.set(key, JSON.stringify(change(record)));
    expect(await me(client)).toEqual({});
  });

  it.each([true, false])(
    'do not come back when a logout overtakes the takeover (tombstones: %s)',
    async (tombstones) => {
      const client = await signedIn({ tombstones });
      const cookie = client.cookieHeader;
      const store = app!.store;
      const get = store.get.bind(store);
      // In the moment between reading the old record and storing the new one.
      store.get = async (key) => {
        const text = await get(key);
        if (!key.startsWith('sess:')) return text;
        store.get = get;
        await new Client(app!.port).get('/logout', { cookie });
        return text;
      };
      expect(await me(client)).toEqual({});
      expect(await me(client, cookie)).toEqual({});
    },
  );
});

describe('expressSession', () => {
  it.each([
    [{ secret: '' }, 'secret'],
    [{ secret: [] }, 'secret'],
    [{} as { secret: string }, 'secret'],
    [{ secret: 'x', prefix: 5 as unknown as string }, 'prefix'],
    [{ secret: 'x', domain: 'https://example.com' }, 'domain'],
    [{ secret: 'x', name: 'a b' }, 'name'],
    [{ secret: 'x', nmae: 'sid' }, 'nmae'],
  ])('refuses %j', (options, named) => {
    expect(() => expressSession(options)).toThrow(named);
  });
});
