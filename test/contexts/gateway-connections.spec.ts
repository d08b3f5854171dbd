import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import websocket from '@fastify/websocket';
import {
  Inject,
  Injectable,
  ParseIntPipe,
  Scope,
  Session as NestSession,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';

import { Session, SessionGuard, SessionModule, SessionService } from '../../lib/index.js';
import { GatewayApp, useTransport, type GatewayAppOptions, type GatewayData } from '../fixtures/gateway-app.js';
import { connectTo, transports, type GatewayClient } from '../fixtures/gateway-client.js';
import { nestMajor, platforms } from '../fixtures/platforms.js';

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

type SomeClient = { send(text: string): void; readyState?: number; emit(event: string, data: unknown): void };

function say(client: SomeClient, event: string, data: unknown): void {
  if (typeof client.readyState === 'number') client.send(JSON.stringify({ event, data }));
  else client.emit(event, data);
}

@Injectable()
class SignedIn implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    expect(context.getType()).toBe('ws');
    return (await this.sessions.open<GatewayData>(context)).user === 'ada';
  }
}

@WebSocketGateway()
class GreetingGateway {
  handleConnection(client: SomeClient, @Session() session: Session<GatewayData>): void {
    session.count = 1;
    say(client, 'greeting', { user: session.user ?? 'nobody' });
  }
}

@WebSocketGateway()
class KeyGateway {
  handleConnection(client: SomeClient, @Session('user') user: string | undefined): void {
    say(client, 'greeting', { user: user ?? 'nobody' });
  }
}

@WebSocketGateway()
class OpeningGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async handleConnection(client: SomeClient): Promise<void> {
    const session = await this.sessions.open<GatewayData>(client);
    session.count = 2;
    say(client, 'greeting', { user: session.user ?? 'nobody' });
  }
}

@WebSocketGateway()
class GuardedGateway {
  handled = 0;

  @UseGuards(SessionGuard, SignedIn)
  handleConnection(client: SomeClient, @Session('user') user: string): void {
    say(client, 'greeting', { user });
  }

  @SubscribeMessage('free')
  free(): object {
    this.handled++;
    return { passed: true };
  }
}

@UseGuards(SessionGuard)
@WebSocketGateway()
class GuardedClassGateway {
  @SubscribeMessage('free')
  free(): object {
    return { passed: true };
  }
}

@WebSocketGateway()
class ReadingGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @SubscribeMessage('read')
  async read(client: object): Promise<object> {
    const { user = 'nobody' } = await this.sessions.open<GatewayData>(client);
    return { user };
  }
}

/** Changes the session when a message comes, and not when the connection did. */
@WebSocketGateway()
class LateGateway {
  session: Session<GatewayData> | undefined;

  handleConnection(_client: object, @Session() session: Session<GatewayData>): void {
    this.session = session;
  }

  @SubscribeMessage('read')
  read(): object {
    if (this.session !== undefined) this.session.count = 1;
    return { user: this.session?.user };
  }
}

/** Tells its own server and the first one apart. */
@WebSocketGateway()
class SecondGateway {
  @UseGuards(SessionGuard)
  @SubscribeMessage('second')
  second(@Session('user') user: string): object {
    return { second: user };
  }
}

@WebSocketGateway()
class DerivedGateway extends GreetingGateway {
  override handleConnection(client: SomeClient, session: Session<GatewayData>): void {
    super.handleConnection(client, session);
    say(client, 'greeting', { derived: session.user });
  }
}

@WebSocketGateway()
class CurrentGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async handleConnection(client: SomeClient): Promise<void> {
    const { user = 'nobody' } = await this.sessions.current<GatewayData>();
    say(client, 'greeting', { user });
  }
}

/** Nest has no method to call. */
@WebSocketGateway()
class PropertyGateway extends ReadingGateway {
  handleConnection = (): void => {};
}

@Injectable({ scope: Scope.REQUEST })
@WebSocketGateway()
class ScopedGateway extends GuardedGateway {}

@WebSocketGateway()
class PlainGateway {
  handleConnection(client: SomeClient): void {
    say(client, 'greeting', {});
  }
}

@WebSocketGateway()
class PlainGuardedGateway {
  @UseGuards({ canActivate: () => true })
  handleConnection(): void {}
}

@Injectable({ scope: Scope.REQUEST })
class ScopedGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@WebSocketGateway()
class ScopedGuardGateway {
  @UseGuards(ScopedGuard)
  handleConnection(): void {}
}

