import {
  Inject,
  Injectable,
  Scope,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import {
  Args,
  Context,
  Field,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import {
  codesOf,
  GraphqlApp,
  graphqlDrivers,
  type GraphqlBrowser,
  type GraphqlOptions,
} from '../fixtures/graphql-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; n: number; seen: string[]; value: unknown };

@ObjectType()
class Account {
  @Field()
  name!: string;
}

/** Opens the session before the resolver does, as guards of applications do. */
@Injectable()
class SignedIn implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.open<Data>(context);
    if (session.user === undefined) throw new UnauthorizedException();
    return session === this.sessions.opened(context);
  }
}

@Resolver(() => Account)
class AccountResolver {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Mutation(() => String)
  async login(@Session() session: Session<Data>, @Args('name') name: string): Promise<string> {
    await session.regenerate();
    session.user = name;
    return name;
  }

  @Mutation(() => String)
  async logout(@Session() session: Session<Data>): Promise<string> {
    await session.destroy();
    return 'out';
  }

  @Mutation(() => Int)
  count(@Session() session: Session<Data>): number {
    return (session.n = (session.n ?? 0) + 1);
  }

  @Mutation(() => Int, { nullable: true })
  tryToCount(@Session() session: Session<Data>): number {
    return this.count(session);
  }

  @Mutation(() => Account, { nullable: true })
  account(): Account {
    return { name: 'a' };
  }

  @Mutation(() => String)
  keepFunction(@Session() session: Session<Data>): string {
    session.value = () => 1;
    return 'never';
  }

  @Mutation(() => String)
  writeAndThrow(@Session() session: Session<Data>): never {
    session.user = 'written';
    throw new Error('of the resolver');
  }

  @Query(() => String, { nullable: true })
  user(@Session('user') user: string | undefined): string | undefined {
    return user;
  }

  @Query(() => Int)
  total(@Session('n') n: number | undefined): number {
    return n ?? 0;
  }

  @UseGuards(SessionGuard)
  @Query(() => String)
  guarded(): string {
    return 'passed';
  }

  @UseGuards(SignedIn)
  @Query(() => String)
  mine(@Session() session: Session<Data>): string {
    return `of ${session.user}`;
  }

  @Query(() => String)
  async byRequest(@Context() context: { req: object }): Promise<string> {
    return (await this.sessions.open<Data>(context.req)).user ?? 'nobody';
  }

  @Query(() => Boolean)
  hasLoaders(@Context() context: { loaders?: object }): boolean {
    return context.loaders !== undefined;
  }

  @Query(() => [Account])
  accounts(): Account[] {
    return [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  }

  @ResolveField(() => Boolean)
  isMe(@Parent() account: Account, @Session('user') user: string | undefined): boolean {
    return account.name === user;
  }

  @ResolveField(() => Int)
  looks(@Parent() account: Account, @Session() session: Session<Data>): number {
    session.seen = [...(session.seen ?? []), account.name];
    return session.seen.length;
  }
}

/** Made anew for each request. */
@Resolver()
@Injectable({ scope: Scope.REQUEST })
class ScopedResolver {
  @Query(() => String, { nullable: true })
  scoped(@Session('user') user: string | undefined): string | undefined {
    return user;
  }
}

@Resolver()
class PlainResolver {
  @Mutation(() => Boolean)
  storeIsBack(): boolean {
    outage.end();
    return true;
  }

