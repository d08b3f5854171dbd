import { Controller, Inject, Post } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Socket } from 'socket.io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';

import { Session, SessionService } from '../../lib/index.js';
import { engineOf } from '../../lib/nest/session.service.js';
import { GatewayApp, type GatewayAppOptions, type GatewayData } from '../fixtures/gateway-app.js';
import { transports, type Closing, type GatewayClient } from '../fixtures/gateway-client.js';
import { platforms } from '../fixtures/platforms.js';

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

@WebSocketGateway()
class ChatGateway {
  @SubscribeMessage('read')
  read(@Session('user') user: string | undefined): object {
    return { user: user ?? 'nobody' };
  }

  @SubscribeMessage('leave')
  async leave(@Session() session: Session<GatewayData>): Promise<void> {
    await session.destroy();
  }
}

@Controller('admin')
class AdminController {
  @Post('login')
  login(@Session.of('admin') session: Session<GatewayData>): void {
    session.user = 'root';
  }

  @Post('logout')
  logout(@Session.of('admin') session: Session<GatewayData>): Promise<void> {
    return session.destroy();
  }
}

/** Closes by the documented line. */
@WebSocketGateway()
class ByHandGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async handleConnection(client: Partial<Socket> & Partial<WebSocket>): Promise<void> {
    const { signal } = await this.sessions.open(client);
    if (client.disconnect) signal.addEventListener('abort', () => client.disconnect?.(true));
    else signal.addEventListener('abort', () => client.close?.(4401));
  }
}

describe.each(cells)('closeOnEnd on the gateways of $transport on $platform', ({ platform, transport }) => {
  let app: GatewayApp;

  async function start(options: Partial<GatewayAppOptions> = {}): Promise<void> {
    const session = { closeOnEnd: true, ...options.session };
    app = await GatewayApp.start(platform, transport, { gateways: [ChatGateway], ...options, session });
  }

  afterEach(() => app.close());

  /** A connection that the server has noticed, and watches. */
  async function watched(options: Parameters<GatewayApp['connect']>[0] = {}): Promise<GatewayClient> {
    const before = watchers();
    const client = app.connect(options);
    await client.ask('read');
    if (options.cookie !== '') await vi.waitFor(() => expect(watchers()).toBeGreaterThan(0));
    expect(watchers()).toBeGreaterThanOrEqual(before);
    return client;
  }

  function watchers(): number {
    return engineOf(app.session.app.get(SessionService)).endings.size;
  }

  function expectReason(closing: Closing, reason: string): void {
    if (transport === 'ws') expect(closing).toEqual({ code: 4401, reason });
    else {
      expect(closing.reason).toBe('io server disconnect');
      expect(closing.exception).toMatchObject({ status: 'error', statusCode: 401, reason });
    }
  }

  it('closes every connection of a session at a logout, and no other', async () => {
    await start();
    const mine = [await watched(), await watched(), await watched()];
    const anonymous = await watched({ cookie: '' });
    const other = app.session.client();
    await other.post('/login');
    const others = await watched({ cookie: other.cookieHeader });
    await app.logOut();
    for (const client of mine) expectReason(await client.closed, 'destroyed');
    expect(await anonymous.ask('read')).toEqual({ value: { user: 'nobody' } });
    expect(await others.ask('read')).toEqual({ value: { user: 'ada' } });
  });

  it('closes at a new login, after which the client comes back with its new cookie', async () => {
    await start();
    const client = await watched();
    await app.browser.post('/login');
    expectReason(await client.closed, 'regenerated');
    expect(await (await watched()).ask('read')).toEqual({ value: { user: 'ada' } });
  });

  it('closes when the session expires', async () => {
    await start({ session: { idleTimeout: 1 } });
    expectReason(await app.connect().closed, 'expired');
  });

  it('closes within the recheck when the record is removed in the store', async () => {
    await start({ session: { recheck: 1 } });
    const client = await watched();
    await app.store.inner.delete(app.store.lastKey);
    expectReason(await client.closed, 'revoked');
  });

  it('closes when a message ends the session', async () => {
    await start();
    const client = await watched();
    client.tell('leave');
    expectReason(await client.closed, 'destroyed');
  });

  it('closes for the kinds of session that say so', async () => {
    await start({
      controllers: [AdminController],
      session: { closeOnEnd: false },
      others: [{ name: 'admin', closeOnEnd: true }],
    });
    await app.browser.post('/admin/login');
    const client = app.connect();
    await client.ask('read');
    await app.logOut();
    expect(await client.ask('read')).toEqual({ value: { user: 'nobody' } });
    await app.browser.post('/admin/logout');
    expectReason(await client.closed, 'destroyed');
  });

  it('turns a client away during an outage, so that it comes back', async () => {
    await start();
    app.store.failing.add('read');
    const closing = await app.connect().closed;
    if (transport === 'ws') expect(closing).toEqual({ code: 1013, reason: 'Service Unavailable' });
    else expect(closing).toMatchObject({ reason: 'transport close', exception: { statusCode: 503 } });
  });

  it('watches no longer than the connection lasts', async () => {
    await start();
    const client = await watched();
    expect(watchers()).toBe(1);
    client.close();
    await client.closed;
    await vi.waitFor(() => expect(watchers()).toBe(0));
  });

  it('is off by default', async () => {
    await start({ session: { closeOnEnd: false } });
    const client = app.connect();
    await client.ask('read');
    expect(watchers()).toBe(0);
    await app.logOut();
    expect(await client.ask('read')).toEqual({ value: { user: 'nobody' } });
  });

  it('can be done by hand, by the signal of the session', async () => {
    await start({ session: { closeOnEnd: false }, gateways: [ByHandGateway] });
    const client = app.connect();
    await vi.waitFor(() => expect(watchers()).toBe(1));
    await app.logOut();
    await client.closed;
  });
});

describe.each(platforms)('closeOnEnd on %s', (platform) => {
  it('closes connections of socket.io that poll', async () => {
    const app = await GatewayApp.start(platform, 'socket.io', {
      gateways: [ChatGateway],
      session: { closeOnEnd: true },
    });
    const client = app.connect({ names: ['polling'] });
    await client.ask('read');
    await app.logOut();
    expect(await client.closed).toMatchObject({ exception: { reason: 'destroyed' } });
    await app.close();
  });

  it('tells each namespace of a connection why it closes', async () => {
    const names = ['first', 'second'];
    const gateways = names.map((namespace) => {
      class Gateway {}
      WebSocketGateway({ namespace })(Gateway);
      return Gateway;
    });
    const app = await GatewayApp.start(platform, 'socket.io', { gateways, session: { closeOnEnd: true } });
    const clients = names.map((name) => app.connect({ path: `/${name}`, shared: true }));
    await Promise.all(clients.map(({ connected }) => connected));
    const { endings } = engineOf(app.session.app.get(SessionService));
    await vi.waitFor(() => expect(endings.size).toBe(1));
    await app.logOut();
    for (const { closed } of clients) expect(await closed).toMatchObject({ exception: { reason: 'destroyed' } });
    await app.close();
  });
});