@WebSocketGateway()
class NestParameterGateway {
  handleConnection(@NestSession() _session: unknown): void {}
}

@WebSocketGateway()
class PipeGateway {
  handleConnection(_client: object, @Session('count', ParseIntPipe) _count: number): void {}
}

@WebSocketGateway()
class UnknownGateway {
  handleConnection(_client: object, @Session.of('admin') _session: Session): void {}
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The same gateway elsewhere: on a port of its own, in a namespace or under a path. */
function elsewhere(gateway: Type, port: number, place: { path?: string; namespace?: string } = {}): Type {
  class Elsewhere extends gateway {}
  WebSocketGateway(port, place)(Elsewhere);
  return Elsewhere;
}

/** Tests only where there is something to test. */
function itWhere(holds: boolean): (name: string, test: () => Promise<void>) => void {
  return holds ? it : () => {};
}

describe.each(cells)('the connections of a gateway of $transport on $platform', ({ platform, transport }) => {
  let app: GatewayApp;
  let client: GatewayClient;

  async function start(gateway: Type, options: Partial<GatewayAppOptions> = {}): Promise<void> {
    app = await GatewayApp.start(platform, transport, { gateways: [gateway], ...options });
  }

  afterEach(() => app.close());

  it.each([GreetingGateway, OpeningGateway])('give handleConnection the session, and save it: %o', async (gateway) => {
    await start(gateway);
    app.store.delay = 10;
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
    await vi.waitFor(() => expect(app.store.outcomes).toEqual(['replaced']));
    expect(app.store.taken()).toBe('read replace');
    expect(await app.data()).toHaveProperty('count');
  });

  it('give handleConnection a key of the session', async () => {
    await start(KeyGateway);
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
    expect(await app.connect({ cookie: '' }).next('greeting')).toEqual({ user: 'nobody' });
  });

  it('close when handleConnection would begin a session, and end no process', async () => {
    await start(OpeningGateway);
    client = app.connect({ cookie: '' });
    const closing = await client.closed;
    if (transport === 'ws') expect(closing).toMatchObject({ code: 1011 });
    else expect(closing).toMatchObject({ reason: 'io server disconnect', exception: { statusCode: 500 } });
    expect(app.session.warnings.join()).toContain('The new session cannot be stored');
  });

  it('warn of what is changed after handleConnection, which nothing saves', async () => {
    await start(LateGateway);
    await app.connect().ask('read');
    await vi.waitFor(() => expect(app.session.warnings.join()).toContain('was changed after its message was handled'));
    expect(await app.data()).toEqual({ user: 'ada' });
  });

  it('pass the guards of handleConnection', async () => {
    await start(GuardedGateway);
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
    expect(app.store.taken()).toBe('read');
  });

  it('close where SessionGuard refuses', async () => {
    await start(GuardedGateway);
    const closing = await app.connect({ cookie: '' }).closed;
    if (transport === 'ws') expect(closing).toEqual({ code: 4401, reason: 'Unauthorized' });
    else {
      const exception = { status: 'error', statusCode: 401, message: 'Unauthorized' };
      expect(closing).toEqual({ reason: 'io server disconnect', exception });
    }
  });

  it('stay where SessionGuard stands before the messages of the class alone', async () => {
    await start(GuardedClassGateway, { providers: [ReadingGateway] });
    client = app.connect({ cookie: '' });
    expect(await client.ask('free')).toMatchObject({ exception: { statusCode: 401 } });
    expect(await client.ask('read')).toEqual({ value: { user: 'nobody' } });
  });

  it('close where a guard is made for each request, which there is none of', async () => {
    await start(ScopedGuardGateway);
    const { code, exception } = await app.connect().closed;
    expect(code ?? exception?.statusCode).toBe(transport === 'ws' ? 1011 : 500);
    expect(app.session.warnings.join()).toContain('ScopedGuard cannot guard the connections of a gateway');
  });

  it.each([
    [NestParameterGateway, 'takes @Session() of @nestjs/common'],
    [PipeGateway, 'gives @Session() a pipe'],
    [UnknownGateway, 'there is no SessionModule of that name'],
  ])('do not begin with a parameter that Nest would not give: %o', async (gateway, message) => {
    await expect(start(gateway)).rejects.toThrow(message);
    await start(ReadingGateway);
  });

  it('close where a guard of the application refuses', async () => {
    await start(GuardedGateway);
    await app.browser.post('/rename');
    const closing = await app.connect().closed;
    if (transport === 'ws') expect(closing).toEqual({ code: 4403, reason: 'Forbidden resource' });
    else expect(closing).toMatchObject({ exception: { statusCode: 403, message: 'Forbidden resource' } });
  });

  it('close during an outage so that the client comes back', async () => {
    await start(GuardedGateway);
    app.store.failing.add('read');
    const closing = await app.connect().closed;
    if (transport === 'ws') expect(closing).toEqual({ code: 1013, reason: 'Service Unavailable' });
    // For any reason but `io server disconnect` a client of socket.io connects again.
    else expect(closing).toMatchObject({ reason: 'transport close', exception: { statusCode: 503 } });
    app.store.failing.clear();
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
  });

  it('let no message be handled before the guards have let them in', async () => {
    await start(GuardedGateway);
    const gateway = app.session.app.get(GuardedGateway);
    const reading = app.store.pause('read');
    client = app.connect();
    const reply = client.ask('free');
    await reading.reached;
    // The message has arrived once the server has answered what the client sent after it.
    await app.connect({ cookie: '' }).closed;
    expect(gateway.handled).toBe(0);
    reading.open();
    expect(await reply).toEqual({ value: { passed: true } });
  });

  it('handle no message of a client that they refuse', async () => {
    await start(GuardedGateway);
    client = app.connect({ cookie: '' });
    client.tell('free');
    await client.closed;
    expect(app.session.app.get(GuardedGateway).handled).toBe(0);
  });

  it('have their session on a port of its own', async () => {
    const port = await freePort();
    await start(elsewhere(ReadingGateway, port));
    expect(await app.connect({ port }).ask('read')).toEqual({ value: { user: 'ada' } });
  });

  it('have their session in a namespace, or under a path', async () => {
    const port = await freePort();
    const place = transport === 'ws' ? { path: '/chat' } : { namespace: 'chat' };
    await start(elsewhere(ReadingGateway, 0, place), {
      providers: [elsewhere(GuardedGateway, port, place)],
    });
    expect(await app.connect({ path: '/chat' }).ask('read')).toEqual({ value: { user: 'ada' } });
    expect(await app.connect({ path: '/chat', port }).ask('free')).toEqual({ value: { passed: true } });
    const { exception, code } = await app.connect({ path: '/chat', port, cookie: '' }).closed;
    expect(code ?? exception?.statusCode).toBe(transport === 'ws' ? 4401 : 401);
  });

  it('have their session in each of several gateways on one server', async () => {
    await start(ReadingGateway, { providers: [SecondGateway, GreetingGateway] });
    client = app.connect();
    expect(await client.next('greeting')).toEqual({ user: 'ada' });
    expect(await client.ask('second')).toEqual({ value: { second: 'ada' } });
    expect(await client.ask('read')).toEqual({ value: { user: 'ada' } });
  });

  it('are handled once where a gateway inherits from another one', async () => {
    await start(DerivedGateway, { providers: [GreetingGateway] });
    client = app.connect();
    const greetings = [await client.next('greeting'), await client.next('greeting'), await client.next('greeting')];
    expect(greetings).toHaveLength(3);
    expect(greetings.filter((greeting) => 'derived' in (greeting as object))).toHaveLength(1);
    expect(app.store.taken()).not.toContain('delete');
  });

  it('are the current place of what they run, with the option context', async () => {
    await start(CurrentGateway, { session: { context: true } });
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
  });

  it('belong to their own application where two share a gateway', async () => {
    await start(GuardedGateway);
    const other = await GatewayApp.start(platform, transport, { gateways: [GuardedGateway] });
    try {
      expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
      expect(await other.connect().next('greeting')).toEqual({ user: 'ada' });
      expect([app.store.taken(), other.store.taken()]).toEqual(['read', 'read']);
      await other.logOut();
      const { exception, code } = await other.connect().closed;
      expect(code ?? exception?.statusCode).toBe(transport === 'ws' ? 4401 : 401);
      expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
    } finally {
      await other.close();
    }
  });

  it('are left alone in an application without sessions that shares a gateway, but for guards that nothing could run', async () => {
    await start(PlainGateway, { providers: [PlainGuardedGateway] });
    const expected = [
      [PlainGateway, undefined],
      [PlainGuardedGateway, transport === 'ws' ? 1011 : 500],
    ] as const;
    for (const [gateway, refusal] of expected) {
      const testing = await Test.createTestingModule({ providers: [gateway] }).compile();
      const nest = testing.createNestApplication({ logger: false });
      useTransport(nest, transport);
      await nest.listen(0, '127.0.0.1');
      client = app.connect({ port: (nest.getHttpServer().address() as AddressInfo).port });
      if (refusal === undefined) expect(await client.next('greeting')).toEqual({});
      else {
        const { code, exception } = await client.closed;
        expect(code ?? exception?.statusCode).toBe(refusal);
      }
      client.close();
      await nest.close();
    }
    expect(await app.connect().next('greeting')).toEqual({});
  });

  // NestJS 11 has no gateways of this scope.
  itWhere(nestMajor >= 12)('have their session in a request-scoped gateway', async () => {
    await start(ScopedGateway);
    client = app.connect();
    expect(await client.next('greeting')).toEqual({ user: 'ada' });
    expect(await client.ask('free')).toEqual({ value: { passed: true } });
    const { exception, code } = await app.connect({ cookie: '' }).closed;
    expect(code ?? exception?.statusCode).toBe(transport === 'ws' ? 4401 : 401);
  });

  it('have their session under @nestjs/testing', async () => {
    await start(ReadingGateway);
    const { store } = app;
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ store })],
      providers: [GuardedGateway],
    }).compile();
    const nest = testing.createNestApplication({ logger: false });
    useTransport(nest, transport);
    await nest.listen(0, '127.0.0.1');
    const { port } = nest.getHttpServer().address() as AddressInfo;
    try {
      client = app.connect({ port });
      expect(await client.next('greeting')).toEqual({ user: 'ada' });
      expect(await client.ask('free')).toEqual({ value: { passed: true } });
    } finally {
      client.close();
      await nest.close();
    }
  });

  itWhere(transport === 'ws')('without a request are refused with what to do', async () => {
    for (const [gateway, Adapter] of [
      [PropertyGateway, WsAdapter],
      [ReadingGateway, WithoutRequest],
    ] as const) {
      await app?.close();
      await start(gateway, { setUp: (nest) => void nest.useWebSocketAdapter(new Adapter(nest)) });
      expect(await app.connect().ask('read')).toMatchObject({ exception: { statusCode: 500 } });
      expect(app.session.warnings.join()).toContain('has to give handleConnection() the request');
    }
  });

  itWhere(transport === 'ws')('have their session with an adapter that upgrades by itself', async () => {
    await start(GuardedGateway, { setUp: (nest) => void nest.useWebSocketAdapter(new ByHand(nest)) });
    expect(await app.connect({ path: '/by-hand' }).next('greeting')).toEqual({ user: 'ada' });
  });
});

