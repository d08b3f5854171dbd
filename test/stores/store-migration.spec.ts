import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SESSION_STORE, type SessionModuleOptions, type SessionStore } from '../../lib/index.js';
import { openBackEnd, type BackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { UserController } from '../fixtures/user-controller.js';

const PAIRS: readonly (readonly [from: BackEnd, to: BackEnd])[] = [
  ['memory', 'postgres'],
  ['postgres', 'redis'],
  ['redis', 'memcached'],
  ['memcached', 'file'],
  ['file', 'mongo'],
];

const ada = { user: 'ada' };

describe.each(platforms)('on %s', (platform) => {
  describe.each(PAIRS)('an application that moves from %s to %s', (fromName, toName) => {
    const apps: SessionApp[] = [];
    let from: OpenBackEnd;
    let to: OpenBackEnd;
    let keyPrefix: string;

    beforeEach(async () => {
      [from, to] = [await openBackEnd(fromName), await openBackEnd(toName)];
      keyPrefix = `moves-${platform}-${fromName}-${toName}-${Math.random()}:`;
    });

    afterEach(async () => {
      for (const app of apps.splice(0)) await app.close();
      await from.close();
      await to.close();
    });

    async function version(session: SessionModuleOptions): Promise<SessionApp> {
      const user: SessionModuleOptions['user'] = (data) => data.user as string | undefined;
      const app = await SessionApp.start(platform, {
        session: { keyPrefix, user, ...session },
        controllers: [UserController],
      });
      apps.push(app);
      return app;
    }

    const before = (): Promise<SessionApp> => version({ store: from.store });
    const following = (): Promise<SessionApp> => version({ store: from.store, migrateTo: to.store });
    const moving = (): Promise<SessionApp> => version({ store: to.store, migrateFrom: from.store });
    const after = (): Promise<SessionApp> => version({ store: to.store });

    async function signIn(app: SessionApp): Promise<Map<string, string>> {
      const client = app.client();
      expect((await client.post('/sign-in/ada')).status).toBe(201);
      return client.jar;
    }

    async function get(app: SessionApp, jar: Map<string, string>, path = '/me'): Promise<unknown> {
      return (await new Client(app.port, jar).get(path)).json();
    }

    it('keeps everybody signed in, with the lists of the users, and needs the old store no more in the end', async () => {
      const old = await before();
      const [here, there] = [await signIn(old), await signIn(old)];
      const app = await moving();
      expect([await get(app, here), await get(app, there)]).toEqual([ada, ada]);
      await signIn(app);
      expect(await get(app, here, '/list/ada')).toHaveLength(3);
      const last = await after();
      expect([await get(last, here), await get(last, there)]).toEqual([ada, ada]);
      expect(await (await new Client(last.port, here).post('/end-others')).json()).toEqual({ ended: 2 });
      expect([await get(last, here), await get(last, there)]).toEqual([ada, {}]);
    });

    it('ends the sessions of a user in both stores, moved or not', async () => {
      const old = await before();
      const [moved, left] = [await signIn(old), await signIn(old)];
      const app = await moving();
      expect(await get(app, moved)).toEqual(ada);
      expect(await (await app.client().post('/end-all/ada')).json()).toEqual({ ended: 2 });
      const rest = await Promise.all([moved, left].map((jar) => get(app, new Map(jar))));
      expect(rest).toEqual([{}, {}]);
    });

    it('signs out, and leaves the session in neither store', async () => {
      const jar = await signIn(await before());
      const kept = new Map(jar);
      const app = await moving();
      await new Client(app.port, jar).post('/sign-out');
      for (const seen of [app, await before(), await after(), await following()])
        expect(await get(seen, new Map(kept))).toEqual({});
    });

    it('keeps a jar signed in that goes from version to version in a rolling deploy, and loses no session of it', async () => {
      const [first, between, last] = [await before(), await following(), await moving()];
      const jar = await signIn(first);
      for (const app of [first, between, first, between, last, between, last, between]) {
        expect(await get(app, jar)).toEqual(ada);
      }
      await new Client(between.port, jar).post('/regenerate');
      await new Client(last.port, jar).post('/regenerate');
      const other = await signIn(between);
      expect([await get(last, jar), await get(last, other), await get(between, other)]).toEqual([ada, ada, ada]);
      expect(await get(between, jar, '/list/ada')).toHaveLength(2);
      expect(await (await new Client(between.port, jar).post('/end-others')).json()).toEqual({ ended: 1 });
      expect([await get(last, jar), await get(last, other)]).toEqual([ada, {}]);
    });

    it('moves a session once when many requests come at the same time', async () => {
      const jar = await signIn(await before());
      const versions = [await moving(), await moving(), await following()];
      const seen = await Promise.all(Array.from({ length: 24 }, (_, at) => get(versions[at % 3] as SessionApp, jar)));
      expect(seen).toEqual(Array.from({ length: 24 }, () => ada));
      expect(await get(await after(), jar)).toEqual(ada);
    });

    it('reads the values of the application that are still in the old store, and writes them to the new one', async () => {
      await from.store.set(`${keyPrefix.slice(0, -1)}-value`, 'old', 60);
      const app = await moving();
      const store = app.app.get<SessionStore>(SESSION_STORE);
      const key = `${keyPrefix.slice(0, -1)}-value`;
      expect(await store.get(key)).toBe('old');
      await store.set(key, 'new', 60);
      expect([await from.store.get(key), await to.store.get(key)]).toEqual([undefined, 'new']);
      expect([await store.delete(key), await store.delete(key), await store.get(key)]).toEqual([
        true,
        false,
        undefined,
      ]);
    });

    it('answers 503 while the old store is down, and leaves the cookie alone', async () => {
      const jar = await signIn(await before());
      const failing = new SpyStore(from.store);
      const app = await version({ store: to.store, migrateFrom: failing });
      failing.failing = new Set(['get', 'set', 'delete', 'read', 'create', 'replace']);
      const answer = await new Client(app.port, jar).get('/me');
      expect([answer.status, answer.setCookie]).toEqual([503, []]);
      failing.failing.clear();
      expect(await get(app, jar)).toEqual(ada);
      failing.failing = new Set(['get', 'set', 'delete', 'read', 'create', 'replace']);
      expect(await get(app, jar)).toEqual(ada);
    });

    it('finds the sessions under the former prefix of the keys', async () => {
      const jar = await signIn(await before());
      const app = await version({
        store: to.store,
        keyPrefix: `new-${keyPrefix}`,
        migrateFrom: { store: from.store, keyPrefix },
      });
      expect([await get(app, jar), await get(app, jar, '/list/ada')]).toEqual([ada, [expect.anything()]]);
      const last = await version({ store: to.store, keyPrefix: `new-${keyPrefix}` });
      expect(await get(last, jar)).toEqual(ada);
    });
  });
});
