import {
  Controller,
  Get,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
} from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; messages: number };

@Controller()
class AccountController {
  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @Get('who')
  who(@Session() session: Session<Data>): object {
    return { ...session };
  }
}

/** Asks for the session before the handler does. */
@Injectable()
class SignedIn implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.open<Data>(context);
    const client = context.switchToWs().getClient<{ seen?: unknown; request: object }>();
    client.seen = session;
    return session === (await this.sessions.open<Data>(context)) && session === this.sessions.opened(context);
  }
}

@WebSocketGateway()
class ChatGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @UseGuards(SessionGuard)
  @SubscribeMessage('guarded')
  guarded(): string {
    return 'passed';
  }

  @UseGuards(SignedIn, SessionGuard)
  @SubscribeMessage('count')
  async count(client: { seen: Session<Data>; request: { session?: unknown } }): Promise<number> {
    const session = client.seen;
    session.messages = (session.messages ?? 0) + 1;
    await session.save();
    return client.request.session === session ? session.messages : -1;
  }

  @SubscribeMessage('by-request')
  async byRequest(client: { request: object }): Promise<unknown> {
    return (await this.sessions.open<Data>(client.request)).user ?? 'nobody';
  }
}

const transports = [['websocket'], ['polling'], ['polling', 'websocket']];
const cells = platforms.flatMap((platform) => transports.map((names) => ({ platform, names })));

describe.each(cells)('a socket.io gateway on $platform over $names', ({ platform, names }) => {
  let app: SessionApp;
  let store: SpyStore;
  let browser: Client;
  const sockets: Socket[] = [];

  async function start(session: SessionModuleOptions = {}, trustProxy?: unknown): Promise<void> {
    await app?.close();
    app = await SessionApp.start(platform, {
      session: { store, ...session },
      controllers: [AccountController],
      providers: [ChatGateway],
      ...(trustProxy === undefined ? {} : { trustProxy }),
    });
    browser = app.client();
  }

  beforeEach(async () => {
    store = new SpyStore();
    await start();
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const socket of sockets.splice(0)) socket.disconnect();
    // A refusal is one of ours, never a crash.
    expect(app.warnings.join()).not.toContain('TypeError');
    await app.close();
  });

  function connect(): Socket {
    const socket = io(`http://127.0.0.1:${app.port}`, {
      transports: names,
      extraHeaders: { cookie: browser.cookieHeader },
      // It takes a leap of the clock for a lost connection.
      reconnectionDelay: 10,
    });
    sockets.push(socket);
    return socket;
  }

  /** The gateway's answer, or the message of its exception. */
  function ask(socket: Socket, event: string): Promise<unknown> {
    return new Promise((resolve) => {
      socket.once('exception', (exception: { message: string }) => resolve(exception.message));
      socket.emit(event, {}, resolve);
    });
  }

  it('opens the session anew for each message, with one read for all who ask', async () => {
    await browser.post('/login');
    const socket = connect();
    expect([await ask(socket, 'count'), await ask(socket, 'count')]).toEqual([1, 2]);
    store.taken();
    expect(await ask(socket, 'count')).toBe(3);
    expect(store.taken()).toBe('read replace');
    expect(await ask(socket, 'guarded')).toBe('passed');
    expect(store.taken()).toBe('read');
    expect(await (await browser.get('/who')).json()).toEqual({ user: 'ada', messages: 3 });
  });

  it('refuses messages after a logout elsewhere', async () => {
    await browser.post('/login');
    const socket = connect();
    expect(await ask(socket, 'guarded')).toBe('passed');
    await browser.post('/logout', { cookie: browser.cookieHeader });
    expect(await ask(socket, 'guarded')).not.toBe('passed');
    expect(await ask(socket, 'by-request')).toBe('nobody');
  });

  it('refuses messages after the idle timeout', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await browser.post('/login');
    const socket = connect();
    expect(await ask(socket, 'guarded')).toBe('passed');
    vi.setSystemTime(Date.now() + 15 * 24 * 3600 * 1000);
    expect(await ask(socket, 'guarded')).not.toBe('passed');
  });

  it('answers an outage with an exception, and goes on afterwards', async () => {
    await browser.post('/login');
    const socket = connect();
    store.failing.add('read');
    expect(await ask(socket, 'guarded')).not.toBe('passed');
    store.failing.clear();
    expect(await ask(socket, 'guarded')).toBe('passed');
  });

  describe('with pinned sessions', () => {
    it('says to set trustProxy where only the adapter knows the proxies, and ends no session', async () => {
      await start({ pinning: true }, 'loopback');
      const headers = { 'x-forwarded-for': '203.0.113.9' };
      await browser.post('/login', { headers });
      expect(await ask(connect(), 'guarded')).not.toBe('passed');
      expect(app.warnings.join()).toContain('trustProxy');
      expect(await (await browser.get('/who', { headers })).json()).toEqual({ user: 'ada' });
    });

    it('knows the owner behind a proxy that trustProxy names', async () => {
      await start({ pinning: true, trustProxy: 'loopback' });
      await browser.post('/login');
      expect(await ask(connect(), 'guarded')).toBe('passed');
    });
  });
});

describe.each(platforms)('a gateway on %s', (platform) => {
  it('that needs no session goes on in an application without SessionModule, after one with it', async () => {
    @WebSocketGateway()
    class EchoGateway {
      @SubscribeMessage('echo')
      echo(): string {
        return 'echo';
      }
    }
    await (await SessionApp.start(platform, { providers: [EchoGateway] })).close();
    class PlainModule {}
    Module({ providers: [EchoGateway] })(PlainModule);
    const app = await createOn(platform, PlainModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    const socket = io(await app.getUrl(), { transports: ['websocket'] });
    const answer = await new Promise((resolve) => {
      socket.once('exception', resolve);
      socket.emit('echo', {}, resolve);
    });
    expect(answer).toBe('echo');
    socket.disconnect();
    await app.close();
  });
});
