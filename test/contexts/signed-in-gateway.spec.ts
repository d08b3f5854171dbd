import { Scope, UseGuards, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { FreshSignIn, Public, Session, SignedInGuard, type UserOf } from '../../lib/index.js';
import { GatewayApp, type GatewayAppOptions, type GatewayData } from '../fixtures/gateway-app.js';
import { transports, type Closing } from '../fixtures/gateway-client.js';
import { platforms } from '../fixtures/platforms.js';

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

const user: UserOf = (data: Partial<GatewayData>) => data.user;

@WebSocketGateway()
class ChatGateway {
  handled = 0;

  @SubscribeMessage('say')
  say(): object {
    this.handled++;
    return { said: true };
  }

  @SubscribeMessage('who')
  who(@Session('user') who: string): object {
    return { who };
  }

  @Public()
  @SubscribeMessage('help')
  help(): object {
    return { help: true };
  }

  @Public()
  @SubscribeMessage('greet')
  greet(@Session('user') who: string | undefined): object {
    return { who: who ?? 'nobody' };
  }

  @FreshSignIn('5m')
  @SubscribeMessage('fresh')
  fresh(): object {
    return { fresh: true };
  }
}

@UseGuards(SignedInGuard)
@WebSocketGateway()
class GuardedGateway extends ChatGateway {}

@Public()
@WebSocketGateway()
class PublicGateway extends ChatGateway {
  @UseGuards(SignedInGuard)
  @SubscribeMessage('closed-again')
  closedAgain(): object {
    return { closedAgain: true };
  }
}

/** Its class is public, and its connections are not. */
@Public()
@WebSocketGateway()
class GuardedConnections extends ChatGateway {
  @UseGuards(SignedInGuard)
  handleConnection(): void {}
}

@WebSocketGateway()
class FreshConnections extends ChatGateway {
  @FreshSignIn('5m')
  handleConnection(): void {}
}

const GLOBAL: Provider = { provide: APP_GUARD, useClass: SignedInGuard };

const MINUTE = 60_000;

const UNAUTHORIZED = { exception: { status: 'error', statusCode: 401, message: 'Unauthorized' } };

const FRESH = {
  status: 'error',
  statusCode: 403,
  message: 'Sign in again: this needs a fresh sign-in.',
  code: 'FRESH_SIGN_IN_REQUIRED',
  maxAge: 300,
  signedInAt: '2030-01-01T12:00:00.000Z',
};

describe.each(cells)('a gateway of $transport on $platform', ({ platform, transport }) => {
  let app: GatewayApp;

  async function start(options: GatewayAppOptions): Promise<void> {
    app = await GatewayApp.start(platform, transport, { ...options, session: { user, ...options.session } });
  }

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
  });

  describe.each<[string, GatewayAppOptions]>([
    ['of its class', { gateways: [GuardedGateway] }],
    ['of the whole application', { gateways: [ChatGateway], providers: [GLOBAL] }],
    [
      'of the whole application, as a provider that exists',
      { gateways: [ChatGateway], providers: [{ provide: APP_GUARD, useExisting: SignedInGuard }] },
    ],
    [
      'of the whole application, as an instance',
      { gateways: [ChatGateway], setUp: (nest) => void nest.useGlobalGuards(nest.get(SignedInGuard)) },
    ],
  ])('under the SignedInGuard %s', (_whose, options) => {
    it('handles the messages of users alone, and the public ones of everybody', async () => {
      await start(options);
      const nobody = app.connect({ cookie: '' });
      expect(await nobody.ask('say', { n: 1 })).toMatchObject({
        exception: { ...UNAUTHORIZED.exception, cause: { pattern: 'say' } },
      });
      expect(await nobody.ask('who')).toMatchObject(UNAUTHORIZED);
      expect(await nobody.ask('help')).toEqual({ value: { help: true } });
      expect(await nobody.ask('greet')).toEqual({ value: { who: 'nobody' } });
      expect(app.session.app.get(options.gateways[0] as typeof ChatGateway).handled).toBe(0);
      const client = app.connect();
      expect(await client.ask('say')).toEqual({ value: { said: true } });
      expect(await client.ask('who')).toEqual({ value: { who: 'ada' } });
    });

    it('reads the session once for a message, and not for a public one', async () => {
      await start(options);
      const client = app.connect();
      await client.connected;
      await client.ask('help');
      expect(app.store.taken()).toBe('');
      await client.ask('say');
      expect(app.store.taken()).toBe('read');
      await client.ask('who');
      expect(app.store.taken()).toBe('read');
    });

    it('refuses the messages after a logout, and takes no outage for one', async () => {
      await start(options);
      const client = app.connect();
      await client.ask('say');
      app.store.failing.add('read');
      expect(await client.ask('say')).toMatchObject({ exception: { statusCode: 503 } });
      expect(await client.ask('help')).toEqual({ value: { help: true } });
      app.store.failing.clear();
      expect(await client.ask('say')).toEqual({ value: { said: true } });
      await app.logOut();
      expect(await client.ask('say')).toMatchObject(UNAUTHORIZED);
    });
  });

  it('is open under @Public(), but where a handler names the guard', async () => {
    await start({ gateways: [PublicGateway], providers: [GLOBAL] });
    const nobody = app.connect({ cookie: '' });
    expect(await nobody.ask('say')).toEqual({ value: { said: true } });
    expect(await nobody.ask('closed-again')).toMatchObject(UNAUTHORIZED);
    expect(await app.connect().ask('closed-again')).toEqual({ value: { closedAgain: true } });
  });

  it('takes the connections of everybody under the guard of the whole application', async () => {
    await start({ gateways: [ChatGateway], providers: [GLOBAL] });
    await app.connect({ cookie: '' }).connected;
  });

  it('closes the connections of nobody where handleConnection names the guard', async () => {
    await start({ gateways: [GuardedConnections], providers: [GLOBAL] });
    expectClosing(
      await app.connect({ cookie: '' }).closed,
      { code: 4401, reason: 'Unauthorized' },
      UNAUTHORIZED.exception,
    );
    expect(await app.connect().ask('say')).toEqual({ value: { said: true } });
  });

  it('asks for a fresh sign-in before a message', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime('2030-01-01T12:00:00.000Z');
    await start({ gateways: [ChatGateway] });
    expect(await app.connect({ cookie: '' }).ask('fresh')).toMatchObject(UNAUTHORIZED);
    expect(await app.connect().ask('fresh')).toEqual({ value: { fresh: true } });
    vi.setSystemTime(Date.now() + 6 * MINUTE);
    // A client of socket.io would take the older connection for a lost one by now.
    const client = app.connect();
    expect(await client.ask('fresh', { n: 1 })).toEqual({
      exception: { ...FRESH, cause: { pattern: 'fresh', data: { n: 1 } } },
    });
    await app.browser.post('/confirm');
    expect(await client.ask('fresh')).toEqual({ value: { fresh: true } });
  });

  it('asks for a fresh sign-in before a connection', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime('2030-01-01T12:00:00.000Z');
    await start({ gateways: [FreshConnections] });
    expect(await app.connect().ask('say')).toEqual({ value: { said: true } });
    vi.setSystemTime(Date.now() + 6 * MINUTE);
    expectClosing(await app.connect().closed, { code: 4403, reason: 'FRESH_SIGN_IN_REQUIRED' }, FRESH);
    await app.browser.post('/confirm');
    expect(await app.connect().ask('say')).toEqual({ value: { said: true } });
  });

  it('does not start without the option `user`', async () => {
    await expect(
      GatewayApp.start(platform, transport, { gateways: [GuardedConnections], providers: [GLOBAL] }),
    ).rejects.toThrow('give the SessionModule the option `user`');
    await start({ gateways: [ChatGateway] });
  });

  function expectClosing(closing: Closing, ofWs: object, exception: object): void {
    expect(closing).toEqual(transport === 'ws' ? ofWs : { reason: 'io server disconnect', exception });
  }

  it('lets no application start whose global SignedInGuard would be made anew for each message', async () => {
    for (const guard of [SignedInGuard, SignedInGuard.of('admin')]) {
      const scoped: Provider = { provide: APP_GUARD, useClass: guard, scope: Scope.REQUEST };
      await expect(
        start({ gateways: [ChatGateway], providers: [scoped], others: [{ name: 'admin', user }] }),
      ).rejects.toThrow(`${guard.name} guards the whole application with a scope of its own`);
    }
    await start({ gateways: [ChatGateway] });
  });
});
