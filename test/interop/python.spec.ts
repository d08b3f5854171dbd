import { Controller, Get, Param } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import {
  ItsdangerousSigner,
  Markup,
  Session,
  TaggedJsonSerializer,
  Tuple,
  Uuid,
  type SessionModuleOptions,
} from '../../lib/index.js';
import type { ChildServer } from '../fixtures/child-server.mjs';
import { Client } from '../fixtures/client.js';
import { Gate } from '../fixtures/gate.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { platforms } from '../fixtures/platforms.js';
import { startPythonPeer, type PythonFramework } from '../fixtures/python-peer.js';
import { SessionApp } from '../fixtures/session-app.js';

const LIFETIME = 31 * 24 * 3600;

interface Data {
  user: string;
  cart: string[];
  types: Record<string, unknown>;
  _flashes: Tuple<string>[];
}

/** Where a slow request of ours stands still. */
let gate: Gate;

/** Of Python's they are TYPES in peer.py. */
const types = (): Record<string, unknown> => ({
  tuple: Tuple.of<unknown>(1, 'two', Tuple.of<unknown>(3.5, null)),
  bytes: Buffer.from([0, 255, ...Buffer.from(' bytes')]),
  markup: new Markup('<b>bold</b>'),
  uuid: new Uuid('b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8'),
  date: new Date('2024-02-29T12:00:01Z'),
  big: 2n ** 70n + 1n,
  nan: NaN,
  infinity: -Infinity,
  text: 'h\u00e9llo \u{1f600} \u2028 </script>',
  'not a tag': { ' t': 'no tuple' },
  nested: { list: [true, false, null, { deep: Tuple.of(1) }] },
});

/** What Python says of the same values. */
const representations = {
  tuple: "(1, 'two', (3.5, None))",
  bytes: "b'\\x00\\xff bytes'",
  markup: "Markup('<b>bold</b>')",
  uuid: "UUID('b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8')",
  date: 'datetime.datetime(2024, 2, 29, 12, 0, 1, tzinfo=datetime.timezone.utc)',
  big: '1180591620717411303425',
  nan: 'nan',
  infinity: '-inf',
  text: "'h\u00e9llo \u{1f600} \\u2028 </script>'",
  'not a tag': "{' t': 'no tuple'}",
  nested: "{'list': [True, False, None, {'deep': (1,)}]}",
};

/** What both sides can hold: Quart 0.18 writes the escape of an object that looks like a tag, but cannot read it. */
function knownTo<T extends object>(framework: PythonFramework, values: T): Partial<T> {
  return framework === 'quart' ? { ...values, 'not a tag': undefined } : values;
}

@Controller()
class ShopController {
  @Get('me')
  me(@Session() session: Session<Data>): object {
    const { user, cart } = session;
    return { user, cart };
  }

  @Get('login/:user')
  login(@Session() session: Session<Data>, @Param('user') user: string): void {
    session.user = user;
  }

  @Get('add/:item')
  add(@Session() session: Session<Data>, @Param('item') item: string): void {
    session.cart ??= [];
    session.cart.push(item);
  }

  @Get('add-slowly/:item')
  async addSlowly(@Session() session: Session<Data>, @Param('item') item: string): Promise<void> {
    session.cart = [...(session.cart ?? []), item];
    await gate.stop();
  }

  @Get('regenerate')
  regenerate(@Session() session: Session<Data>): Promise<void> {
    return session.regenerate({ keep: true });
  }

  @Get('remember/:lifetime')
  remember(@Session() session: Session<Data>, @Param('lifetime') lifetime: string): void {
    session.remember(lifetime === 'false' ? false : lifetime);
    session.signedIn({ amr: ['pwd'] });
  }

