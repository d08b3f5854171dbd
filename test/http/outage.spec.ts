import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import type { ChildServer } from '../fixtures/child-server.mjs';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { startMemcached, startRedis } from '../fixtures/servers.mjs';
import { SessionApp } from '../fixtures/session-app.js';

@Controller()
class OutageController {
  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('count')
  count(@Session() session: Session<{ count: number }>): object {
    session.count = (session.count ?? 0) + 1;
    return { count: session.count };
  }
}

interface BackEnd {
  readonly name: string;
  readonly start: () => Promise<ChildServer>;
  readonly options: (port: number) => SessionModuleOptions;
}

const backEnds: readonly BackEnd[] = [
  {
    name: 'Redis',
    start: () => startRedis(),
    options: (port) => ({ store: 'redis', redis: { url: `redis://127.0.0.1:${port}` } }),
  },
  {
    name: 'Memcached',
    start: () => startMemcached(),
    options: (port) => ({ store: 'memcached', memcached: { servers: `127.0.0.1:${port}` } }),
  },
];

/** Asks until the back-end is used again; how long that takes is the driver's affair. */
async function countOnceBack(client: Client): Promise<unknown> {
  for (;;) {
    const answer = await client.get('/count');
    const body = await answer.json();
    if (answer.status === 200) return body.count;
    expect(answer.status).toBe(503);
  }
}

describe.each(platforms)('on %s', (platform) => {
  describe.each(backEnds)('with a $name', ({ start, options }) => {
    let server: ChildServer;
    let app: SessionApp;

    beforeAll(async () => {
      server = await start();
      app = await SessionApp.start(platform, { session: options(server.port), controllers: [OutageController] });
    });

    afterAll(async () => {
      await app.close();
      await server.stop();
    });

    async function expectOutage(client: Client): Promise<void> {
      const before = client.cookieHeader;
      const answer = await client.get('/count');
      expect([answer.status, answer.header('retry-after'), answer.setCookie]).toEqual([503, '1', []]);
      expect(await answer.text()).not.toContain(before.split('=')[1]);
      expect(client.cookieHeader).toBe(before);
      expect(await (await client.get('/plain')).text()).toBe('plain');
    }

    it('that hangs, answers 503, leaves the cookie alone, and knows everybody again afterwards', async () => {
      const client = app.client();
      expect(await countOnceBack(client)).toBe(1);
      await server.pause();
      await expectOutage(client);
      server.resume();
      expect(await countOnceBack(client)).toBeGreaterThanOrEqual(2);
    });

    it('that is down, answers 503, and serves again once it is back', async () => {
      const client = app.client();
      expect(await countOnceBack(client)).toBe(1);
      await server.stop();
      await expectOutage(client);
      await server.restart();
      expect(await countOnceBack(client)).toBe(1);
    });
  });
});
