import { AsyncResource } from 'node:async_hooks';

import { Controller, Inject, Injectable, Post, UseGuards, type CanActivate } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { concatMap, from, of, type Observable } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { getSessionServiceToken, Session, SessionModule, SessionService, type LiveSession } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; messages: number };

/** Knows neither a request nor a socket. */
@Injectable()
class AccountService {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(getSessionServiceToken('admin')) private readonly admin: SessionService,
  ) {}

  current(): Promise<LiveSession<Data>> {
    return this.sessions.current<Data>();
  }

  async user(): Promise<string> {
    return (await this.current()).user ?? 'nobody';
  }

  async administrator(): Promise<string> {
    return (await this.admin.current<Data>()).user ?? 'nobody';
  }

  async count(): Promise<number> {
    const session = await this.current();
    return (session.messages = (session.messages ?? 0) + 1);
  }
}

@Controller()
class AccountController {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Post('login')
  async login(@Session.of('admin') admin: Session<Data>): Promise<void> {
    (await this.accounts.current()).user = 'ada';
    admin.user = 'grace';
  }

  @Post('logout')
  async logout(): Promise<void> {
    await (await this.accounts.current()).destroy();
  }
}

@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  async canActivate(): Promise<boolean> {
    await this.accounts.user();
    return true;
  }
}

/** What a handler leaves to be done after its answer. */
let workLater = (): Promise<void> => Promise.resolve();

@WebSocketGateway()
class ChatGateway {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @SubscribeMessage('user')
  user(): Promise<string> {
    return this.accounts.user();
  }

  @SubscribeMessage('users')
  async users(_client: object, pauses: readonly number[]): Promise<string[]> {
    const found: string[] = [];
    for (const pause of pauses) {
      await new Promise((resolve) => void setTimeout(resolve, pause));
      found.push(await this.accounts.user());
    }
    return found;
  }

  @SubscribeMessage('both')
  both(): Promise<string[]> {
    return Promise.all([this.accounts.user(), this.accounts.administrator()]);
  }

  @SubscribeMessage('count')
  count(): Promise<number> {
    return this.accounts.count();
  }

  @SubscribeMessage('messages')
  async messages(): Promise<object> {
    return { messages: (await this.accounts.current()).messages };
  }

  @SubscribeMessage('same')
  async same(@Session() session: Session<Data>): Promise<boolean> {
    return session === (await this.accounts.current());
  }

  @SubscribeMessage('observable')
  observable(): Observable<string> {
    return of(1).pipe(concatMap(() => from(this.accounts.user())));
  }

  @SubscribeMessage('later')
  async later(_client: object, saves: boolean): Promise<string> {
    const { accounts } = this;
    await accounts.user();
    workLater = AsyncResource.bind(async () => {
      const session = await accounts.current();
      session.messages = 100;
      if (saves) await session.save();
    });
    return 'answered';
  }

  @UseGuards(AskingGuard)
  @SubscribeMessage('guarded')
  guarded(): string {
    return 'passed';
  }
}

describe.each(platforms)('a service that the handler of a message calls on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let browser: Client;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store, context: true },
      imports: [SessionModule.forRoot({ name: 'admin', context: true })],
      controllers: [AccountController],
      providers: [AccountService, ChatGateway],
    });
    browser = app.client();
    await browser.post('/login');
    store.taken();
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.disconnect();
    await app.close();
  });

  function connect(cookie = browser.cookieHeader): Socket {
    const socket = io(`http://127.0.0.1:${app.port}`, { transports: ['websocket'], extraHeaders: { cookie } });
    sockets.push(socket);
    return socket;
  }

  /** The gateway's answer, or the message of its exception. */
  function ask(socket: Socket, event: string, data: unknown = {}): Promise<unknown> {
    return new Promise((resolve) => {
      socket.once('exception', (exception: { message: string }) => resolve(exception.message));
      socket.emit(event, data, resolve);
    });
  }

  it('gets the session of that message, opened anew for each with one read', async () => {
    const socket = connect();
    for (let sent = 0; sent < 2; sent++) {
      expect(await ask(socket, 'users', [0, 1, 0])).toEqual(['ada', 'ada', 'ada']);
      expect(store.taken()).toBe('read');
    }
    await browser.post('/logout', { cookie: browser.cookieHeader });
    expect(await ask(socket, 'user')).toBe('nobody');
  });

  it('gets the object that the handler takes', async () => {
    expect(await ask(connect(), 'same')).toBe(true);
    expect(store.taken()).toBe('read');
  });

  it('saves what it changes before the answer', async () => {
    const socket = connect();
    expect([await ask(socket, 'count'), await ask(socket, 'count')]).toEqual([1, 2]);
    expect(store.taken()).toBe('read replace read replace');
  });

  it('gets it in the Observable that the handler returns', async () => {
    expect(await ask(connect(), 'observable')).toBe('ada');
  });

  it('gets that of each kind of session', async () => {
    expect(await ask(connect(), 'both')).toEqual(['ada', 'grace']);
  });

  it('gets that of each of many messages, which run at the same time on several sockets', async () => {
    const [ada, nobody] = [connect(), connect('')];
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, sent) => {
        const isAda = sent % 2 === 0;
        const pauses = [sent % 5, 0, (sent * 7) % 3];
        const users = await ask(isAda ? ada : nobody, 'users', pauses);
        return [isAda ? 'ada' : 'nobody', users] as const;
      }),
    );
    for (const [user, users] of answers) expect(users).toEqual([user, user, user]);
  });

  it.each([
    [false, { messages: 1 }, 1],
    [true, { messages: 100 }, 0],
  ])('does not save by itself what it changes after the answer (session.save(): %s)', async (saves, stored, warned) => {
    const socket = connect();
    await ask(socket, 'count');
    expect(await ask(socket, 'later', saves)).toBe('answered');
    await workLater();
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => void setImmediate(resolve));
    const warnings = app.warnings.filter((line) => line.includes('was changed after its message was handled'));
    expect(warnings).toHaveLength(warned);
    expect(await ask(socket, 'messages')).toEqual(stored);
  });

  it('fails in a guard of the gateway, which runs before', async () => {
    expect(await ask(connect(), 'guarded')).not.toBe('passed');
    expect(app.warnings.join()).toContain('the guard of a gateway: give sessions.open(source) a request or context');
  });
});