  @Get('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Get('write-types/:framework')
  writeTypes(@Session() session: Session<Data>, @Param('framework') framework: PythonFramework): void {
    session.types = knownTo(framework, types());
  }

  @Get('check-types/:framework')
  checkTypes(@Session('types') stored: Data['types'], @Param('framework') framework: PythonFramework): boolean {
    expect(stored).toEqual(knownTo(framework, types()));
    return true;
  }

  @Get('flash/:message')
  flash(@Session() session: Session<Data>, @Param('message') message: string): void {
    session._flashes = [...(session._flashes ?? []), Tuple.of('info', message)];
  }

  @Get('flashes')
  flashes(@Session() session: Session<Data>): unknown {
    const flashes = session._flashes ?? [];
    delete session._flashes;
    return flashes;
  }
}

const stores = ['redis', 'memcached'] as const;
const secrets = [
  ['a signed cookie', 'a secret that both know'],
  ['a bare id', undefined],
] as const;
const frameworks: readonly PythonFramework[] = ['quart', 'flask'];

const storePort = (store: (typeof stores)[number]): number =>
  Number((store === 'redis' ? new URL(inject('redisUrl')).port : inject('memcachedServer').split(':')[1]) ?? 0);

/** Quart before 0.19, which Debian has, writes ISO dates and does not read `+00:00` as anything else. */
const serializerFor = (framework: PythonFramework): TaggedJsonSerializer | undefined =>
  framework === 'quart' ? new TaggedJsonSerializer({ dialect: 'quart', dates: 'iso' }) : undefined;

/** What the back-end itself says of a record. */
async function aboutRecord(store: (typeof stores)[number], key: string): Promise<{ flags: number; ttl: number }> {
  if (store === 'memcached') return new MemcachedWire(inject('memcachedServer')).about(key);
  const client = new Redis(inject('redisUrl'));
  const ttl = await client.ttl(key);
  await client.quit();
  return { flags: 0, ttl };
}

const optionsFor = (
  framework: PythonFramework,
  store: (typeof stores)[number],
  secret: string | undefined,
): SessionModuleOptions => ({
  wire: 'quart',
  store,
  redis: { url: inject('redisUrl') },
  memcached: { servers: inject('memcachedServer') },
  serializer: serializerFor(framework),
  ...(secret === undefined ? {} : { secret }),
});

describe.each(frameworks)('One session with %s', (framework) => {
  describe.each(stores)('in %s', (store) => {
    describe.each(secrets)('with %s', (_name, secret) => {
      let python: ChildServer;
      let apps: SessionApp[];

      beforeAll(async () => {
        python = await startPythonPeer(framework, { store, storePort: storePort(store), secret });
        const session = optionsFor(framework, store, secret);
        apps = await Promise.all(
          platforms.map((platform) => SessionApp.start(platform, { session, controllers: [ShopController] })),
        );
      });

      afterAll(async () => {
        await Promise.all([python.stop(), ...apps.map((app) => app.close())]);
      });

      describe.each(platforms)('on %s', (platform) => {
        let atNest: Client;
        let atPython: Client;
        let app: SessionApp;

        beforeEach(() => {
          app = apps[platforms.indexOf(platform)]!;
          const jar = new Map<string, string>();
          atNest = new Client(app.port, jar);
          atPython = new Client(python.port, jar);
        });

        const get = async (client: Client, path: string): Promise<unknown> => {
          const answer = await client.get(path);
          expect(answer.status).toBe(200);
          const text = await answer.text();
          return text === '' ? undefined : JSON.parse(text);
        };
        const storedText = async (id: string): Promise<string | undefined> => {
          const text = await app.store.get(`session:${id}`);
          return text;
        };
        const idOf = (client: Client): string => (client.jar.get('session') ?? '').split('.')[0]!;

        it('signs in at Python, shops at both, and signs out at Nest', async () => {
          await get(atPython, '/login/ada');
          const cookie = atNest.cookieHeader;
          await get(atNest, '/add/book');
          await get(atPython, '/add/pen');
          await get(atNest, '/add/ink');
          const expected = { user: 'ada', cart: ['book', 'pen', 'ink'] };
          expect([await get(atNest, '/me'), await get(atPython, '/me')]).toEqual([expected, expected]);
          expect(atNest.cookieHeader).toBe(cookie);
          const id = idOf(atNest);
          await get(atNest, '/logout');
          expect([atNest.jar.size, await storedText(id)]).toEqual([0, undefined]);
          expect(await (await atPython.get('/me', { cookie })).json()).toEqual({});
        });

        it('signs in at Nest, shops at both, and signs out at Python', async () => {
          await get(atNest, '/login/ada');
          const cookie = atNest.cookieHeader;
          await get(atPython, '/add/book');
          await get(atNest, '/add/pen');
          const expected = { user: 'ada', cart: ['book', 'pen'] };
          expect([await get(atPython, '/me'), await get(atNest, '/me')]).toEqual([expected, expected]);
          await get(atPython, '/logout');
          expect(atNest.jar.size).toBe(0);
          expect(await (await atNest.get('/me', { cookie })).json()).toEqual({});
        });

        it('gives the session a new id at Nest, which Python goes on with', async () => {
          await get(atPython, '/login/ada');
          const old = { id: idOf(atNest), cookie: atNest.cookieHeader };
          await get(atNest, '/regenerate');
          expect(idOf(atNest)).not.toBe(old.id);
          expect(await get(atPython, '/me')).toEqual({ user: 'ada' });
          expect(await storedText(old.id)).toBeUndefined();
          expect(await (await atPython.get('/me', { cookie: old.cookie })).json()).toEqual({});
        });

        it('lays its own change over what Python has written in between', async () => {
          await get(atNest, '/login/ada');
          gate = new Gate();
          const slow = get(atNest, '/add-slowly/book');
          await gate.reached;
          await get(atPython, '/login/grace');
          gate.open();
          await slow;
          expect(await get(atPython, '/me')).toEqual({ user: 'grace', cart: ['book'] });
        });

        it('does not undo a logout at Python', async () => {
          await get(atNest, '/login/ada');
          const cookie = atNest.cookieHeader;
          gate = new Gate();
          const slow = atNest.get('/add-slowly/book');
          await gate.reached;
          await get(atPython, '/logout');
          gate.open();
          expect((await slow).setCookie).toEqual([]);
          expect(atNest.jar.size).toBe(0);
          expect(await (await atNest.get('/me', { cookie })).json()).toEqual({});
        });

        it('carries every type from Python, and back through a change of Nest', async () => {
          await get(atPython, '/write-types');
          expect(await get(atNest, `/check-types/${framework}`)).toBe(true);
          await get(atNest, '/login/ada');
          expect(await get(atPython, '/types')).toEqual(knownTo(framework, representations));
        });

        it('carries every type from Nest, and back through a change of Python', async () => {
          await get(atNest, `/write-types/${framework}`);
          expect(await get(atPython, '/types')).toEqual(knownTo(framework, representations));
          await get(atPython, '/login/ada');
          expect(await get(atNest, `/check-types/${framework}`)).toBe(true);
        });

        it('shows the flash messages of one at the other', async () => {
          await get(atPython, '/flash/one');
          await get(atNest, '/flash/two');
          expect(await get(atPython, '/flashes')).toEqual([
            ['info', 'one'],
            ['info', 'two'],
          ]);
          await get(atNest, '/login/ada');
          await get(atPython, '/flash/three');
          expect(await get(atNest, '/flashes')).toEqual([['info', 'three']]);
          expect(await get(atPython, '/flashes')).toEqual([]);
        });

        it('leaves what Python wrote as it is, but for the keys that it changes', async () => {
          await get(atPython, '/write-own');
          const text = await storedText(idOf(atPython));
          const own = await get(atPython, '/own');
          await get(atNest, '/add/book');
          expect(await storedText(idOf(atNest))).toBe(text!.replace(/\}$/, ',"cart":["book"]}'));
          await get(atNest, '/regenerate');
          expect(await storedText(idOf(atNest))).toBe(text!.replace(/\}$/, ',"cart":["book"]}'));
          expect(await get(atPython, '/own')).toEqual(own);
        });

        it('writes the record and the cookie as Python does', async () => {
          await get(atNest, '/login/ada');
          const text = await storedText(idOf(atNest));
          await get(atPython, '/login/ada');
          expect(await storedText(idOf(atNest))).toBe(text);
          expect(text).toBe('{"_permanent":true,"user":"ada"}');
          await get(atNest, '/add/book');
          const { flags, ttl } = await aboutRecord(store, `session:${idOf(atNest)}`);
          expect(flags).toBe(0);
          // Each program and each server has a clock of its own.
          expect(Math.abs(ttl - LIFETIME)).toBeLessThanOrEqual(2);
        });

        it('renews the cookie with each write, for as long as Python does', async () => {
          const started = (await atNest.get('/login/ada')).cookie();
          const written = (await atNest.get('/add/book')).cookie();
          const read = await atNest.get('/me');
          for (const line of [started, written]) expect(line).toContain(`Max-Age=${LIFETIME}`);
          expect(read.setCookie).toEqual([]);
        });

        it('remembers a session at Nest, and Python sends its cookie accordingly', async () => {
          await get(atPython, '/login/ada');
          const remembered = (await atNest.get('/remember/60d')).cookie();
          expect(remembered).toContain(`Max-Age=${60 * 24 * 3600};`);
          const key = `session:${idOf(atNest)}`;
          expect(Math.abs((await aboutRecord(store, key)).ttl - 60 * 24 * 3600)).toBeLessThanOrEqual(2);
          // Python knows one lifetime, and keeps what Nest has noted.
          expect((await atPython.get('/add/book')).cookie()).toContain(`Max-Age=${LIFETIME}`);
          expect(Math.abs((await aboutRecord(store, key)).ttl - LIFETIME)).toBeLessThanOrEqual(2);
          expect((await atNest.get('/add/pen')).cookie()).toContain(`Max-Age=${60 * 24 * 3600};`);
          expect(Math.abs((await aboutRecord(store, key)).ttl - 60 * 24 * 3600)).toBeLessThanOrEqual(2);
          expect(await storedText(idOf(atNest))).toContain('"_nest_session_signed_in":{');
        });

        it('forgets a session with the browser at Nest, and Python does too', async () => {
          await get(atPython, '/login/ada');
          const forgotten = (await atNest.get('/remember/false')).cookie();
          expect(forgotten).toMatch(/^session=/);
          expect(forgotten).not.toMatch(/Max-Age|Expires/i);
          const atPythonToo = (await atPython.get('/add/book')).cookie();
          expect(atPythonToo).toMatch(/^session=/);
          expect(atPythonToo).not.toMatch(/Max-Age|Expires/i);
          expect((await atNest.get('/add/pen')).setCookie).toEqual([]);
          expect(await storedText(idOf(atNest))).toMatch(/"_permanent": ?false/);
          expect(await get(atNest, '/me')).toEqual({ user: 'ada', cart: ['book', 'pen'] });
        });

        it('leaves a browser session of Python one', async () => {
          await get(atPython, '/login/ada');
          await get(atPython, '/browser-session');
          const answer = await atNest.get('/add/book');
          expect(answer.setCookie).toEqual([]);
          const renewed = (await atNest.get('/regenerate')).cookie();
          expect(renewed).toMatch(/^session=/);
          expect(renewed).not.toMatch(/Max-Age|Expires/);
          expect(await storedText(idOf(atNest))).toContain('"_permanent":false');
        });
      });
    });
  });
});

