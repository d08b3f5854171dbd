import {
  Catch,
  Inject,
  Injectable,
  Session as NestSession,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { concat, from, Observable, of } from 'rxjs';
import type { Socket } from 'socket.io';
import type { WebSocket } from 'ws';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard, SessionService, SessionStoreError } from '../../lib/index.js';
import { GatewayApp, type GatewayAppOptions, type GatewayData } from '../fixtures/gateway-app.js';
import { transports, type GatewayClient, type Reply } from '../fixtures/gateway-client.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

/** Stops handlers, so that a test decides when each goes on. */
let gates: Gate[] = [];

@Injectable()
class SignedIn implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.open<GatewayData>(context)).user !== undefined;
  }
}

@WebSocketGateway()
class ChatGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @SubscribeMessage('read')
  read(@Session() session: Session<GatewayData>, @Session('user') user: string | undefined): object {
    return { all: { ...session }, user: user ?? 'nobody' };
  }

  @SubscribeMessage('write')
  write(@Session() session: Session<GatewayData>, @MessageBody() body: GatewayData): object {
    session.count = body.count;
    return { written: body.count };
  }

  @SubscribeMessage('stopped')
  async stopped(@Session() session: Session<GatewayData>): Promise<object> {
    const before = session.count ?? 0;
    await gates.shift()?.stop();
    session.count = before + 1;
    return { count: session.count };
  }

  @SubscribeMessage('stream')
  stream(@Session() session: Session<GatewayData>): Observable<object> {
    return from(
      (async function* () {
        for (const count of [1, 2]) {
          session.count = count;
          yield { count };
          await gates.shift()?.stop();
        }
        session.user = 'last';
      })(),
    );
  }

  @SubscribeMessage('endless')
  endless(@Session() session: Session<GatewayData>): Observable<object> {
    session.count = 7;
    return concat(of({ started: true }), new Observable<never>(() => () => (session.count = 8)));
  }

  @SubscribeMessage('fail')
  fail(@Session() session: Session<GatewayData>): void {
    session.count = 5;
    throw new WsException('No.');
  }

  @SubscribeMessage('save')
  async save(@Session() session: Session<GatewayData>): Promise<object> {
    session.count = 1;
    return session.save().then(
      () => ({ saved: true }),
      (error: Error) => ({ rejected: error.name }),
    );
  }

  @SubscribeMessage('by-client')
  async byClient(client: { request?: object }): Promise<object> {
    const session = await this.sessions.open<GatewayData>(client);
    session.count = (session.count ?? 0) + 1;
    return { isShared: session === (await this.sessions.open<GatewayData>(client)) };
  }

  @SubscribeMessage('later')
  async later(client: object): Promise<object> {
    const session = await this.sessions.open<GatewayData>(client);
    const gate = gates.shift();
    void gate?.stop().then(async () => {
      const again = await this.sessions.open<GatewayData>(client);
      (gate as Gate & { found?: unknown }).found = { isShared: again === session, user: again.user ?? 'nobody' };
      gates.shift()?.open();
    });
    return { started: true };
  }

  @UseGuards(SessionGuard)
  @SubscribeMessage('guarded')
  guarded(): object {
    return { passed: true };
  }

  @UseGuards(SignedIn, SessionGuard)
  @SubscribeMessage('guarded-twice')
  guardedTwice(@Session('user') user: string): object {
    return { user };
  }

  @SubscribeMessage('destroy')
  async destroy(@Session() session: Session<GatewayData>): Promise<object> {
    await session.destroy();
    return { destroyed: true };
  }

  @SubscribeMessage('regenerate')
  async regenerate(@Session() session: Session<GatewayData>): Promise<void> {
    await session.regenerate();
  }
}

@Catch(WsException, SessionStoreError)
class ByHand implements ExceptionFilter<Error> {
  catch(error: Error, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<WebSocket & Socket>();
    const name = error instanceof WsException ? error.message : error.name;
    const data = { status: 'error', message: `by hand: ${name}` };
    if (client.send.length > 0 && 'readyState' in client) client.send(JSON.stringify({ event: 'exception', data }));
    else client.emit('exception', data);
  }
}

