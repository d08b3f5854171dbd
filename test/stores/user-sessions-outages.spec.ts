import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { UserIndex } from '../../lib/engine/user-index.js';
import { backEndsWithServers, openBackEnd, resends, type BackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { Client } from '../fixtures/client.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { TroubledBackEnd } from '../fixtures/troubled-back-end.js';
import { UserController, userOptions } from '../fixtures/user-controller.js';

/** What breaks, by a text that the command has in it. A store may send a read again, and nobody notices. */
const signInBreaks = ['user=', '"sessions":[', '"_listed"'] as const;
const endAllBreaks = ['user=', 'voidSince', 'user-races:', 'nest-session tombstone', '"sessions":[]'] as const;
const losses = ['command', 'reply'] as const;
const reads: readonly string[] = ['user=', 'user-races:'];
/** The Memcached store stays away for a second after each loss. There the reply alone is lost: the command may be carried out. */
const every = <Text extends string>(name: BackEnd, texts: readonly Text[]): (readonly [Text, 'command' | 'reply'])[] =>
  texts.flatMap((text) => losses.slice(name === 'memcached' ? 1 : 0).map((of) => [text, of] as const));

describe.each(backEndsWithServers)('A connection to %s that breaks', (name) => {
  let backEnd: TroubledBackEnd;
  /** Beside the proxies. */
  let direct: OpenBackEnd;
  let app: SessionApp;
  let keys: SpyStore;

  beforeAll(async () => {
    backEnd = await TroubledBackEnd.open(name);
    direct = await openBackEnd(name);
    await backEnd.warmUp();
    keys = new SpyStore(backEnd.store);
    app = await SessionApp.start('fastify', {
      session: { ...userOptions, store: keys },
      controllers: [UserController],
    });
  });

  afterAll(async () => {
    await app.close();
    await backEnd.close();
    await direct.close();
  });

  /** A loss fails the request, unless what it lost was sent again. */
  function expectFailed(status: number, text: string): void {
    const mayBeRepeated = reads.includes(text) || resends(name) !== undefined;
    if (status !== 201 || !mayBeRepeated) expect(status).toBe(503);
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
    const list = await direct.store.get(`${userOptions.keyPrefix}user=${UserIndex.userOf(user)}`);
    expect(JSON.parse(list ?? '{"sessions":[]}')).toEqual({ sessions: [] });
  }

  it.each(every(name, signInBreaks))(
    'at %s (%s) fails the sign-in with 503, and leaves none that works',
    async (text, of) => {
      const user = randomUUID();
      const other = await signedIn(user);
      backEnd.lose({ text, of });
      const answer = await app.client().post(`/sign-in/${user}`);
      expectFailed(answer.status, text);
      expect(answer.setCookie).toHaveLength(answer.status === 201 ? 1 : 0);
      const { lastKey } = keys;
      expect(await userOf(other.cookieHeader)).toBe(user);
      await expectClean(user, [other]);
      const left = await direct.store.get(lastKey);
      expect(left === undefined || isTombstone(left) || left === '{"sessions":[]}').toBe(true);
    },
  );

  it.each(every(name, endAllBreaks))(
    'at %s (%s) fails endAll with 503, and the next one ends the rest',
    async (text, of) => {
      const user = randomUUID();
      const clients = [await signedIn(user), await signedIn(user), await signedIn(user)];
      backEnd.lose({ text, of });
      const answer = await app.client().post(`/end-all/${user}`);
      expectFailed(answer.status, text);
      await expectClean(user, clients);
    },
  );

  it.each(every(name, ['user-races:', 'nest-session tombstone', '"sessions":[]']))(
    'at %s (%s) during a sign-out leaves what endAll ends',
    async (text, of) => {
      const user = randomUUID();
      const client = await signedIn(user);
      const cookie = client.cookieHeader;
      backEnd.lose({ text, of });
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
