import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionModule, type SessionBus, type SessionModuleOptions } from '../../lib/index.js';
import type { ChildServer } from '../fixtures/child-server.mjs';
import { eventually } from '../fixtures/eventually.js';
import { platforms } from '../fixtures/platforms.js';
import { startRedis } from '../fixtures/servers.mjs';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';

@Controller()
class SignalController {
  @Get('start')
  start(@Session() session: Session): boolean {
    session.n = 1;
    return session.signal.aborted;
  }

  @Get('start-admin')
  startAdmin(@Session.of('admin') session: Session): boolean {
    session.n = 1;
    return session.signal.aborted;
  }

  @Get('end')
  end(@Session() session: Session): Promise<void> {
    return session.destroy();
  }
}

let server: ChildServer;
let admin: Redis;
let url: string;

beforeEach(async () => {
  server = await startRedis();
  url = `redis://127.0.0.1:${server.port}`;
  admin = new Redis(url);
  admin.on('error', () => {});
});

afterEach(async () => {
  admin.disconnect();
  await server.stop();
});

/** The connections of the application. */
const connections = async (): Promise<number> =>
  String(await admin.client('LIST'))
    .trim()
    .split('\n').length - 1;

const channels = async (): Promise<unknown> => ((await admin.call('PUBSUB', 'CHANNELS')) as string[]).toSorted();

describe.each(platforms)('the option bus on %s', (platform) => {
  let app: SessionApp;

  const start = async (session: SessionModuleOptions, rest: SessionAppOptions = {}): Promise<SessionApp> =>
    (app = await SessionApp.start(platform, { controllers: [SignalController], session, ...rest }));

  const signals = async (path = '/start'): Promise<void> => {
    expect((await app.client().get(path)).status).toBe(200);
  };

  it("'redis' listens once a signal is in use, and ends its connections with the application", async () => {
    await start({ store: 'redis', redis: { url }, bus: 'redis' }, { imports: [adminModule({ store: 'memory' })] });
    expect(await channels()).toEqual([]);
    await signals();
    await eventually(async () => expect(await channels()).toEqual(['session:endings']));
    await app.close();
    await eventually(async () => expect(await connections()).toBe(0));
  });

  it("'redis' sends on a client of yours, and leaves it open", async () => {
    const client = new Redis(url);
    await start({ store: 'redis', redis: { client }, bus: 'redis' }, { imports: [adminModule({ store: 'memory' })] });
    const browser = app.client();
    await browser.get('/start');
    await eventually(async () => expect(await channels()).toEqual(['session:endings']));
    // The client, and its duplicate that listens.
    expect(await connections()).toBe(2);
    await app.close();
    await eventually(async () => expect(await connections()).toBe(1));
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it("'redis' has a channel for each kind of session", async () => {
    const options = { store: 'redis', redis: { url }, bus: 'redis' } as const;
    await start(options, { imports: [adminModule(options)] });
    await signals();
    await signals('/start-admin');
    await eventually(async () => expect(await channels()).toEqual(['session:admin:endings', 'session:endings']));
    await app.close();
  });

  it('starts, and logs in and out, while the Redis of the bus is down', async () => {
    await server.stop();
    await start({ store: 'memory', redis: { url }, bus: 'redis' }, { imports: [adminModule({ store: 'memory' })] });
    const browser = app.client();
    await browser.get('/start');
    expect((await browser.get('/end')).status).toBe(200);
    await eventually(async () => expect(app.warnings.join()).toContain('session bus'));
    expect(app.warnings.filter((line) => line.includes('session bus'))).toHaveLength(1);
    await app.close();
  });

  it('takes a bus of yours, which hears no more of an application that has closed, and is not closed', async () => {
    const log: string[] = [];
    const bus: SessionBus & { close(): void } = {
      publish: async ({ reason }) => void log.push(reason),
      subscribe: () => {
        log.push('subscribed');
        return () => log.push('unsubscribed');
      },
      close: () => log.push('closed'),
    };
    await start({ bus }, { imports: [adminModule({ store: 'memory' })] });
    const browser = app.client();
    await browser.get('/start');
    await browser.get('/end');
    await app.close();
    expect(log).toEqual(['subscribed', 'destroyed', 'unsubscribed']);
  });

  it('refuses a client that has no pub/sub, as the application starts', async () => {
    const client = Object.assign(Object.create(null), { get() {}, set() {} }) as never;
    await expect(start({ store: 'memory', redis: { client }, bus: 'redis' })).rejects.toThrow('no publish, duplicate');
  });
});

function adminModule(options: SessionModuleOptions): ReturnType<typeof SessionModule.forRoot> {
  return SessionModule.forRoot({ name: 'admin', cookie: { name: 'admin' }, ...options });
}
