import { Controller, Get, Post, Query, Res } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';

import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { Gate } from '../fixtures/gate.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { platforms } from '../fixtures/platforms.js';
import { takenOver, type Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; n: number };

const DAY = 86_400;

/** Seconds by which a back-end may have counted on, or have rounded: it has a clock of its own. */
const APART = 120;

/** Where a slow request stands still. */
let gate: Gate;

const lifetimeOf = (text: string): string | false => (text === 'false' ? false : text);

@Controller()
class RememberController {
  @Post('login')
  async login(@Session() session: Session<Data>, @Query('for') lifetime: string): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
    if (lifetime !== undefined) session.remember(lifetimeOf(lifetime));
    session.signedIn({ amr: ['pwd'] });
  }

  @Post('remember')
  remember(@Session() session: Session<Data>, @Query('for') lifetime: string): void {
    session.remember(lifetimeOf(lifetime));
  }

  /** Forms its head before the session is saved. */
  @Post('remember-by-hand')
  byHand(@Session() session: Session<Data>, @Query('for') lifetime: string, @Res() response: Reply): void {
    session.remember(lifetimeOf(lifetime));
    takenOver(response).end('done');
  }

  @Post('renew-slowly')
  async renewSlowly(@Session() session: Session<Data>, @Res() response: Reply): Promise<void> {
    session.touch();
    await gate.stop();
    takenOver(response).end('done');
  }

  @Post('write')
  write(@Session() session: Session<Data>): void {
    session.n = (session.n ?? 0) + 1;
  }

  @Get('me')
  me(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }
}

