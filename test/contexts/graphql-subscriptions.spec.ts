import { EventEmitter, on } from 'node:events';

import { Inject, UseGuards } from '@nestjs/common';
import { Mutation, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  Session,
  SessionGuard,
  SessionService,
  type SessionBus,
  type SessionBusListener,
  type SessionModuleOptions,
} from '../../lib/index.js';
import {
  codesOf,
  GraphqlApp,
  graphqlDrivers,
  type GraphqlBrowser,
  type GraphqlDriver,
  type GraphqlOptions,
  type GraphqlResult,
} from '../fixtures/graphql-app.js';
import type { GraphqlStream } from '../fixtures/graphql-socket.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { Topic } from '../fixtures/topic.js';

type Data = { user: string; n: number };

interface Tick {
  n: number;
}

const TYPES = `
  type Tick {
    n: Int!
    user: String
    again: String
    secret: String
    count: Int
    leave: String
    enter: String
    both: Int
  }
  type Query {
    user: String
  }
  type Mutation {
    enter: String
    leave: String
    count: Int
  }
  type Subscription {
    ticks: Tick
    guarded: Tick
    mine: Tick
    filtered: Tick
    resolved: String
    untilLogout: Tick
  }
`;

let ticks = new Topic<{ readonly [name: string]: Tick }>();

const emitter = new EventEmitter();

/** What the filter has said. */
let verdicts = new Topic<boolean>();

/** Publishes the next event of a subscription, once it has begun. */
function tick(name: string, n = 0): Promise<void> {
  return ticks.publish({ [name]: { n } });
}

@Resolver('Tick')
class TickResolver {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Subscription()
  ticks(): AsyncIterable<unknown> {
    return ticks.subscribe();
  }

  @UseGuards(SessionGuard)
  @Subscription()
  guarded(): AsyncIterable<unknown> {
    return ticks.subscribe();
  }

  @Subscription()
  mine(@Session() session: Session<Data>): AsyncIterable<unknown> {
    if (session.user === undefined) throw new Error('nobody');
    session.n = (session.n ?? 0) + 100;
    return ticks.subscribe();
  }

  @Subscription('filtered', {
    async filter(this: TickResolver, _payload: unknown, _variables: unknown, context: object) {
      const passes = (await this.sessions.open<Data>(context)).user === 'ada';
      await verdicts.publish(passes);
      return passes;
    },
  })
  filtered(): AsyncIterable<unknown> {
    return ticks.subscribe();
  }

  @Subscription('resolved', {
    async resolve(this: TickResolver, _payload: unknown, _args: unknown, context: object) {
      const session = await this.sessions.open<Data>(context);
      if (session.user === undefined) throw new Error('nobody');
      return session.user;
    },
  })
  resolved(): AsyncIterable<unknown> {
    return ticks.subscribe();
  }

  @Subscription('untilLogout', { resolve: ([value]: [Tick]) => value })
  untilLogout(@Session() session: Session<Data>): AsyncIterable<unknown> {
    return on(emitter, 'tick', { signal: session.signal });
  }

  @ResolveField()
  user(@Session('user') user: string | undefined): string | undefined {
    return user;
  }

  @ResolveField()
  async again(@Session() session: Session<Data>): Promise<string | undefined> {
    await Promise.resolve();
    return session.user;
  }

  @UseGuards(SessionGuard)
  @ResolveField()
  secret(): string {
    return 'secret';
  }

  @ResolveField()
  count(@Session() session: Session<Data>): number {
    return (session.n = (session.n ?? 0) + 1);
  }

  @ResolveField()
  async leave(@Session() session: Session<Data>): Promise<string> {
    await session.destroy();
    return 'left';
  }

  @ResolveField()
  async enter(@Session() session: Session<Data>): Promise<string> {
    await session.regenerate();
    return (session.user = 'eve');
  }
}

@Resolver()
class AccountResolver {
  @Query()
  user(@Session('user') user: string | undefined): string | undefined {
    return user;
  }

  @Mutation()
  async enter(@Session() session: Session<Data>): Promise<string> {
    await session.regenerate();
    return (session.user = 'ada');
  }

  @Mutation()
  async leave(@Session() session: Session<Data>): Promise<string> {
    await session.destroy();
    return 'left';
  }