  @Query(() => String)
  plain(@Context() _context: object): string {
    return 'plain';
  }
}

/** What the resolvers do to the store of the test. */
const outage = { end(): void {} };

describe.each(graphqlDrivers)('a resolver with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;
  let browser: GraphqlBrowser;

  async function start(graphql: GraphqlOptions = {}, session: SessionModuleOptions = {}): Promise<void> {
    app = await GraphqlApp.start(driver, {
      session: { store, ...session },
      graphql,
      providers: [AccountResolver, ScopedResolver, PlainResolver],
    });
    browser = app.browser();
  }

  beforeEach(async () => {
    store = new SpyStore();
    outage.end = () => store.failing.clear();
    await start();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
  });

  /** The same browser, in another tab or a stolen cookie's hands. */
  function elsewhere(): GraphqlBrowser {
    const other = app.browser();
    for (const [name, value] of browser.client.jar) other.client.jar.set(name, value);
    return other;
  }

  it('that signs in sets the cookie, under a new id, and the next query knows the user', async () => {
    await browser.data('mutation { count }');
    const before = browser.client.cookieHeader;
    const answer = await browser.send('mutation { login(name: "ada") }');
    expect(answer.cookie()).toContain('HttpOnly');
    expect(browser.client.cookieHeader).not.toBe(before);
    expect(await browser.data('{ user mine byRequest guarded }')).toEqual({
      user: 'ada',
      mine: 'of ada',
      byRequest: 'ada',
      guarded: 'passed',
    });
  });

  it('shares one session and one read with all others of a request, in parallel and in a batch', async () => {
    await browser.data('mutation { login(name: "b") }');
    store.taken();
    await browser.data('{ user total mine guarded byRequest scoped accounts { name isMe } }');
    expect(store.taken()).toBe('read');
    const results = await browser.batch(['{ user }', '{ total mine }', '{ accounts { isMe } }']);
    expect(results.map(({ data }) => data)).toEqual([
      { user: 'b' },
      { total: 0, mine: 'of b' },
      { accounts: [{ isMe: false }, { isMe: true }, { isMe: false }] },
    ]);
    expect(store.taken()).toBe('read');
  });

  it('that does not ask costs no store command and no header', async () => {
    await browser.data('mutation { login(name: "ada") }');
    store.taken();
    const answer = await browser.send('{ plain accounts { name } }');
    expect((await answer.json<{ data: object }>()).data).toMatchObject({ plain: 'plain' });
    expect(store.taken()).toBe('');
    expect(answer.setCookie).toEqual([]);
    expect(answer.header('vary') ?? '').not.toContain('Cookie');
  });

  it('keeps what one mutation wrote for the next of the same request', async () => {
    expect(await browser.data('mutation { a: count b: count c: count }')).toEqual({ a: 1, b: 2, c: 3 });
    expect(await browser.data('{ total }')).toEqual({ total: 3 });
  });

  it('has its session in the store before the head of the response leaves', async () => {
    store.delay = 50;
    await browser.send('mutation { login(name: "ada") }');
    expect(await elsewhere().data('{ user }')).toEqual({ user: 'ada' });
    await browser.send('mutation { count }');
    expect(await elsewhere().data('{ total }')).toEqual({ total: 1 });
  });

  it('that throws keeps what it wrote, and the client gets its error', async () => {
    const { errors } = await browser.ask('mutation { writeAndThrow }');
    expect(errors?.map(({ message }) => message)).toEqual(['of the resolver']);
    expect(await browser.data('{ user }')).toEqual({ user: 'written' });
  });

  it('has the session of a request-scoped resolver', async () => {
    await browser.data('mutation { login(name: "ada") }');
    expect(await browser.data('{ scoped }')).toEqual({ scoped: 'ada' });
  });

  it('opens a new session for a hostile cookie', async () => {
    for (const cookie of [
      'session=',
      'session=%00',
      `session=${'x'.repeat(5000)}`,
      'session=a; session=b; session=c',
    ]) {
      expect(await browser.data('{ user total }', { cookie })).toEqual({ user: null, total: 0 });
      expect(codesOf(await browser.ask('{ guarded }', { cookie }))).toEqual(['UNAUTHENTICATED']);
    }
  });

  describe('of a field', () => {
    it('reads and writes the session of its request, with one read and one save', async () => {
      await browser.data('mutation { login(name: "b") }');
      store.taken();
      const { accounts } = await browser.data('{ accounts { name isMe looks } }');
      expect(accounts).toEqual([
        { name: 'a', isMe: false, looks: 1 },
        { name: 'b', isMe: true, looks: 2 },
        { name: 'c', isMe: false, looks: 3 },
      ]);
      expect(store.taken()).toBe('read replace');
    });

    it('can start a session', async () => {
      const answer = await browser.send('{ accounts { looks } }');
      expect(answer.cookie()).toBeDefined();
      expect(await browser.data('{ accounts { looks } }')).toEqual({
        accounts: [{ looks: 4 }, { looks: 5 }, { looks: 6 }],
      });
    });

    it('is no GraphQL answer where the save after it fails', async () => {
      await browser.data('mutation { login(name: "b") }');
      store.failing.add('replace');
      const answer = await browser.send('{ accounts { looks } }');
      expect(answer.status).toBe(503);
      expect(answer.header('retry-after')).toBe('1');
    });
  });

  describe('under SessionGuard', () => {
    it('refuses without a session, with the code UNAUTHENTICATED', async () => {
      const result = await browser.ask('{ guarded plain }');
      expect(codesOf(result)).toEqual(['UNAUTHENTICATED']);
      expect(result.errors?.[0]).toMatchObject({ message: 'Unauthorized', path: ['guarded'] });
    });

    it('refuses after a logout elsewhere', async () => {
      await browser.data('mutation { login(name: "ada") }');
      await elsewhere().data('mutation { logout }');
      expect(codesOf(await browser.ask('{ guarded }'))).toEqual(['UNAUTHENTICATED']);
      expect(await browser.data('{ user }')).toEqual({ user: null });
    });

    it('refuses after the idle timeout', async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      await browser.data('mutation { login(name: "ada") }');
      vi.setSystemTime(Date.now() + 15 * 24 * 3600 * 1000);
      expect(codesOf(await browser.ask('{ guarded }'))).toEqual(['UNAUTHENTICATED']);
    });

    it('does not take an outage for an anonymous request, and logs nobody out', async () => {
      await browser.data('mutation { login(name: "ada") }');
      store.failing.add('read');
      const answer = await browser.send('{ guarded }');
      expect(codesOf(await answer.json())).toEqual(['SERVICE_UNAVAILABLE']);
      expect(answer.setCookie).toEqual([]);
      store.failing.clear();
      expect(await browser.data('{ guarded user }')).toEqual({ guarded: 'passed', user: 'ada' });
    });
  });

