import { Inject, Injectable } from '@nestjs/common';
import { Args, Mutation, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionService, type LiveSession } from '../../lib/index.js';
import { GraphqlApp, graphqlDrivers, type GraphqlBrowser, type GraphqlResult } from '../fixtures/graphql-app.js';
import type { GraphqlStream } from '../fixtures/graphql-socket.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { Topic } from '../fixtures/topic.js';

type Data = { user: string };

const TYPES = `
  type Tick {
    user: String
  }
  type Query {
    user(pause: Int): String
  }
  type Mutation {
    enter(user: String): String
    leave: String
  }
  type Subscription {
    ticks: Tick
    mine: Tick
  }
`;

let ticks = new Topic<object>();

/** Knows neither a request nor a socket. */
@Injectable()
class AccountService {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  current(): Promise<LiveSession<Data>> {
    return this.sessions.current<Data>();
  }

  async user(pause = 0): Promise<string> {
    await new Promise((resolve) => void setTimeout(resolve, pause));
    return (await this.current()).user ?? 'nobody';
  }
}

@Resolver('Tick')
class TickResolver {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Query()
  user(@Args('pause') pause: number | undefined): Promise<string> {
    return this.accounts.user(pause);
  }

  @Mutation()
  async enter(@Args('user') user: string): Promise<string> {
    const session = await this.accounts.current();
    await session.regenerate();
    return (session.user = user);
  }

  @Mutation()
  async leave(): Promise<string> {
    await (await this.accounts.current()).destroy();
    return 'left';
  }

  @Subscription('ticks')
  ticks(): AsyncIterable<unknown> {
    return ticks.subscribe();
  }

  @Subscription('mine')
  async mine(): Promise<AsyncIterable<unknown>> {
    if ((await this.accounts.user()) === 'nobody') throw new Error('nobody');
    return ticks.subscribe();
  }

  @ResolveField('user')
  fieldUser(): Promise<string> {
    return this.accounts.user();
  }
}

describe.each(graphqlDrivers)('the current session of resolvers with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;
  let browser: GraphqlBrowser;

  let handshake: unknown;

  /** What the handshake of a socket finds. */
  function onConnect(sessions: SessionService): object {
    const look = async (): Promise<boolean> => {
      handshake = await sessions.current().catch(String);
      return true;
    };
    return driver.isMercurius
      ? { subscription: { fullWsTransport: true, onConnect: look } }
      : { subscriptions: { 'graphql-ws': { onConnect: look } } };
  }

  beforeEach(async () => {
    store = new SpyStore();
    ticks = new Topic();
    app = await GraphqlApp.start(driver, {
      session: { store, context: true },
      graphql: (sessions) => ({ typeDefs: TYPES, autoSchemaFile: false, ...onConnect(sessions) }),
      providers: [AccountService, TickResolver],
    });
    browser = app.browser();
    await browser.data('mutation { enter(user: "ada") }');
    store.taken();
  });

  afterEach(() => app.close());

  it('is that of each of many operations that run at the same time', async () => {
    const browsers = [browser, app.browser(), app.browser()];
    await browsers[1]?.data('mutation { enter(user: "eve") }');
    const answers = await Promise.all(
      Array.from({ length: 90 }, async (_, sent) => {
        const asked = await browsers[sent % 3]?.data(
          `{ a: user(pause: ${sent % 5}) b: user(pause: ${(sent * 7) % 4}) }`,
        );
        return [['ada', 'eve', 'nobody'][sent % 3], asked] as const;
      }),
    );
    for (const [user, asked] of answers) expect(asked).toEqual({ a: user, b: user });
  });

  async function event(stream: GraphqlStream, name = 'ticks'): Promise<GraphqlResult> {
    await ticks.publish({ [name]: {} });
    return stream.next();
  }

  it('is empty in the next event after a logout elsewhere', async () => {
    const stream = app.socket(browser).start('subscription { ticks { user } }');
    expect(await event(stream)).toEqual({ data: { ticks: { user: 'ada' } } });
    await browser.data('mutation { leave }', { cookie: browser.client.cookieHeader });
    expect(await event(stream)).toEqual({ data: { ticks: { user: 'nobody' } } });
  });

  it('is that of the handshake as a subscription begins', async () => {
    const stream = app.socket(browser).start('subscription { mine { user } }');
    expect(await event(stream, 'mine')).toEqual({ data: { mine: { user: 'ada' } } });
    expect((await app.socket(app.browser()).ask('subscription { mine { user } }')).errors?.[0]?.message).toBe('nobody');
  });

  it('is none in the handshake of a socket, which is no operation', async () => {
    expect((await app.socket(browser).ask('subscription { nothing }')).errors).toHaveLength(1);
    expect(handshake).toContain('sessions.current() was called outside any request');
  });
});
