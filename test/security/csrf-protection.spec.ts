import { Controller, Get, Post } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionService } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

@Controller()
class TransferController {
  @Post('login')
  login(@Session() session: Session<{ user: string }>): void {
    session.user = 'ada';
  }

  @Post('transfer')
  transfer(@Session() session: Session<{ sent: number }>): object {
    session.sent = (session.sent ?? 0) + 1;
    return { sent: session.sent };
  }

  @Get('account')
  account(@Session() session: Session<{ user: string }>): object {
    return { user: session.user };
  }
}

describe.each(platforms)('app.enableCsrfProtection() of NestJS 12 on %s', (platform) => {
  const store = new SpyStore();
  let app: SessionApp;
  let client: Client;

  /** Opens the session of every request, as middleware of an application may. */
  function openAlways(nest: SessionApp['app']): void {
    const sessions = nest.get(SessionService);
    nest.use((request: object, _response: unknown, next: (error?: unknown) => void) => {
      sessions.open(request).then(() => next(), next);
    });
  }

  beforeEach(async () => {
    app = await SessionApp.start(platform, {
      session: { store, context: true },
      controllers: [TransferController],
      setUp: (nest) => {
        nest.enableCsrfProtection({ trustedOrigins: ['https://partner.example'] });
        openAlways(nest);
      },
    });
    client = app.client();
    await client.post('/login');
    store.taken();
  });

  afterEach(() => app.close());

  it.each([
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from a sibling host, which SameSite lets pass', { 'sec-fetch-site': 'same-site' }],
    ['of an older browser', { origin: 'https://evil.example' }],
    ['of a sandboxed frame', { origin: 'null' }],
  ])('refuses a POST %s before any call to the store', async (_whence, headers) => {
    const answer = await client.post('/transfer', { headers });
    expect([answer.status, answer.setCookie, store.taken()]).toEqual([403, [], '']);
  });

  it.each([
    ['of its own pages', { 'sec-fetch-site': 'same-origin' }],
    ['of a program, which has no browser to deceive', {}],
    ['of an origin that it trusts', { 'sec-fetch-site': 'cross-site', origin: 'https://partner.example' }],
  ])('lets a POST %s pass, whose session is saved', async (_whence, headers) => {
    expect(await (await client.post('/transfer', { headers })).json()).toEqual({ sent: 1 });
    expect(store.taken()).toBe('read replace');
  });

  it('lets a link from another site pass, whose session is read', async () => {
    const answer = await client.get('/account', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(await answer.json()).toEqual({ user: 'ada' });
    expect(store.taken()).toBe('read');
  });
});