@UseFilters(ByHand)
@WebSocketGateway()
class FilteredGateway extends ChatGateway {}

@WebSocketGateway()
class InheritingGateway extends ChatGateway {}

@WebSocketGateway()
class NamedGateway {
  @SubscribeMessage('both')
  both(
    @Session('user') user: string | undefined,
    @Session.of('admin') admin: Session<GatewayData>,
    @Session.of('admin', 'user') name: string | undefined,
  ): object {
    return { user, admin: name ?? admin.user ?? 'nobody' };
  }

  @UseGuards(SessionGuard.of('admin'))
  @SubscribeMessage('guarded')
  guarded(): object {
    return { passed: true };
  }
}

@WebSocketGateway()
class AdminGateway {
  @SubscribeMessage('read')
  read(@Session.of('admin') session: Session<GatewayData>): object {
    return { ...session };
  }
}

/** Waits, as one that asks a cache would. */
@Injectable()
class Slow implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await new Promise((resolve) => setImmediate(resolve));
    return next.handle();
  }
}

@UseInterceptors(Slow)
@WebSocketGateway()
class SlowGateway {
  @UseInterceptors(Slow, new Slow())
  @SubscribeMessage('read')
  read(@Session() { user }: Session<GatewayData>): object {
    return { user };
  }
}

@WebSocketGateway()
class NestGateway {
  @SubscribeMessage('read')
  read(@NestSession() session: unknown): object {
    return { session };
  }
}

function exceptionOf(reply: Reply): object {
  if ('exception' in reply) return reply.exception;
  throw new Error(`The gateway answered ${JSON.stringify(reply.value)}.`);
}

