import type { AddressInfo } from 'node:net';

import type { INestApplication, Type } from '@nestjs/common';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';

import { Chapter } from '../fixtures/chapter.js';
import { Client } from '../fixtures/client.js';
import { connectTo } from '../fixtures/gateway-client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';

let chapter: Chapter;

beforeAll(() => {
  chapter = new Chapter('gateways');
}, 60_000);

describe.each(platforms)('the programs of docs/gateways.md on %s', (platform: Platform) => {
  let app: INestApplication;
  let port: number;
  let browser: Client;
  const sockets: { close(): void }[] = [];

  async function start(file: string, name: string): Promise<void> {
    const exports = await chapter.load<Record<string, Type>>(file);
    app = await createOn(platform, exports[name] as Type, { logger: false, abortOnError: false });
    (exports as { useWebSockets?: (nest: INestApplication) => void }).useWebSockets?.(app);
    await app.listen(0, '127.0.0.1');
    ({ port } = app.getHttpServer().address() as AddressInfo);
    browser = new Client(port);
  }

  afterEach(async () => {
    vi.unstubAllGlobals();
    for (const socket of sockets.splice(0)) socket.close();
    await app.close();
  });

  const logIn = (): Promise<unknown> =>
    browser.post('/login', { headers: { 'content-type': 'application/json' }, body: '{"name":"ada"}' });

  describe('with socket.io', () => {
    beforeEach(() => start('chat.module.ts', 'ChatModule'));

    type Connect = (url: string, signedOut: () => void, options: Partial<ManagerOptions & SocketOptions>) => Socket;

    async function connect(signedOut: () => void = () => {}): Promise<Socket> {
      const { connectToChat } = await chapter.load<{ connectToChat: Connect }>('chat-client.ts');
      // A browser sends the cookie that it has by then; this client sends what it was given.
      const extraHeaders = {
        get cookie(): string {
          return browser.cookieHeader;
        },
      };
      const options = { transports: ['websocket'], extraHeaders, forceNew: true };
      const socket = connectToChat(`http://127.0.0.1:${port}`, signedOut, options);
      sockets.push(socket);
      return socket;
    }

    const next = (socket: Socket, event: string): Promise<unknown> =>
      new Promise((resolve) => socket.once(event, resolve));

    it('chats, counts, and closes at the logout', async () => {
      await logIn();
      const isSignedOut = withResolvers();
      const socket = await connect(() => isSignedOut.resolve(undefined));
      expect(await next(socket, 'welcome')).toEqual({ user: 'ada' });
      const said = next(socket, 'said');
      expect(await socket.emitWithAck('say', 'Hello')).toEqual({ said: 1 });
      expect(await said).toEqual({ user: 'ada', text: 'Hello' });
      await browser.post('/logout');
      await isSignedOut.promise;
    });

    it('lets no stranger in', async () => {
      const isSignedOut = withResolvers();
      await connect(() => isSignedOut.resolve(undefined));
      await isSignedOut.promise;
    });

    it('comes back after a login in another tab', async () => {
      await logIn();
      const socket = await connect();
      await next(socket, 'welcome');
      await logIn();
      expect(await next(socket, 'welcome')).toEqual({ user: 'ada' });
    });
  });

  it('close a connection by hand', async () => {
    await start('closing.module.ts', 'ClosingModule');
    await logIn();
    const client = connectTo('socket.io', { port, cookie: browser.cookieHeader });
    sockets.push(client);
    await client.connected;
    await browser.post('/logout');
    expect(await client.closed).toMatchObject({ reason: 'io server disconnect' });
  });

  describe('with ws', () => {
    beforeEach(async () => {
      await start('ws-chat.module.ts', 'WsChatModule');
      vi.stubGlobal(
        'WebSocket',
        class extends WebSocket {
          constructor(url: string) {
            super(url, { headers: { cookie: browser.cookieHeader } });
            sockets.push(this);
          }
        },
      );
    });

    interface Listeners {
      said(message: object): void;
      signedOut(): void;
    }

    type Connect = (url: string, listeners: Listeners) => WebSocket;

    async function connect(listeners: Partial<Listeners> = {}): Promise<WebSocket> {
      const { connectToChat } = await chapter.load<{ connectToChat: Connect }>('../ws-chat-client.js');
      return connectToChat(`ws://127.0.0.1:${port}/chat`, { said: () => {}, signedOut: () => {}, ...listeners });
    }

    it('chats, and closes at the logout', async () => {
      await logIn();
      const [said, isSignedOut] = [withResolvers(), withResolvers()];
      const socket = await connect({ said: said.resolve, signedOut: () => isSignedOut.resolve(undefined) });
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      socket.send(JSON.stringify({ event: 'say', data: 'Hello' }));
      expect(await said.promise).toEqual({ user: 'ada', text: 'Hello' });
      await browser.post('/logout');
      await isSignedOut.promise;
    });

    it('lets no stranger in', async () => {
      const isSignedOut = withResolvers();
      await connect({ signedOut: () => isSignedOut.resolve(undefined) });
      await isSignedOut.promise;
    });
  });
});

function withResolvers(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
