import { Controller, Get } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';

import { SessionEndings } from '../../lib/engine/session-endings.js';
import { Session } from '../../lib/index.js';
import { eventually } from '../fixtures/eventually.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

@Controller()
class AccountController {
  @Get('login')
  async login(@Session() session: Session): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Get('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }
}

const signals = new Set<AbortSignal>();

@WebSocketGateway()
class FeedGateway {
  /** What a gateway does to close a socket with its session. */
  @SubscribeMessage('follow')
  follow(@Session() session: Session, @ConnectedSocket() client: { disconnect(close: boolean): void }): string {
    signals.add(session.signal);
    session.signal.addEventListener('abort', () => client.disconnect(true), { once: true });
    return 'following';
  }
}

describe.each(platforms)('on %s, the signal of a message', (platform) => {
  let app: SessionApp;
  let cookie: string;
  let watch: MockInstance<SessionEndings['watch']>;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    signals.clear();
    watch = vi.spyOn(SessionEndings.prototype, 'watch');
    app = await SessionApp.start(platform, { controllers: [AccountController], providers: [FeedGateway] });
    const client = app.client();
    await client.get('/login');
    cookie = client.cookieHeader;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.disconnect();
    vi.restoreAllMocks();
    await app.close();
  });

  const watchedNow = (): number => (watch.mock.contexts.at(-1) as SessionEndings | undefined)?.size ?? NaN;

  async function following(transports: string[]): Promise<Socket> {
    const socket = io(`http://127.0.0.1:${app.port}`, {
      transports,
      extraHeaders: { cookie },
      forceNew: true,
      reconnection: false,
    });
    sockets.push(socket);
    expect(await socket.emitWithAck('follow')).toBe('following');
    return socket;
  }

  describe.each([[['websocket']], [['polling']], [['polling', 'websocket']]])('over %s', (transports) => {
    it('ends the connection at a logout by another request', async () => {
      const socket = await following(transports);
      const closed = new Promise((resolve) => socket.on('disconnect', resolve));
      await app.client().get('/logout', { cookie });
      await closed;
    });

    it('is one for all messages of a connection, and is watched until that closes', async () => {
      const [one, two] = [await following(transports), await following(transports)];
      for (let n = 0; n < 5; n++) await one.emitWithAck('follow');
      expect([signals.size, watchedNow()]).toEqual([2, 1]);
      one.disconnect();
      two.disconnect();
      await eventually(async () => expect(watchedNow()).toBe(0));
    });

    it('cannot be switched off by a browser that sends an event named like the end of a connection', async () => {
      const socket = await following(transports);
      socket.emit('close');
      socket.emit('end');
      expect(await socket.emitWithAck('follow')).toBe('following');
      const closed = new Promise((resolve) => socket.on('disconnect', resolve));
      await app.client().get('/logout', { cookie });
      await closed;
    });
  });
});
