import { hash } from 'node:crypto';

import { Controller, createParamDecorator, Get, type ExecutionContext } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { Session } from '../../lib/index.js';
import { MigratingStore } from '../../lib/stores/migrating.store.js';
import { backEnds, openBackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; cart: string; late: boolean };

/** Where a slow request stands still, by its cookie. */
const gates = new Map<string, Gate>();
const Stop = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { headers } = context.switchToHttp().getRequest<{ headers: { cookie: string } }>();
  return async (): Promise<void> => gates.get(headers.cookie)?.stop();
});

@Controller()
class RaceController {
  @Get('login')
  login(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { ...session };
  }

  @Get('slow/read')
  async read(@Session() session: Session<Data>, @Stop() stop: () => Promise<void>): Promise<object> {
    await stop();
    return { user: session.user };
  }

  @Get('slow/write')
  async write(@Session() session: Session<Data>, @Stop() stop: () => Promise<void>): Promise<void> {
    await stop();
    session.late = true;
  }

  @Get('slow/touch')
  async touch(@Session() session: Session<Data>, @Stop() stop: () => Promise<void>): Promise<void> {
    await stop();
    session.touch();
  }

  @Get('slow/update')
  async update(@Session() session: Session<Data>, @Stop() stop: () => Promise<void>): Promise<void> {
    await session.update(async (data) => {
      await stop();
      data.late = true;
    });
  }

  @Get('slow/regenerate')
  async slowRegenerate(@Session() session: Session<Data>, @Stop() stop: () => Promise<void>): Promise<void> {
    await stop();
    await session.regenerate({ keep: true });
    session.late = true;
  }

  @Get('destroy')
  destroy(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Get('regenerate')
  regenerate(@Session() session: Session<Data>): Promise<void> {
    return session.regenerate({ keep: true });
  }
}

/** What a slow request may be doing, the status it then answers, and the points at which it can stand still. */
const slow = [
  ['read', 200, ['in its handler']],
  ['write', 200, ['in its handler', 'as it saves']],
  ['touch', 200, ['in its handler', 'as it saves']],
  ['update', 409, ['in its function', 'as it saves']],
  ['regenerate', 409, ['in its handler', 'as it retires the old id']],
] as const;
const endings = ['destroy', 'regenerate', 'expiry', 'eviction'] as const;
const matrix = slow.flatMap(([kind, status, points]) =>
  points.flatMap((point) => endings.map((ending) => [kind, point, ending, status] as const)),
);

const idOf = (client: Client): string => client.jar.get('session') ?? '';
const keyOf = (id: string): string => `session:${hash('sha256', id, 'base64url')}`;

/** Two stores, between which sessions move or have moved. */
async function openTwo(moves: boolean): Promise<OpenBackEnd> {
  const [from, to] = [await openBackEnd('redis'), await openBackEnd('postgres')];
  const options = { from: from.store, to: to.store, moves, keyPrefix: 'session:', ttlOf: () => 3600 };
  return {
    store: new MigratingStore(options),
    close: async () => void (await Promise.all([from.close(), to.close()])),
  };
}

const rows: readonly (readonly [string, () => Promise<OpenBackEnd>])[] = [
  ...backEnds.map((name) => [name, () => openBackEnd(name)] as const),
  ['redis, from where they move to postgres', () => openTwo(true)],
  ['redis, from where other processes move them to postgres', () => openTwo(false)],
];

describe.concurrent.each(rows)('Sessions in %s', (_name, open) => {
  describe.concurrent.each(platforms)('on %s', (platform) => {
    let backEnd: OpenBackEnd;
    let store: SpyStore;
    let app: SessionApp;

    beforeAll(async () => {
      backEnd = await open();
      store = new SpyStore(backEnd.store);
      app = await SessionApp.start(platform, { session: { store }, controllers: [RaceController] });
    });

    afterAll(async () => {
      await app.close();
      await backEnd.close();
    });

    async function loggedIn(): Promise<Client> {
      const client = app.client();
      expect((await client.get('/login')).status).toBe(200);
      return client;
    }

    /** The same bytes, which the back-end forgets in a second or two. */
    async function expire(key: string): Promise<void> {
      const stored = await store.inner.read(key);
      expect(await store.inner.replace(key, stored?.value ?? '', 1, stored?.version)).toBe('replaced');
      await eventually(async () => expect(await store.inner.get(key)).toBeUndefined());
    }

    async function end(client: Client, ending: (typeof endings)[number], key: string): Promise<void> {
      if (ending === 'eviction') return void (await store.inner.delete(key));
      if (ending === 'expiry') return expire(key);
      const answer = await client.get(`/${ending}`);
      expect([answer.status, answer.setCookie.length]).toEqual([200, 1]);
    }

    it.each(matrix)('a slow %s, caught %s, does not undo a %s', async (kind, point, ending, status) => {
      const client = await loggedIn();
      const before = client.cookieHeader;
      const key = keyOf(idOf(client));
      const gate = point.startsWith('as') ? store.pause('replace', key) : new Gate();
      if (!point.startsWith('as')) gates.set(before, gate);
      const late = app.client().get(`/slow/${kind}`, { cookie: before });
      await gate.reached;
      await end(client, ending, key);
      gate.open();

      const answer = await late;
      expect([answer.status, answer.setCookie]).toEqual([status, []]);
      const left = await store.inner.get(key);
      expect(left === undefined || isTombstone(left)).toBe(true);
      expect(await (await app.client().get('/me', { cookie: before })).json()).toEqual({});
      // Whoever regenerated goes on with what was there.
      expect(await (await client.get('/me')).json()).toEqual(ending === 'regenerate' ? { user: 'ada' } : {});
    });
  });
});
