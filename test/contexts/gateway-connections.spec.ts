import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import {
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard, SessionModule, SessionService } from '../../lib/index.js';
import { GatewayApp, useTransport, type GatewayAppOptions, type GatewayData } from '../fixtures/gateway-app.js';
import { connectTo, transports, type GatewayClient } from '../fixtures/gateway-client.js';
import { nestMajor, platforms } from '../fixtures/platforms.js';

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

type Server = { emit(event: string, data: unknown): void; clients?: Set<{ send(text: string): void }> };
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

/** What a test does with a gateway that has no methods of its own. */
@WebSocketGateway()
class PlainGateway {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @SubscribeMessage('read')
  async read(client: object): Promise<object> {
    const { user = 'nobody' } = await this.sessions.open<GatewayData>(client);
    return { user };
  }
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

  it('pass the guards of handleConnection', async () => {
    await start(GuardedGateway);
    expect(await app.connect().next('greeting')).toEqual({ user: 'ada' });
    expect(app.store.taken()).toBe('read');
  });

  it.each([GuardedGateway, GuardedClassGateway])('close where SessionGuard refuses: %o', async (gateway) => {
    await start(gateway);
    const closing = await app.connect({ cookie: '' }).closed;
    if (transport === 'ws') expect(closing).toEqual({ code: 4401, reason: 'Unauthorized' });
    else {
      const exception = { status: 'error', statusCode: 401, message: 'Unauthorized' };
      expect(closing).toEqual({ reason: 'io server disconnect', exception });
    }
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
});