  describe('in an outage', () => {
    it('answers with an error of its own, and the resolvers beside it answer as ever', async () => {
      await browser.data('mutation { login(name: "ada") }');
      store.failing.add('read');
      const result = await browser.ask('{ plain user }');
      expect(codesOf(result)).toEqual(['SERVICE_UNAVAILABLE']);
      expect(result.data).toEqual({ plain: 'plain', user: null });
      expect(codesOf(await browser.ask('{ accounts { isMe } }'))).toContain('SERVICE_UNAVAILABLE');
      expect(app.warnings).toEqual([expect.stringContaining('The store of the sessions fails')]);
    });

    it('reports a save that failed as the error of its mutation', async () => {
      store.failing.add('create');
      const answer = await browser.send('mutation { count }');
      expect(codesOf(await answer.json())).toEqual(['SERVICE_UNAVAILABLE']);
      expect(answer.setCookie).toEqual([]);
      expect(app.warnings.join()).not.toContain('responds with 200');
    });

    it('claims no success for a mutation after one whose save failed', async () => {
      await browser.data('mutation { count }');
      store.failing.add('replace');
      const result = await browser.ask('mutation { a: tryToCount b: tryToCount }');
      expect(codesOf(result)).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE']);
      expect(result.data).toEqual({ a: null, b: null });
      store.failing.clear();
      expect(await browser.data('{ total }')).toEqual({ total: 1 });
    });

    it('saves with a mutation, and with the fields below it, once the store is back', async () => {
      await browser.data('mutation { count }');
      store.failing.add('replace');
      const result = await browser.ask('mutation { a: tryToCount storeIsBack b: tryToCount }');
      expect(codesOf(result)).toEqual(['SERVICE_UNAVAILABLE']);
      expect(result.data).toEqual({ a: null, storeIsBack: true, b: 3 });
      expect(await browser.data('{ total }')).toEqual({ total: 3 });
    });

    it('saves for the field of a type after a mutation whose save failed', async () => {
      await browser.data('mutation { count }');
      store.failing.add('replace');
      const result = await browser.ask('mutation { tryToCount account { looks } }');
      expect(codesOf(result)).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE']);
      const { data } = await browser.ask('mutation { tryToCount storeIsBack account { looks } }');
      expect(data).toEqual({ tryToCount: null, storeIsBack: true, account: { looks: 1 } });
      expect(await browser.data('{ accounts { looks } }')).toMatchObject({ accounts: [{ looks: 2 }, {}, {}] });
    });

    it('lets the status say so, where the driver gives one operation a status', async () => {
      await browser.data('mutation { login(name: "ada") }');
      store.failing.add('read');
      const answer = await browser.send('{ guarded }');
      const carriesStatus = driver.isMercurius;
      expect(answer.status).toBe(carriesStatus ? 503 : 200);
      expect(answer.header('retry-after')).toBe(carriesStatus ? '1' : undefined);
    });
  });

  it('names the value that cannot be stored in its error', async () => {
    const { errors } = await browser.ask('mutation { keepFunction }');
    expect(errors?.[0]?.message).toContain('value');
    expect(errors?.[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR');
  });
});