describe.each(platforms)('Beside Python on %s', (platform) => {
  const secret = 'a secret that both know';
  let app: SessionApp | undefined;
  let python: ChildServer | undefined;

  async function start(protection: boolean, options: SessionModuleOptions = {}): Promise<[Client, Client]> {
    python = await startPythonPeer('flask', { store: 'redis', storePort: storePort('redis'), secret, protection });
    const session = { ...optionsFor('flask', 'redis', secret), ...options };
    app = await SessionApp.start(platform, { session, controllers: [ShopController] });
    const jar = new Map<string, string>();
    return [new Client(app.port, jar), new Client(python.port, jar)];
  }

  beforeEach(() => async () => {
    await Promise.all([app?.close(), python?.stop()]);
    app = undefined;
    python = undefined;
  });

  const me = async (client: Client): Promise<object> => (await client.get('/me')).json();

  it('pins a session that either made for both', async () => {
    const [atNest, atPython] = await start(true, { pinning: true });
    await atNest.get('/login/ada');
    expect(await me(atPython)).toEqual({ user: 'ada' });
    await atNest.get('/logout');
    await atPython.get('/login/grace');
    expect(await me(atNest)).toEqual({ user: 'grace' });
    await atPython.get('/pin/203.0.113.9');
    expect(await me(atNest)).toEqual({});
  });

  it('keeps the pin of Python where Nest pins nothing', async () => {
    const [atNest, atPython] = await start(true);
    await atPython.get('/login/ada');
    await atNest.get('/add/book');
    await atNest.get('/regenerate');
    await atPython.get('/add/pen');
    expect(await me(atNest)).toEqual({ user: 'ada', cart: ['book', 'pen'] });
    const id = (atNest.jar.get('session') ?? '').split('.')[0]!;
    const record = await app!.store.get(`session:${id}`);
    expect(record).toContain('"_addr":"127.0.0.1","_permanent":true,');
  });

  it('pins a session anew whose pin Python has removed', async () => {
    const [atNest, atPython] = await start(true, { pinning: true });
    await atPython.get('/login/ada');
    await atPython.get('/unpin');
    expect(await me(atNest)).toEqual({ user: 'ada' });
    const id = (atNest.jar.get('session') ?? '').split('.')[0]!;
    const record = await app!.store.get(`session:${id}`);
    expect(record).toContain('"_addr":"127.0.0.1"');
  });

  it('signs the cookie of an old secret anew', async () => {
    const signer = new ItsdangerousSigner(['a new secret', secret]);
    const [atNest, atPython] = await start(false, { secret: undefined, signer });
    await atPython.get('/login/ada');
    const before = atPython.jar.get('session');
    expect(await me(atNest)).toEqual({ user: 'ada' });
    const after = atNest.jar.get('session');
    expect(after).not.toBe(before);
    expect(signer.unsign(after ?? '')).toEqual({ id: before?.split('.')[0], rotated: false });
  });
});