/** Gives `handleConnection` the client alone. */
class WithoutRequest extends WsAdapter {
  override bindClientConnect(
    server: { on(event: string, listener: (client: object) => void): void },
    callback: (client: object) => void,
  ): void {
    server.on('connection', (client) => callback(client));
  }
}

/** Upgrades requests itself, as an application that decides by the path does. */
class ByHand extends WsAdapter {
  override create(): WebSocketServer {
    const server = new WebSocketServer({ noServer: true });
    this.httpServer.on('upgrade', (request: never, socket: never, head: never) => {
      server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
    });
    return server;
  }
}

describe('a gateway of socket.io beside @fastify/websocket', () => {
  it('has its session, and so has the route', async () => {
    const app = await GatewayApp.start('fastify', 'socket.io', {
      gateways: [ReadingGateway],
      setUp: async (nest) => {
        const fastify = nest as NestFastifyApplication;
        const sessions = nest.get(SessionService);
        await fastify.register(websocket as never);
        await fastify.register((scope, _options, done) => {
          const route = async (socket: SomeClient, request: object): Promise<void> => {
            const { user } = await sessions.open<GatewayData>(request);
            say(socket, 'greeting', { user });
          };
          scope.get('/raw', { websocket: true } as object, route as never);
          done();
        });
      },
    });
    const raw = connectTo('ws', { port: app.session.port, cookie: app.browser.cookieHeader, path: '/raw' });
    try {
      expect(await raw.next('greeting')).toEqual({ user: 'ada' });
      // The plugin takes every upgrade of the server, and answers that of socket.io with a 404.
      expect(await app.connect({ names: ['polling'] }).ask('read')).toEqual({ value: { user: 'ada' } });
    } finally {
      raw.close();
      await raw.closed;
      await app.close();
    }
  });
});