describe.each(cells)('a gateway of $transport on $platform', ({ platform, transport }) => {
  let app: GatewayApp;
  let client: GatewayClient;

  async function start(options: Partial<GatewayAppOptions> = {}, gateway: Type = ChatGateway): Promise<void> {
    app = await GatewayApp.start(platform, transport, { gateways: [gateway], ...options });
    client = app.connect();
  }

  afterEach(async () => {
    vi.useRealTimers();
    for (const gate of gates.splice(0)) gate.open();
    await app.close();
  });

  describe('gives a message', () => {
    it('the session and one key of it, with one read for all who ask', async () => {
      await start();
      expect(await client.ask('read')).toEqual({ value: { all: { user: 'ada' }, user: 'ada' } });
      expect(app.store.taken()).toBe('read');
      expect(await client.ask('guarded-twice')).toEqual({ value: { user: 'ada' } });
      expect(app.store.taken()).toBe('read');
    });

    it('the session by its client, and saves it with the message', async () => {
      await start();
      expect(await client.ask('by-client')).toEqual({ value: { isShared: true } });
      expect(app.store.taken()).toBe('read replace');
      expect(await app.data()).toEqual({ user: 'ada', count: 1 });
    });

    it('a session of its own, also beside another message that says the same', async () => {
      await start();
      const [first, second] = [new Gate(), new Gate()];
      gates = [first, second];
      const both = [client.ask('stopped', 'same'), app.connect().ask('read')];
      await first.reached;
      const other = client.ask('stopped', 'same');
      await second.reached;
      await app.browser.post('/login');
      first.open();
      second.open();
      // Both hold the session that the login has ended.
      for (const reply of [both[0], other]) {
        expect(exceptionOf((await reply) as Reply)).toMatchObject({ statusCode: 409 });
      }
      expect(await both[1]).toMatchObject({ value: { user: 'ada' } });
      expect(await app.data()).toEqual({ user: 'ada' });
    });

    it('nothing that is left of an earlier message', async () => {
      await start();
      const [gate, done] = [new Gate(), new Gate()];
      gates = [gate, done];
      const isDone = done.stop();
      expect(await client.ask('later')).toEqual({ value: { started: true } });
      await gate.reached;
      await app.logOut();
      gate.open();
      await isDone;
      expect(gate).toMatchObject({ found: { isShared: false, user: 'nobody' } });
    });
  });

  describe('saves what a handler changed', () => {
    it('before the response leaves', async () => {
      await start();
      app.store.delay = 20;
      expect(await client.ask('write', { count: 3 })).toEqual({ value: { written: 3 } });
      expect(app.store.outcomes).toEqual(['replaced']);
      expect(await app.data()).toEqual({ user: 'ada', count: 3 });
    });

    it('before each value of an Observable, and after the last', async () => {
      await start();
      const [afterFirst, afterSecond] = [new Gate(), new Gate()];
      gates = [afterFirst, afterSecond];
      app.store.delay = 10;
      expect(await client.ask('stream')).toEqual({ value: { count: 1 } });
      expect(app.store.outcomes).toEqual(['replaced']);
      afterFirst.open();
      await afterSecond.reached;
      afterSecond.open();
      await vi.waitFor(() => expect(app.store.outcomes).toHaveLength(3));
      expect(await app.data()).toEqual({ user: 'last', count: 2 });
    });

    it('before its exception leaves', async () => {
      await start();
      app.store.delay = 20;
      await Promise.race([client.ask('fail'), client.next('exception'), app.store.pause('replace').reached]);
      expect(app.store.calls).toContain('replace');
    });

    it('although the client has left', async () => {
      await start();
      const gate = new Gate();
      gates = [gate];
      client.tell('stopped');
      await gate.reached;
      const saved = app.store.pause('replace', undefined, 'after');
      client.close();
      await client.closed;
      gate.open();
      await saved.reached;
      saved.open();
      expect(await app.data()).toEqual({ user: 'ada', count: 1 });
    });

    it('of an Observable that does not end, once the client has left', async () => {
      await start();
      expect(await client.ask('endless')).toEqual({ value: { started: true } });
      const saved = app.store.pause('replace', undefined, 'after');
      client.close();
      await saved.reached;
      saved.open();
      await vi.waitFor(async () => expect(await app.data()).toEqual({ user: 'ada', count: 8 }));
    });

    it('once', async () => {
      await start();
      await client.ask('write', { count: 3 });
      expect(app.store.taken()).toBe('read replace');
    });

    it('under every way to renew, and renews it by use', async () => {
      for (const rolling of [true, 'write', false] as const) {
        vi.useFakeTimers({ toFake: ['Date'] });
        await start({ session: { rolling, idleTimeout: 1000 } });
        vi.setSystemTime(Date.now() + 900_000);
        await app.connect().ask(rolling === 'write' ? 'write' : 'read', { count: 1 });
        const last = app.store.ttls.at(-1) ?? 0;
        // Of the 1,000 seconds only 100 are left, unless the message has renewed the session.
        expect([rolling, last > 990]).toEqual([rolling, true]);
        expect(app.store.taken()).toBe(rolling === false ? 'read' : 'read replace');
        await app.close();
        vi.useRealTimers();
      }
      await start();
    });
  });

  describe('refuses a message', () => {
    it('after a logout elsewhere', async () => {
      await start();
      expect(await client.ask('guarded')).toEqual({ value: { passed: true } });
      await app.logOut();
      expect(exceptionOf(await client.ask('guarded'))).toEqual({
        status: 'error',
        statusCode: 401,
        message: 'Unauthorized',
        cause: { pattern: 'guarded', data: {} },
      });
      expect(await client.ask('read')).toEqual({ value: { all: {}, user: 'nobody' } });
    });

    it('after the idle timeout', async () => {
      await start();
      vi.useFakeTimers({ toFake: ['Date'] });
      await client.ask('guarded');
      vi.setSystemTime(Date.now() + 15 * 24 * 3600 * 1000);
      expect(exceptionOf(await app.connect().ask('guarded'))).toMatchObject({ statusCode: 401 });
    });

    it('without a session', async () => {
      await start();
      expect(exceptionOf(await app.connect({ cookie: '' }).ask('guarded'))).toMatchObject({ statusCode: 401 });
    });

    it.each(['guarded', 'read', 'write', 'guarded-twice', 'by-client'])(
      'during an outage, with an error of its own, and goes on afterwards: %s',
      async (event) => {
        await start();
        app.store.failing.add('read');
        const asked = [client.ask(event), client.ask(event)];
        for (const answer of await Promise.all(asked)) {
          expect(exceptionOf(answer)).toMatchObject({ status: 'error', statusCode: 503 });
        }
        expect(app.session.warnings).toEqual([expect.stringContaining('The store of the sessions fails')]);
        app.store.failing.clear();
        expect(await client.ask(event)).toHaveProperty('value');
      },
    );

    it('whose changes the store does not take', async () => {
      await start();
      app.store.failing.add('replace');
      expect(exceptionOf(await client.ask('write', { count: 1 }))).toMatchObject({ statusCode: 503 });
    });

    it('that would begin a session, as nothing carries the cookie', async () => {
      await start();
      const stranger = app.connect({ cookie: '' });
      expect(exceptionOf(await stranger.ask('write', { count: 1 }))).toMatchObject({ statusCode: 500 });
      expect(exceptionOf(await stranger.ask('save'))).toMatchObject({ statusCode: 500 });
      expect(app.store.taken()).toBe('');
    });

    it('that changes a session which has ended meanwhile', async () => {
      await start();
      const gate = new Gate();
      gates = [gate];
      const reply = client.ask('stopped');
      await gate.reached;
      await app.logOut();
      gate.open();
      expect(exceptionOf(await reply)).toMatchObject({ statusCode: 409 });
    });

    it('that gives the session a new id', async () => {
      await start();
      expect(exceptionOf(await client.ask('regenerate'))).toMatchObject({ statusCode: 500 });
      expect(await app.data()).toEqual({ user: 'ada' });
    });
  });

  it('keeps a pinned session at its address', async () => {
    const elsewhere = { 'x-forwarded-for': '203.0.113.9' };
    await start({ session: { pinning: true, trustProxy: 'loopback' } });
    expect(await client.ask('guarded')).toEqual({ value: { passed: true } });
    expect(exceptionOf(await app.connect({ headers: elsewhere }).ask('guarded'))).toMatchObject({ statusCode: 401 });
  });

  it('says to set trustProxy where only the adapter of the platform knows the proxies', async () => {
    await start({ session: { pinning: true }, trustProxy: 'loopback' });
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    expect(exceptionOf(await app.connect({ headers }).ask('guarded'))).toMatchObject({ statusCode: 500 });
    expect(app.session.warnings.join()).toContain('trustProxy');
  });

  it('shows a filter of the application the error itself', async () => {
    await start({}, FilteredGateway);
    app.store.failing.add('read');
    expect(exceptionOf(await client.ask('read'))).toEqual({ status: 'error', message: 'by hand: SessionStoreError' });
    app.store.failing.clear();
    await app.logOut();
    expect(exceptionOf(await client.ask('guarded'))).toEqual({ status: 'error', message: 'by hand: Unauthorized' });
  });

  it('gives each kind of session to those who ask for it', async () => {
    await start({ others: [{ name: 'admin' }] }, NamedGateway);
    expect(await client.ask('both')).toEqual({ value: { user: 'ada', admin: 'nobody' } });
    expect(exceptionOf(await client.ask('guarded'))).toMatchObject({ statusCode: 401 });
  });

  it('gives the session through interceptors that wait', async () => {
    await start({}, SlowGateway);
    expect(await client.ask('read')).toEqual({ value: { user: 'ada' } });
    expect(app.store.taken()).toBe('read');
  });

  it('gives what a class inherits the session too', async () => {
    await start({}, InheritingGateway);
    expect(await client.ask('read')).toEqual({ value: { all: { user: 'ada' }, user: 'ada' } });
  });

  it('starts with no handler that takes @Session() of Nest, which gives nothing here', async () => {
    await expect(start({}, NestGateway)).rejects.toThrow('NestGateway.read takes @Session() of @nestjs/common');
    await start();
  });

  it('starts with no handler that takes a kind of session which is not there', async () => {
    await expect(start({}, AdminGateway)).rejects.toThrow('there is no SessionModule of that name');
    await start();
  });

  it('ends a session', async () => {
    await start();
    expect(await client.ask('destroy')).toEqual({ value: { destroyed: true } });
    expect(await app.data()).toEqual({});
  });
});
