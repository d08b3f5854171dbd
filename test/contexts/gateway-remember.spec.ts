import { Controller, Post } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from 'vitest';

import { Session } from '../../lib/index.js';
import { signInOf } from '../../lib/session/live-session.js';
import { GatewayApp, type GatewayData } from '../fixtures/gateway-app.js';
import { transports } from '../fixtures/gateway-client.js';
import { platforms } from '../fixtures/platforms.js';

const DAY = 86_400;

const cells = platforms.flatMap((platform) => transports.map((transport) => ({ platform, transport })));

@Controller()
class RememberController {
  @Post('remember')
  remember(@Session() session: Session<GatewayData>): void {
    session.remember('30d');
  }
}

@WebSocketGateway()
class AccountGateway {
  @SubscribeMessage('remember')
  remember(@Session() session: Session<GatewayData>): object {
    session.remember(false);
    return { remembered: false };
  }

  @SubscribeMessage('confirm')
  confirm(@Session() session: Session<GatewayData>): object {
    session.signedIn({ amr: ['pwd'] });
    return { confirmed: true };
  }

  @SubscribeMessage('how')
  how(@Session() session: Session<GatewayData>): object {
    return { amr: signInOf(session as never)?.amr ?? [] };
  }

  @SubscribeMessage('touch')
  touch(@Session() session: Session<GatewayData>): object {
    session.touch();
    return { touched: true };
  }
}

describe.each(cells)('on $platform, a message of $transport', ({ platform, transport }) => {
  let app: GatewayApp;

  const start = async (): Promise<void> => {
    app = await GatewayApp.start(platform, transport, {
      gateways: [AccountGateway],
      controllers: [RememberController],
    });
  };

  afterEach(() => app.close());

  it('cannot give the session another lifetime, as nothing would carry the cookie', async () => {
    await start();
    const reply = await app.connect().ask('remember');
    expect(reply).toMatchObject({ exception: { status: 'error' } });
    expect(app.store.taken()).toBe('read');
    expect(app.session.warnings.join()).toContain(
      'The session cannot get another lifetime here: there is no HTTP response',
    );
  });

  it('renews the session for the lifetime that a route has set', async () => {
    await start();
    await app.browser.post('/remember');
    await app.connect().ask('touch');
    expect(app.store.ttls.at(-1)).toBe(30 * DAY);
  });

  it('can note a sign-in', async () => {
    await start();
    const client = app.connect();
    expect(await client.ask('confirm')).toEqual({ value: { confirmed: true } });
    expect(await client.ask('how')).toEqual({ value: { amr: ['pwd'] } });
  });
});
