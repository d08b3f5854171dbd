import { Inject, Injectable, UseGuards, type CanActivate } from '@nestjs/common';
import { Field, Int, Mutation, ObjectType, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionService } from '../../lib/index.js';
import { GraphqlApp, graphqlDrivers, type GraphqlBrowser } from '../fixtures/graphql-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { n: number };

@ObjectType()
class Cart {
  @Field()
  name!: string;
}

@Injectable()
class Counter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async count(): Promise<number> {
    const session = await this.sessions.current<Data>();
    return (session.n = (session.n ?? 0) + 1);
  }
}

@Injectable()
class CountingGuard implements CanActivate {
  constructor(@Inject(Counter) private readonly counter: Counter) {}

  async canActivate(): Promise<boolean> {
    return (await this.counter.count()) > 0;
  }
}

async function* carts(): AsyncGenerator<object> {
  for (const name of ['first', 'second']) yield { cart: { name }, guarded: { name } };
}

@Resolver(() => Cart)
class CartResolver {
  constructor(@Inject(Counter) private readonly counter: Counter) {}

  @Mutation(() => Int)
  start(@Session() session: Session<Data>): number {
    return (session.n = 0);
  }

  @Query(() => Cart)
  asked(): Cart {
    return { name: 'asked' };
  }

  @Query(() => Int)
  total(@Session('n') n: number): number {
    return n;
  }

  @Subscription(() => Cart)
  cart(): AsyncGenerator<object> {
    return carts();
  }

  @UseGuards(CountingGuard)
  @Subscription(() => Cart)
  guarded(): AsyncGenerator<object> {
    return carts();
  }

  @ResolveField(() => Int)
  items(): Promise<number> {
    return this.counter.count();
  }
}

describe.each(graphqlDrivers)('a service that asks for the current session with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;
  let browser: GraphqlBrowser;

  beforeEach(async () => {
    store = new SpyStore();
    const providers = [CartResolver, Counter, CountingGuard];
    app = await GraphqlApp.start(driver, { providers, session: { store, context: true } });
    browser = app.browser();
    await browser.data('mutation { start }');
    store.taken();
  });

  afterEach(() => app.close());

  it('gets that of the request in the resolvers of fields, with one read and one save', async () => {
    expect(await browser.data('{ a: asked { items } b: asked { items } }')).toEqual({
      a: { items: 1 },
      b: { items: 2 },
    });
    expect(store.taken()).toBe('read replace');
  });

  it('gets that of the event in the resolver of a field, and the change is saved', async () => {
    const stream = app.socket(browser).start('subscription { cart { items again: items } }');
    expect(await stream.next()).toEqual({ data: { cart: { items: 1, again: 2 } } });
    expect(await stream.next()).toEqual({ data: { cart: { items: 3, again: 4 } } });
    expect(await browser.data('{ total }')).toEqual({ total: 4 });
  });

  it('fails in a guard of a subscription, which runs before', async () => {
    const { errors } = await app.socket(browser).ask('subscription { guarded { name } }');
    expect(errors?.[0]?.message).toContain('outside any request');
    expect(await browser.data('{ total }')).toEqual({ total: 0 });
  });
});
