import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { UserIndex } from '../../lib/engine/user-index.js';
import type { SessionStore } from '../../lib/index.js';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Client } from '../fixtures/client.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';
import { UserController, userOptions } from '../fixtures/user-controller.js';

interface Connection {
  /** Through the proxy. */
  readonly store: SessionStore & { close(): Promise<void> };
  /** Beside it. */
  readonly direct: SessionStore & { close(): Promise<void> };
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

const backEnds: [string, () => number, (port: number) => Promise<Connection>][] = [
  [
    'Redis',
    () => portOf(inject('redisUrl')),
    async (port) => ({
      store: await RedisStore.connect({ url: `redis://127.0.0.1:${port}` }),
      direct: await RedisStore.connect({ url: inject('redisUrl') }),
    }),
  ],
  [
    'Memcached',
    () => portOf(inject('memcachedServer')),
    async (port) => ({
      store: await MemcachedStore.connect({ servers: `127.0.0.1:${port}` }),
      direct: await MemcachedStore.connect({ servers: inject('memcachedServer') }),
    }),
  ],
];

/** What breaks, by a text that the command has in it. The Redis store sends a read again, and nobody notices. */
const signInBreaks = ['user=', '"sessions":[', '"_listed"'] as const;
const endAllBreaks = ['user=', 'voidSince', 'user-races:', 'nest-session tombstone', '"sessions":[]'] as const;
const losses = ['command', 'reply'] as const;
const reads: readonly string[] = ['user=', 'user-races:'];
/** The Memcached store stays away for a second after each loss. There the reply alone is lost: the command may be carried out. */
const every = <Text extends string>(name: string, texts: readonly Text[]): (readonly [Text, 'command' | 'reply'])[] =>
  texts.flatMap((text) => losses.slice(name === 'Memcached' ? 1 : 0).map((loss) => [text, loss] as const));

describe.each(backEnds)('A connection to %s that breaks', (name, target, connect) => {
  let proxy: TcpProxy;
  let connection: Connection;
  let app: SessionApp;
  let keys: SpyStore;

  beforeAll(async () => {
    proxy = await TcpProxy.start(target());
    connection = await connect(proxy.port);
    keys = new SpyStore(connection.store);
    app = await SessionApp.start('fastify', {
      session: { ...userOptions, store: keys },
      controllers: [UserController],
    });
  });

  afterAll(async () => {
    await app.close();
    await connection.store.close();
    await connection.direct.close();
    await proxy.stop();
  });

  const lose = (text: string, loss: (typeof losses)[number]): void =>
    loss === 'command' ? proxy.loseCommand(text) : proxy.loseReplyTo(text);

  /** A loss fails the request, unless it was that of a read which was sent again. */
  function expectFailed(status: number, text: string): void {
    if (status !== 201 || !reads.includes(text) || name !== 'Redis') expect(status).toBe(503);
  }

  /** A request again and again, until the back-end is there again. */
  async function once(request: () => ReturnType<Client['get']>): ReturnType<Client['get']> {
    for (;;) {
      const answer = await request();
      if (answer.status !== 503) return answer;
    }
  }

  async function signedIn(user: string): Promise<Client> {
    const client = app.client();
    expect((await once(() => client.post(`/sign-in/${user}`))).status).toBe(201);
    return client;
  }

  const userOf = async (cookie: string): Promise<unknown> =>
    (await (await once(() => app.client().get('/me', { cookie }))).json()).user;

  async function expectClean(user: string, clients: readonly Client[]): Promise<void> {
    expect((await once(() => app.client().post(`/end-all/${user}`))).status).toBe(201);
    for (const { cookieHeader } of clients) expect(await userOf(cookieHeader)).toBeUndefined();
    const list = await connection.direct.get(`${userOptions.keyPrefix}user=${UserIndex.userOf(user)}`);
    expect(JSON.parse(list ?? '{"sessions":[]}')).toEqual({ sessions: [] });
  }

  it.each(every(name, signInBreaks))(
    'at %s (%s) fails the sign-in with 503, and leaves none that works',
    async (text, loss) => {
      const user = randomUUID();
      const other = await signedIn(user);
      lose(text, loss);
      const answer = await app.client().post(`/sign-in/${user}`);
      expectFailed(answer.status, text);
      expect(answer.setCookie).toHaveLength(answer.status === 201 ? 1 : 0);
      const { lastKey } = keys;
      expect(await userOf(other.cookieHeader)).toBe(user);
      await expectClean(user, [other]);
      const left = await connection.direct.get(lastKey);
      expect(left === undefined || isTombstone(left) || left === '{"sessions":[]}').toBe(true);
    },
  );

  it.each(every(name, endAllBreaks))(
    'at %s (%s) fails endAll with 503, and the next one ends the rest',
    async (text, loss) => {
      const user = randomUUID();
      const clients = [await signedIn(user), await signedIn(user), await signedIn(user)];
      lose(text, loss);
      const answer = await app.client().post(`/end-all/${user}`);
      expectFailed(answer.status, text);
      await expectClean(user, clients);
    },
  );

  it.each(every(name, ['user-races:', 'nest-session tombstone', '"sessions":[]']))(
    'at %s (%s) during a sign-out leaves what endAll ends',
    async (text, loss) => {
      const user = randomUUID();
      const client = await signedIn(user);
      const cookie = client.cookieHeader;
      lose(text, loss);
      const answer = await client.post('/sign-out');
      // What is left of the entry alone does not fail the sign-out.
      if (text.startsWith('"sessions"')) expect(answer.status).toBe(201);
      else expectFailed(answer.status, text);
      if (answer.status === 201) expect(await userOf(cookie)).toBeUndefined();
      await expectClean(user, [client]);
      expect(await userOf(cookie)).toBeUndefined();
    },
  );
});
