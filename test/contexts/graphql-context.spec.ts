import { Inject, Injectable } from '@nestjs/common';
import { Mutation, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionService } from '../../lib/index.js';
import { GraphqlApp, graphqlDrivers, type GraphqlBrowser } from '../fixtures/graphql-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { Topic } from '../fixtures/topic.js';

type Data = { user: string; n: number };

const TYPES = `
  type Tick {
    user: String
    count: Int
  }
  type Query {
    user: String
    tick: Tick
  }
  type Mutation {
    enter: String
    count: Int
  }
  type Subscription {
    ticks: Tick
  }
`;

let ticks = new Topic<object>();

/** Knows neither a request nor a socket. */
@Injectable()
class AccountService {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async enter(user: string): Promise<string> {
    return ((await this.sessions.current<Data>()).user = user);
  }

  async user(): Promise<string | undefined> {
    return (await this.sessions.current<Data>()).user;
  }

  async count(): Promise<number> {
    const session = await this.sessions.current<Data>();
    return (session.n = (session.n ?? 0) + 1);
  }
}

let entering = 'nobody';

@Resolver('Tick')
class TickResolver {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Mutation('enter')
  enter(): Promise<string> {
    return this.accounts.enter(entering);
  }

  @Mutation('count')
  countNow(): Promise<number> {
    return this.accounts.count();
  }

  @Query('user')
  userNow(): Promise<string | undefined> {
    return this.accounts.user();
  }

  @Query()
  tick(): object {
    return {};
  }

  @Subscription()
  async ticks(): Promise<AsyncIterable<unknown>> {
    await this.accounts.user();
    return ticks.subscribe();
  }

  @ResolveField()
  user(): Promise<string | undefined> {
    return this.accounts.user();
  }

  @ResolveField()
  count(): Promise<number> {
    return this.accounts.count();
  }
}

describe.each(graphqlDrivers)('a service that resolvers call, under context: true with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;

  beforeEach(async () => {
    store = new SpyStore();
    ticks = new Topic();
    app = await GraphqlApp.start(driver, {
      session: { store, context: true },
      graphql: { typeDefs: TYPES, autoSchemaFile: false },
      providers: [TickResolver, AccountService],
    });
  });

  afterEach(() => app.close());

  async function visitor(user: string): Promise<GraphqlBrowser> {
    const browser = app.browser();
    entering = user;
    expect(await browser.data('mutation { enter }')).toEqual({ enter: user });
    return browser;
  }

  it('has the session of the request', async () => {
    const browser = await visitor('ada');
    store.taken();
    expect(await browser.data('{ user tick { user count } }')).toEqual({
      user: 'ada',
      tick: { user: 'ada', count: 1 },
    });
    expect(store.taken()).toBe('read replace');
  });

  it('has the session of each event, and that of no other connection', async () => {
    const [ada, grace] = [await visitor('ada'), await visitor('grace')];
    const [hers, other] = [ada, grace].map((browser) =>
      app.socket(browser).start('subscription { ticks { user count } }'),
    );
    for (const count of [1, 2]) {
      await ticks.publish({ ticks: {} }, 2);
      expect(await hers?.next()).toEqual({ data: { ticks: { user: 'ada', count } } });
      expect(await other?.next()).toEqual({ data: { ticks: { user: 'grace', count } } });
    }
    expect(await ada.data('mutation { count }')).toEqual({ count: 3 });
  });
});
