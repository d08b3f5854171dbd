import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { ReverseProxy } from '../fixtures/reverse-proxy.js';
import { SessionApp } from '../fixtures/session-app.js';

@Controller()
class VisitController {
  @Get('visit')
  visit(@Session() session: Session<{ visits: number }>): void {
    session.visits = (session.visits ?? 0) + 1;
  }
}

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

describe.each(platforms)('a proxy that ends TLS before the application on %s', (platform) => {
  async function visited(
    session: SessionModuleOptions,
    scheme: 'http' | 'https',
    trustProxy?: unknown,
  ): Promise<{ readonly lines: readonly string[]; readonly warnings: readonly string[] }> {
    const app = await SessionApp.start(platform, {
      session,
      controllers: [VisitController],
      ...(trustProxy === undefined ? {} : { trustProxy }),
    });
    const proxy = await ReverseProxy.start(app.port, { scheme });
    opened.push(app, proxy);
    const lines: string[] = [];
    for (let visit = 0; visit < 3; visit++) lines.push((await new Client(proxy.port).get('/visit')).cookie() ?? '');
    return { lines, warnings: app.warnings };
  }

  it.each<[string, SessionModuleOptions]>([
    ['to the adapter nor to the module', {}],
    ['to the module, as it is on no list', { trustProxy: '10.0.0.0/8' }],
  ])('and was not declared %s: the cookie goes without Secure, and a warning says so once', async (_where, session) => {
    const { lines, warnings } = await visited(session, 'https');
    for (const line of lines) expect(line).not.toContain('Secure');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('trustProxy');
  });

  it.each<[string, SessionModuleOptions, unknown]>([
    ['module', { trustProxy: 'loopback' }, undefined],
    ['adapter', {}, 'loopback'],
  ])('and was declared to the %s: the cookie has Secure', async (_where, session, trustProxy) => {
    const { lines, warnings } = await visited(session, 'https', trustProxy);
    for (const line of lines) expect(line).toContain('Secure');
    expect(warnings).toEqual([]);
  });

  it('says nothing where the client itself used plain http', async () => {
    expect((await visited({}, 'http')).warnings).toEqual([]);
  });
});