const maxAgeOf = (line: string | undefined): number => Number(/Max-Age=(\d+)/.exec(line ?? '')?.[1]);

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp | undefined;
  let now: number;

  async function start(session: SessionModuleOptions): Promise<SessionApp> {
    app = await SessionApp.start(platform, { session, controllers: [RememberController] });
    return app;
  }

  function pass(seconds: number): void {
    now += seconds * 1000;
  }

  beforeEach(() => {
    now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await app?.close();
  });

  it.each<[string, SessionModuleOptions, RegExp]>([
    [
      'for 30 days, where sessions end with the browser',
      { cookie: { persistent: false } },
      /Max-Age=2592000; .*Expires=/,
    ],
    ['for 30 days, where sessions last an hour', { idleTimeout: '1h' }, /Max-Age=2592000; .*Expires=/],
    ['for a day, where the absolute timeout says so', { absoluteTimeout: '1d' }, /Max-Age=86400; .*Expires=/],
  ])('a login has a cookie %s', async (_what, options, attributes) => {
    const client = (await start({ store: new SpyStore(), ...options })).client();
    expect((await client.post('/login?for=30d')).cookie()).toMatch(attributes);
  });

  it('a login that is not to be remembered has a cookie without an expiry', async () => {
    const client = (await start({ store: new SpyStore() })).client();
    expect((await client.post('/login?for=false')).cookie()).not.toMatch(/Max-Age|Expires/);
    expect((await client.post('/login')).cookie()).toContain(`Max-Age=${14 * DAY}`);
  });

  it.each(['/remember', '/remember-by-hand'])(
    '%s changes both the record and the cookie, there and back',
    async (path) => {
      const store = new SpyStore();
      const client = (await start({ store })).client();
      await client.post('/login');
      const longer = await client.post(`${path}?for=30d`);
      expect([store.ttls.at(-1), maxAgeOf(longer.cookie()), longer.header('cache-control')]).toEqual([
        30 * DAY,
        30 * DAY,
        'no-store',
      ]);
      const shorter = await client.post(`${path}?for=false`);
      expect([store.ttls.at(-1), shorter.cookie()]).toEqual([14 * DAY, expect.not.stringMatching(/Max-Age|Expires/)]);
      expect(await (await client.get('/me')).json()).toEqual({ user: 'ada' });
    },
  );

  it('no cookie for an empty session', async () => {
    const store = new SpyStore();
    const client = (await start({ store })).client();
    expect([(await client.post('/remember?for=30d')).setCookie, store.taken()]).toEqual([[], '']);
  });

  it('a wrong lifetime is an error, which sets no cookie', async () => {
    const client = (await start({ store: new SpyStore() })).client();
    const answer = await client.post('/remember?for=soon');
    expect([answer.status, answer.setCookie]).toEqual([500, []]);
    expect(app?.warnings.join()).toContain("remember: the lifetime is 'soon': write");
  });

  it('a renewal under way sends the cookie of a session that is to end with the browser', async () => {
    const client = (await start({ store: new SpyStore() })).client();
    await client.post('/login?for=30d');
    gate = new Gate();
    const slow = client.post('/renew-slowly');
    await gate.reached;
    await client.post('/remember?for=false');
    gate.open();
    expect((await slow).cookie()).not.toMatch(/Max-Age|Expires/);
  });

  it('renews after a tenth of the lifetime that was chosen, and is over with it', async () => {
    const store = new SpyStore();
    const client = (await start({ store, cookie: { persistent: false } })).client();
    await client.post('/login?for=30d');
    pass(2 * DAY);
    expect((await client.get('/me')).setCookie).toEqual([]);
    pass(2 * DAY);
    expect(maxAgeOf((await client.get('/me')).cookie())).toBe(30 * DAY);
    pass(29 * DAY);
    expect(await (await client.get('/me')).json()).toEqual({ user: 'ada' });
    pass(31 * DAY);
    expect(await (await client.get('/me')).json()).toEqual({ user: null });
  });

  it('costs nothing where it is not used', async () => {
    const store = new SpyStore();
    const client = (await start({ store })).client();
    await client.post('/login?for=30d');
    store.taken();
    await client.get('/me');
    expect(store.taken()).toBe('read');
    await client.post('/write');
    expect(store.taken()).toBe('read replace');
  });

  describe.each<[string, SessionModuleOptions]>([
    ['hashed ids', {}],
    ['plain ids', { hashIds: false, tombstones: false }],
    ["wire: 'quart'", { wire: 'quart' }],
  ])('with %s', (_name, options) => {
    const idle = options.wire === 'quart' ? 31 * DAY : 14 * DAY;

    it('Redis keeps the record for as long as the cookie', async () => {
      const redis = new Redis(inject('redisUrl'));
      try {
        const keyPrefix = `remember-${platform}-${Math.random()}:`;
        const client = (
          await start({ store: 'redis', redis: { url: inject('redisUrl') }, keyPrefix, ...options })
        ).client();
        for (const [lifetime, seconds] of [
          ['60d', 60 * DAY],
          ['1h', 3600],
          ['false', idle],
        ] as const) {
          await client.post(`/login?for=${lifetime}`);
          const keys = await redis.keys(`${keyPrefix}*`);
          const ttls = await Promise.all(keys.map((key) => redis.ttl(key)));
          // A tombstone has 30 seconds.
          const records = ttls.filter((left) => left > 30);
          expect([lifetime, records.map((ttl) => Math.abs(ttl - seconds) < APART)]).toEqual([lifetime, [true]]);
          await redis.del(...keys);
        }
      } finally {
        redis.disconnect();
      }
    });

    it('Memcached keeps it beyond the 30 days that it counts from now', async () => {
      const servers = inject('memcachedServer');
      const keyPrefix = `remember-${platform}-${Math.random()}:`;
      const session = { store: 'memcached', memcached: { servers }, keyPrefix, ...options, hashIds: false } as const;
      const client = (await start(session)).client();
      const line = (await client.post('/login?for=60d')).cookie();
      const id = (client.jar.get('session') ?? '').split('.')[0] ?? '';
      const { ttl } = await new MemcachedWire(servers).about(`${keyPrefix}${id}`);
      expect([maxAgeOf(line), Math.abs(ttl - 60 * DAY) < APART]).toEqual([60 * DAY, true]);
      expect(await (await client.get('/me')).json()).toEqual({ user: 'ada' });
      expect(app?.warnings).toEqual([]);
    });
  });
});
