import { request, type IncomingMessage, type ServerResponse } from 'node:http';

import { Controller, Get, Post, UseGuards, type INestApplication } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, SessionGuard, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { nestMajor, platforms, type Platform } from '../fixtures/platforms.js';
import { ReverseProxy } from '../fixtures/reverse-proxy.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SideDoor } from '../fixtures/side-door.js';
import { SpyStore } from '../fixtures/spy-store.js';

@Controller()
class PinnedController {
  @Post('login')
  login(@Session() session: Session<{ user: string }>): void {
    session.user = 'ada';
  }

  @Get('who')
  who(@Session() session: Session<{ user: string }>): object {
    return { user: session.user ?? null, isNew: session.isNew };
  }

  @Post('change')
  change(@Session() session: Session<{ user: string; mark: number }>): void {
    session.mark = 1;
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session('user') user: string): object {
    return { user };
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

const OWNER = '127.0.0.2';
const STRANGER = '127.0.0.3';
const PROXY = '127.0.0.9';
const OUTER_PROXY = '127.0.0.8';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

function keep<T extends { close(): Promise<void> }>(what: T): T {
  opened.push(what);
  return what;
}

async function pinned(
  platform: Platform,
  session: SessionModuleOptions = {},
  more: SessionAppOptions = {},
): Promise<SessionApp> {
  const options = { controllers: [PinnedController], ...more, session: { pinning: true, ...session } };
  return keep(await SessionApp.start(platform, options));
}

async function proxyTo(target: number | string, options = {}): Promise<ReverseProxy> {
  return keep(await ReverseProxy.start(target, options));
}

/** A browser at an address, with the same cookies wherever it goes. */
class Visitor {
  readonly #client: Client;
  readonly #jar: Client;

  constructor(port: number, jar: Client = new Client(port)) {
    this.#client = new Client(port);
    this.#jar = jar;
  }

  /** The same cookies on another way to the application. */
  via(port: number): Visitor {
    return new Visitor(port, this.#jar);
  }

  async ask(method: string, path: string, localAddress: string, headers = {}) {
    for (const [name, value] of this.#jar.jar) this.#client.jar.set(name, value);
    const answer = await this.#client.send(method, path, { localAddress, headers });
    this.#jar.jar.clear();
    for (const [name, value] of this.#client.jar) this.#jar.jar.set(name, value);
    return { status: answer.status, cookie: answer.cookie(), text: await answer.text() };
  }

  async login(localAddress: string, headers = {}): Promise<void> {
    expect(await this.ask('POST', '/login', localAddress, headers)).toMatchObject({ status: 201 });
  }

  async who(localAddress: string, headers = {}): Promise<unknown> {
    const { status, text } = await this.ask('GET', '/who', localAddress, headers);
    return status === 200 ? (JSON.parse(text) as { user: unknown }).user : status;
  }
}

describe.each(platforms)('on %s', (platform) => {
  describe('a session presented from another address', () => {
    it('is destroyed, and its owner has to log in again', async () => {
      const store = new SpyStore();
      const visitor = new Visitor((await pinned(platform, { store })).port);
      await visitor.login(OWNER);
      store.taken();
      expect(await visitor.who(STRANGER)).toBeNull();
      expect(store.taken()).toBe('read replace delete');
      expect(await visitor.who(OWNER)).toBeNull();
    });

    it("stays its owner's with onMismatch: 'reject'", async () => {
      const store = new SpyStore();
      const { port } = await pinned(platform, { store, pinning: { onMismatch: 'reject' } });
      const visitor = new Visitor(port);
      await visitor.login(OWNER);
      store.taken();
      expect(await visitor.who(STRANGER)).toBeNull();
      expect(store.taken()).toBe('read');
      expect(await visitor.who(OWNER)).toBe('ada');
    });

    it("cannot be overwritten by what a stranger's request writes", async () => {
      const { port } = await pinned(platform, { pinning: { onMismatch: 'reject' } });
      const owner = new Visitor(port);
      await owner.login(OWNER);
      const jar = new Client(port);
      const stranger = new Visitor(port, jar);
      jar.jar.set(
        'session',
        /session=([^;]+)/.exec((await owner.ask('POST', '/login', OWNER)).cookie ?? '')?.[1] ?? '',
      );
      expect((await stranger.ask('POST', '/change', STRANGER)).cookie).toContain('session=');
      expect(await owner.who(OWNER)).toBe('ada');
    });

    it.each(['destroy', 'reject'] as const)('is refused with 401 by SessionGuard (%s)', async (onMismatch) => {
      const visitor = new Visitor((await pinned(platform, { pinning: { onMismatch } })).port);
      await visitor.login(OWNER);
      expect(await visitor.ask('GET', '/me', OWNER)).toMatchObject({ status: 200, text: '{"user":"ada"}' });
      expect(await visitor.ask('GET', '/me', STRANGER)).toMatchObject({ status: 401 });
      expect((await visitor.ask('GET', '/me', OWNER)).status).toBe(onMismatch === 'reject' ? 200 : 401);
    });

    it('is opened when sessions are not pinned', async () => {
      const visitor = new Visitor((await pinned(platform, { pinning: false })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(STRANGER)).toBe('ada');
    });
  });

  describe('a pin on the network', () => {
    it('admits the whole network, and nobody from the next', async () => {
      const visitor = new Visitor((await pinned(platform, { pinning: { match: 'prefix', ipv4Prefix: 30 } })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(STRANGER)).toBe('ada');
      expect(await visitor.who('127.0.0.4')).toBeNull();
    });

    it('is a /24 for IPv4 and a /64 for IPv6 unless told otherwise', async () => {
      const app = await pinned(platform, { pinning: 'prefix', trustProxy: PROXY });
      const from = async (owner: string, other: string): Promise<unknown> => {
        const visitor = new Visitor(app.port);
        await visitor.login(PROXY, { 'X-Forwarded-For': owner });
        return visitor.who(PROXY, { 'X-Forwarded-For': other });
      };
      expect(await from('192.0.2.1', '192.0.2.254')).toBe('ada');
      expect(await from('192.0.2.1', '192.0.3.1')).toBeNull();
      expect(await from('2001:db8:0:1::1', '2001:DB8:0:1:ffff::2')).toBe('ada');
      expect(await from('2001:db8:0:1::1', '2001:db8:0:2::1')).toBeNull();
      expect(await from('192.0.2.1', '2001:db8::1')).toBeNull();
    });
  });

  const trusting = [
    { name: 'as the adapter was told', session: {}, adapter: { trustProxy: PROXY } },
    { name: 'by the option trustProxy', session: { trustProxy: PROXY }, adapter: {} },
    { name: 'by a hop count in the option trustProxy', session: { trustProxy: 1 }, adapter: {} },
  ] as const;

  describe.each(trusting)('behind a reverse proxy that is trusted $name', ({ session, adapter }) => {
    it('pins to the client and not to the proxy', async () => {
      const app = await pinned(platform, session, adapter);
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
    });

    it('believes the address that the proxy appended, and not the one that the client made up', async () => {
      const app = await pinned(platform, { ...session, pinning: { onMismatch: 'reject' } }, adapter);
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(STRANGER, { 'X-Forwarded-For': OWNER })).toBeNull();
      expect(await visitor.who(OWNER, { 'X-Forwarded-For': STRANGER })).toBe('ada');
    });

    it('refuses what is no address with 400, and the record survives', async () => {
      const app = await pinned(platform, session, adapter);
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      for (const name of ['unknown', '<script>', '127.1', '999.0.0.1', '_hidden', '2001:db8::zz', 'a'.repeat(500)]) {
        const faulty = await proxyTo(app.port, { from: PROXY, nameClient: () => name });
        const answer = await visitor.via(faulty.port).ask('GET', '/who', OWNER);
        expect([name, answer.status, answer.cookie]).toEqual([name, 400, undefined]);
        expect(answer.text).toContain('X-Forwarded-For');
        expect(answer.text).not.toContain(name);
      }
      expect(await visitor.who(OWNER)).toBe('ada');
    });

    it.each([
      ['ip:port', (ip: string, port: number) => `${ip}:${port}`],
      ['an IPv4-mapped address', (ip: string) => `::ffff:${ip}`],
      ['an IPv4-mapped address in hexadecimal', (ip: string) => `::ffff:7f00:${ip.split('.')[3]}`],
      ['an address in brackets with a port', (ip: string, port: number) => `[::ffff:${ip}]:${port}`],
      ['blanks around it', (ip: string) => `  ${ip} `],
    ])('reads %s as the address in it', async (_name, write) => {
      const app = await pinned(platform, session, adapter);
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      const other = await proxyTo(app.port, {
        from: PROXY,
        nameClient: ({ socket }: { socket: { remoteAddress: string; remotePort: number } }) =>
          write(socket.remoteAddress, socket.remotePort),
      });
      expect(await visitor.via(other.port).who(OWNER)).toBe('ada');
      expect(await visitor.via(other.port).who(STRANGER)).toBeNull();
    });

    it('pins to the client too when middleware opens the session', async () => {
      const setUp = (nest: INestApplication): void => {
        const sessions = nest.get(SessionService);
        nest.use((incoming: IncomingMessage, _response: ServerResponse, next: (error?: unknown) => void) => {
          sessions.open(incoming).then(() => next(), next);
        });
      };
      const app = await pinned(platform, session, { ...adapter, setUp });
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER, { 'X-Forwarded-For': STRANGER })).toBe('ada');
      expect(await visitor.who(STRANGER, { 'X-Forwarded-For': OWNER })).toBeNull();
    });

    it('answers a route that does not ask for the session, whatever the address', async () => {
      const app = await pinned(platform, session, adapter);
      const faulty = await proxyTo(app.port, { from: PROXY, nameClient: () => 'unknown' });
      expect(await new Visitor(faulty.port).ask('GET', '/plain', OWNER)).toMatchObject({ status: 200, text: 'plain' });
    });
  });

  describe('a forged X-Forwarded-For', () => {
    it.each([
      { name: 'nobody is trusted', session: {}, adapter: {} },
      { name: 'the adapter trusts another', session: {}, adapter: { trustProxy: PROXY } },
      { name: 'the option trusts another', session: { trustProxy: PROXY }, adapter: {} },
      {
        name: 'the option outranks an adapter that trusts all',
        session: { trustProxy: 0 },
        adapter: { trustProxy: true },
      },
    ])('is not believed from a client that connects directly: $name', async ({ session, adapter }) => {
      const visitor = new Visitor((await pinned(platform, session, adapter)).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER, { 'X-Forwarded-For': STRANGER })).toBe('ada');
      expect(await visitor.who(OWNER, { 'X-Forwarded-For': 'unknown' })).toBe('ada');
      expect(await visitor.who(STRANGER, { 'X-Forwarded-For': OWNER })).toBeNull();
    });

    it('is believed by who trusts everybody, from the left, as the option says it will be', async () => {
      const visitor = new Visitor((await pinned(platform, { trustProxy: true })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(STRANGER, { 'X-Forwarded-For': OWNER })).toBe('ada');
    });
  });

  describe('behind two proxies', () => {
    const chains = [
      { name: 'as the adapter was told', session: {}, adapter: { trustProxy: [PROXY, OUTER_PROXY] } },
      { name: 'by a list in the option', session: { trustProxy: [PROXY, OUTER_PROXY] }, adapter: {} },
      { name: 'by a range in the option', session: { trustProxy: '127.0.0.8/31' }, adapter: {} },
      { name: 'by a hop count in the option', session: { trustProxy: 2 }, adapter: {} },
    ];

    async function chain(app: SessionApp): Promise<number> {
      const inner = await proxyTo(app.port, { from: PROXY });
      return (await proxyTo(inner.port, { from: OUTER_PROXY })).port;
    }

    it.each(chains)('pins to the client when both are trusted $name', async ({ session, adapter }) => {
      const visitor = new Visitor(await chain(await pinned(platform, session, adapter)));
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER, { 'X-Forwarded-For': STRANGER })).toBe('ada');
      expect(await visitor.who(STRANGER, { 'X-Forwarded-For': OWNER })).toBeNull();
    });

    it('pins to the outer proxy when only the inner one is trusted', async () => {
      const visitor = new Visitor(await chain(await pinned(platform, { trustProxy: PROXY })));
      await visitor.login(OWNER);
      expect(await visitor.who(STRANGER)).toBe('ada');
    });

    it('believes the whole chain behind a proxy that names itself with its port', async () => {
      const app = await pinned(platform, { trustProxy: [PROXY, OUTER_PROXY] });
      const inner = await proxyTo(app.port, { from: PROXY, nameClient: () => `${OUTER_PROXY}:40001` });
      const visitor = new Visitor((await proxyTo(inner.port, { from: OUTER_PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
    });
  });

  describe('a number as the trust setting of the adapter itself', () => {
    it('counts hops in Express and up to Fastify 5.11, and in Fastify 5.12 believes nobody', async () => {
      const app = await pinned(platform, {}, { trustProxy: 1 });
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      // NestJS 11 brings Fastify 5.11. From 5.12 on every client of the proxy has the proxy's address, so the pin holds nobody off:
      // the option `trustProxy` of this module is the one to set there.
      const believesNobody = platform === 'fastify' && nestMajor >= 12;
      expect(await visitor.who(STRANGER)).toBe(believesNobody ? 'ada' : null);
    });

    it('is made good by the hop count of the option', async () => {
      const app = await pinned(platform, { trustProxy: 1 }, { trustProxy: 1 });
      const visitor = new Visitor((await proxyTo(app.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
    });
  });

  describe('on a socket that listens on every address', () => {
    it('an IPv4 client is the same as on an IPv4 socket', async () => {
      const app = await pinned(platform);
      const door = keep(await SideDoor.dualStack(app.app));
      const visitor = new Visitor(door.port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.via(app.port).who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
    });

    it('a trusted IPv4 proxy is recognised in its IPv4-mapped form', async () => {
      const app = await pinned(platform, { trustProxy: PROXY });
      const door = keep(await SideDoor.dualStack(app.app));
      const visitor = new Visitor((await proxyTo(door.port, { from: PROXY })).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
    });
  });

  describe('on a Unix socket, whose peers have no address', () => {
    const over = (socketPath: string, path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ socketPath, path, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        outgoing.on('error', reject).end();
      });

    it('fails loudly, and only where a session is asked for', async () => {
      const store = new SpyStore();
      const app = await pinned(platform, { store });
      const door = keep(await SideDoor.unix(app.app));
      expect(await over(door.path, '/who')).toBe(500);
      expect(await over(door.path, '/me')).toBe(500);
      expect(app.warnings.join('\n')).toMatch(/trustProxy/);
      expect(await over(door.path, '/plain')).toBe(200);
      expect(store.taken()).toBe('');
    });

    it('works without a pin', async () => {
      const door = keep(await SideDoor.unix((await pinned(platform, { pinning: false })).app));
      expect(await over(door.path, '/who')).toBe(200);
    });

    it.each([1, true] as const)('pins to the client behind a proxy with trustProxy: %s', async (trustProxy) => {
      const app = await pinned(platform, { trustProxy });
      const door = keep(await SideDoor.unix(app.app));
      const visitor = new Visitor((await proxyTo(door.path)).port);
      await visitor.login(OWNER);
      expect(await visitor.who(OWNER)).toBe('ada');
      expect(await visitor.who(STRANGER)).toBeNull();
      expect(await over(door.path, '/who')).toBe(500);
    });
  });

  it('pins a session that is older than the pinning at its next request', async () => {
    const store = new SpyStore();
    const before = await pinned(platform, { store, pinning: false });
    const visitor = new Visitor(before.port);
    await visitor.login(OWNER);
    const after = visitor.via((await pinned(platform, { store, pinning: { onMismatch: 'reject' } })).port);
    store.taken();
    expect(await after.who(OWNER)).toBe('ada');
    expect(store.taken()).toBe('read replace');
    expect(await after.who(OWNER)).toBe('ada');
    expect(store.taken()).toBe('read');
    expect(await after.who(STRANGER)).toBeNull();
  });

  it('does not show the pin among the data', async () => {
    const visitor = new Visitor((await pinned(platform)).port);
    await visitor.login(OWNER);
    expect((await visitor.ask('GET', '/who', OWNER)).text).toBe('{"user":"ada","isNew":false}');
  });
});