  @Mutation()
  count(@Session() session: Session<Data>): number {
    return (session.n = (session.n ?? 0) + 1);
  }
}

/** Over the socket, too, and with guards that run for each event. */
function optionsOf({ isMercurius }: GraphqlDriver): GraphqlOptions {
  return {
    typeDefs: TYPES,
    autoSchemaFile: false,
    fieldResolverEnhancers: ['guards'],
    ...(isMercurius && { subscription: { fullWsTransport: true } }),
  };
}

describe.each(graphqlDrivers)('a subscription with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;
  let browser: GraphqlBrowser;

  async function start(
    graphql: (sessions: SessionService) => GraphqlOptions = () => ({}),
    session: SessionModuleOptions = {},
  ): Promise<void> {
    app = await GraphqlApp.start(driver, {
      session: { store, ...session },
      graphql: (sessions) => ({ ...optionsOf(driver), ...graphql(sessions) }),
      providers: [TickResolver, AccountResolver],
    });
    browser = app.browser();
    await browser.data('mutation { enter }');
    store.taken();
  }

  beforeEach(async () => {
    store = new SpyStore();
    ticks = new Topic();
    verdicts = new Topic();
    await start();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
    // A refusal is one of ours, never a crash.
    expect(app.warnings.join()).not.toContain('TypeError');
  });

  function subscribe(query: string): GraphqlStream {
    return app.socket(browser).start(`subscription { ${query} }`);
  }

  async function event(stream: GraphqlStream, name = 'ticks'): Promise<GraphqlResult> {
    await tick(name);
    return stream.next();
  }

  it('opens the session anew for each event, with one read for all who ask in it', async () => {
    const stream = subscribe('ticks { user again a: user secret }');
    expect(await event(stream)).toEqual({ data: { ticks: { user: 'ada', again: 'ada', a: 'ada', secret: 'secret' } } });
    expect(store.taken()).toBe('read');
    await event(stream);
    expect(store.taken()).toBe('read');
  });

  it('costs nothing in events that do not ask', async () => {
    const stream = subscribe('ticks { n }');
    expect(await event(stream)).toEqual({ data: { ticks: { n: 0 } } });
    expect(store.taken()).toBe('');
  });

  it('has the session of its handshake as it begins', async () => {
    const stream = subscribe('mine { n count }');
    expect(await event(stream, 'mine')).toEqual({ data: { mine: { n: 0, count: 101 } } });
    expect((await app.socket(app.browser()).ask('subscription { mine { n } }')).errors?.[0]?.message).toBe('nobody');
  });

  it('saves what the resolver of a field has written before the event leaves', async () => {
    store.delay = 20;
    const stream = subscribe('ticks { count }');
    expect(await event(stream)).toEqual({ data: { ticks: { count: 1 } } });
    expect(await browser.data('mutation { count }')).toEqual({ count: 2 });
    expect(await event(stream)).toEqual({ data: { ticks: { count: 3 } } });
  });

  it('refuses to begin without a session', async () => {
    const result = await app.socket(app.browser()).ask('subscription { guarded { n } }');
    expect(codesOf(result)).toEqual(['UNAUTHENTICATED']);
    expect(await event(subscribe('guarded { n }'), 'guarded')).toEqual({ data: { guarded: { n: 0 } } });
  });

  it('refuses the next event after a logout elsewhere', async () => {
    const stream = subscribe('ticks { n user secret }');
    expect(codesOf(await event(stream))).toEqual([]);
    await browser.data('mutation { leave }');
    const result = await event(stream);
    expect(codesOf(result)).toEqual(['UNAUTHENTICATED']);
    expect(result.data).toEqual({ ticks: { n: 0, user: null, secret: null } });
  });

  it('refuses the next event after the idle timeout', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const stream = subscribe('ticks { secret }');
    expect(codesOf(await event(stream))).toEqual([]);
    vi.setSystemTime(Date.now() + 15 * 24 * 3600 * 1000);
    expect(codesOf(await event(stream))).toEqual(['UNAUTHENTICATED']);
  });

  it('refuses the next event once the record is gone', async () => {
    const stream = subscribe('ticks { secret }');
    expect(codesOf(await event(stream))).toEqual([]);
    await store.delete(store.lastKey);
    expect(codesOf(await event(stream))).toEqual(['UNAUTHENTICATED']);
  });

  it('is renewed by events that use the session', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const stream = subscribe('ticks { count secret }');
    for (let day = 0; day < 30; day += 5) {
      expect(codesOf(await event(stream))).toEqual([]);
      vi.setSystemTime(Date.now() + 5 * 24 * 3600 * 1000);
    }
  });

  it('reports an outage as an error of its own, and goes on afterwards', async () => {
    const stream = subscribe('ticks { n secret user }');
    store.failing.add('read');
    const result = await event(stream);
    expect(new Set(codesOf(result))).toEqual(new Set(['SERVICE_UNAVAILABLE']));
    expect(result.data).toEqual({ ticks: { n: 0, secret: null, user: null } });
    expect(codesOf(await app.socket(browser).ask('subscription { guarded { n } }'))).toEqual(['SERVICE_UNAVAILABLE']);
    store.failing.clear();
    expect(await event(stream)).toEqual({ data: { ticks: { n: 0, secret: 'secret', user: 'ada' } } });
  });

  it('reports a save that failed as the error of its field', async () => {
    const stream = subscribe('ticks { n count }');
    store.failing.add('replace');
    const result = await event(stream);
    expect(codesOf(result)).toEqual(['SERVICE_UNAVAILABLE']);
    expect(result.data).toEqual({ ticks: { n: 0, count: null } });
    store.failing.clear();
    expect(await event(stream)).toEqual({ data: { ticks: { n: 0, count: 1 } } });
  });

  it('rejects what no response can carry: a new session and a new id', async () => {
    const anonymous = app.socket(app.browser()).start('subscription { ticks { count } }');
    const result = await event(anonymous);
    expect(result.errors?.[0]?.message).toContain('start the session in an HTTP request first');
    expect(result.data).toEqual({ ticks: { count: null } });
    anonymous.stop();
    await ticks.empty();

    const stream = subscribe('ticks { enter }');
    expect((await event(stream)).errors?.[0]?.message).toContain('cannot change its id here');
    expect(await browser.data('{ user }')).toEqual({ user: 'ada' });
  });

  it('can end the session, and rejects what others write into it afterwards', async () => {
    const stream = subscribe('ticks { leave }');
    expect(await event(stream)).toEqual({ data: { ticks: { leave: 'left' } } });
    expect(await browser.data('{ user }')).toEqual({ user: null });
    stream.stop();
    await ticks.empty();

    await browser.data('mutation { enter }');
    const counting = subscribe('ticks { count }');
    const gate = store.pause('replace');
    const counted = event(counting);
    await gate.reached;
    await browser.data('mutation { leave }');
    gate.open();
    expect(codesOf(await counted)).toEqual(['CONFLICT']);
  });

  it('has the session in its filter, which opens it for each event', async () => {
    const said = verdicts.subscribe();
    const stream = subscribe('filtered { n }');
    expect(await event(stream, 'filtered')).toEqual({ data: { filtered: { n: 0 } } });
    expect(await said.next()).toEqual({ done: false, value: true });
    expect(store.taken()).toBe('read');
    await browser.data('mutation { leave }');
    await tick('filtered');
    expect(await said.next()).toEqual({ done: false, value: false });
  });

  it('has the session in its own `resolve`, which opens it for each event', async () => {
    const stream = subscribe('resolved');
    expect(await event(stream, 'resolved')).toEqual({ data: { resolved: 'ada' } });
    await browser.data('mutation { leave }');
    expect((await event(stream, 'resolved')).errors?.[0]?.message).toBe('nobody');
  });

  it('leaves queries and mutations over the socket the session that it has', async () => {
    const socket = app.socket(browser);
    expect(await socket.ask('{ user }')).toEqual({ data: { user: 'ada' } });
    expect(await socket.ask('mutation { a: count b: count }')).toEqual({ data: { a: 1, b: 2 } });
    expect((await socket.ask('mutation { enter }')).errors?.[0]?.message).toContain('cannot change its id here');
    expect(await browser.data('mutation { count }')).toEqual({ count: 3 });
    await browser.data('mutation { leave }');
    expect(await socket.ask('{ user }')).toEqual({ data: { user: null } });
    expect(codesOf(await socket.ask('mutation { count }'))).toEqual(['CONFLICT']);
  });
  it('knows the owner of a pinned session by the handshake, for which Apollo needs trustProxy', async () => {
    for (const trustProxy of [undefined, 0]) {
      await app.close();
      await start(() => ({}), { pinning: true, ...(trustProxy !== undefined && { trustProxy }) });
      const result = await event(subscribe('ticks { secret }'));
      const isKnown = trustProxy !== undefined || driver.isMercurius;
      if (isKnown) expect(result).toEqual({ data: { ticks: { secret: 'secret' } } });
      else expect(result.errors?.[0]?.message).toContain('trustProxy');
      expect(await browser.data('{ user }')).toEqual({ user: 'ada' });
    }
  });

  describe('whose socket follows session.signal', () => {
    beforeEach(async () => {
      await app.close();
      await start(driver.isMercurius ? closingMercurius : closingApollo);
    });

    it('is closed with 4401 by a logout elsewhere', async () => {
      const socket = app.socket(browser);
      const stream = socket.start('subscription { ticks { n } }');
      const stays = app.browser();
      await stays.data('mutation { enter }');
      const other = app.socket(stays).start('subscription { ticks { n } }');
      await ticks.publish({ ticks: { n: 1 } }, 2);
      expect([await stream.next(), await other.next()]).toEqual([
        { data: { ticks: { n: 1 } } },
        { data: { ticks: { n: 1 } } },
      ]);
      await browser.data('mutation { leave }');
      expect(await socket.closed).toBe(4401);
      await stream.ended;
      expect(await event(other)).toEqual({ data: { ticks: { n: 0 } } });
    });

    it('is closed in another process, which hears of the logout', async () => {
      const listeners = new Set<SessionBusListener>();
      const bus: SessionBus = {
        publish: async (ending) => listeners.forEach((listener) => listener.ended(ending)),
        subscribe: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      await app.close();
      const options = driver.isMercurius ? closingMercurius : closingApollo;
      const elsewhere = await GraphqlApp.start(driver, {
        session: { store, bus },
        graphql: optionsOf(driver),
        providers: [TickResolver, AccountResolver],
      });
      await start(options, { bus });
      const there = elsewhere.browser();
      for (const [name, value] of browser.client.jar) there.client.jar.set(name, value);
      const socket = app.socket(browser);
      await event(socket.start('subscription { ticks { n } }'));
      await there.data('mutation { leave }');
      expect(await socket.closed).toBe(4401);
      await elsewhere.close();
    });

    it('does not begin without a session', async () => {
      const socket = app.socket(app.browser());
      await socket.start('subscription { ticks { n } }').ended;
      expect(await socket.closed).toBe(4401);
    });
  });

  it('ends by session.signal of the resolver after a logout elsewhere, and leaves the socket to the others', async () => {
    const socket = app.socket(browser);
    const begun = new Promise<void>((resolve) => {
      emitter.on('newListener', (name) => name === 'tick' && resolve());
    });
    const stream = socket.start('subscription { untilLogout { n } }');
    await begun;
    emitter.emit('tick', { n: 1 });
    expect(await stream.next()).toEqual({ data: { untilLogout: { n: 1 } } });
    const other = socket.start('subscription { ticks { n } }');
    await event(other);
    await browser.data('mutation { leave }');
    expect((await stream.next()).errors?.[0]?.message).toBe('The operation was aborted');
    await stream.ended;
    expect(emitter.listenerCount('tick')).toBe(0);
    expect(await event(other)).toEqual({ data: { ticks: { n: 0 } } });
  });
});

/** Closes a socket without a session at once, and one whose session ends with it. */
async function follow(sessions: SessionService, request: object, socket: Closable): Promise<void> {
  const session = await sessions.open<Data>(request);
  if (session.user === undefined) socket.close(4401, 'Unauthorized');
  session.signal.addEventListener('abort', () => socket.close(4401, 'Unauthorized'));
}

interface Closable {
  close(code: number, reason: string): void;
}

function closingApollo(sessions: SessionService): GraphqlOptions {
  return {
    subscriptions: {
      'graphql-ws': {
        onConnect: ({ extra }: { extra: { request: object; socket: Closable } }) =>
          follow(sessions, extra.request, extra.socket),
      },
    },
  };
}

function closingMercurius(sessions: SessionService): GraphqlOptions {
  return {
    subscription: {
      context: async (socket: Closable, request: object) => {
        await follow(sessions, request, socket);
        return {};
      },
    },
  };
}
