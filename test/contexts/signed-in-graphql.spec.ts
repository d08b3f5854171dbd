import { UseGuards, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Mutation, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FreshSignIn, Public, Session, SignedInGuard, type UserOf } from '../../lib/index.js';
import {
  codesOf,
  GraphqlApp,
  graphqlDrivers,
  type GraphqlBrowser,
  type GraphqlOptions,
} from '../fixtures/graphql-app.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { Topic } from '../fixtures/topic.js';

type Data = { user: string; items: string[] };

const user: UserOf = (data: Partial<Data>) => data.user;

const TYPES = `
  type Post {
    title: String!
    author: String
    secret: String
    about: String
    notes: String
  }
  type Query {
    mine: String
    posts: [Post!]!
    publicPosts: [Post!]!
    fresh: String
    guarded: String
    notedPosts: [Post!]!
  }
  type Mutation {
    login: String
    logout: String
    cart: String
    confirm: String
  }
  type Subscription {
    news: Post
    publicNews: Post
  }
`;

let news = new Topic<Readonly<Record<string, { title: string }>>>();

/** Public where the guard is global. */
@Public()
@Resolver()
class AccountResolver {
  @Mutation()
  async login(@Session() session: Session<Data>): Promise<string> {
    await session.regenerate();
    return (session.user = 'ada');
  }

  @Mutation()
  async logout(@Session() session: Session<Data>): Promise<string> {
    await session.destroy();
    return 'out';
  }

  @Mutation()
  cart(@Session() session: Session<Data>): string {
    session.items = ['teapot'];
    return 'kept';
  }

  @Mutation()
  confirm(@Session() session: Session<Data>): string {
    session.signedIn({ amr: ['pwd'] });
    return 'confirmed';
  }

  @UseGuards(SignedInGuard)
  @Query()
  guarded(): string {
    return 'guarded';
  }

  @FreshSignIn('5m')
  @Query()
  fresh(): string {
    return 'fresh';
  }
}

const POSTS = [{ title: 'one' }, { title: 'two' }, { title: 'three' }];

@Resolver('Post')
class PostResolver {
  @Query()
  mine(): string {
    return 'mine';
  }

  @Query()
  posts(): object[] {
    return POSTS;
  }

  @Public()
  @Query()
  publicPosts(): object[] {
    return POSTS;
  }

  @ResolveField()
  author(): string {
    return 'eve';
  }

  @Public()
  @Subscription()
  publicNews(): AsyncIterable<unknown> {
    return news.subscribe();
  }

  @Subscription()
  news(): AsyncIterable<unknown> {
    return news.subscribe();
  }
}

/** Names the guard for a field, beside that of the whole application. */
@Resolver('Post')
class SecretResolver {
  @UseGuards(SignedInGuard)
  @ResolveField()
  secret(): string {
    return 'secret';
  }

  @Public()
  @ResolveField()
  about(): string {
    return 'about';
  }
}

/** Its class names the guard, and one of its operations is public. */
@UseGuards(SignedInGuard)
@Resolver('Post')
class NotesResolver {
  @Public()
  @Query()
  notedPosts(): object[] {
    return POSTS;
  }

  @ResolveField()
  notes(): string {
    return 'notes';
  }
}

const MINUTE = 60_000;

const GLOBAL: Provider = { provide: APP_GUARD, useClass: SignedInGuard };
const FIELDS: GraphqlOptions = { fieldResolverEnhancers: ['guards'] };

describe.each(graphqlDrivers)('with $name', (driver) => {
  let app: GraphqlApp;
  let store: SpyStore;
  let browser: GraphqlBrowser;

  async function start(providers: Provider[], graphql: GraphqlOptions = {}): Promise<void> {
    app = await GraphqlApp.start(driver, {
      session: { store, user },
      graphql: { typeDefs: TYPES, autoSchemaFile: false, ...graphql },
      providers,
    });
    browser = app.browser();
  }

  beforeEach(() => {
    store = new SpyStore();
    news = new Topic();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await app.close();
  });

  describe('SignedInGuard above a resolver', () => {
    beforeEach(() => start([AccountResolver, PostResolver]));

    it('refuses nobody with UNAUTHENTICATED, and lets a user pass until the logout', async () => {
      const refused = await browser.ask('{ guarded }');
      expect(codesOf(refused)).toEqual(['UNAUTHENTICATED']);
      expect(refused.errors?.[0]).toMatchObject({ message: 'Unauthorized', path: ['guarded'] });
      await browser.data('mutation { cart }');
      expect(codesOf(await browser.ask('{ guarded }'))).toEqual(['UNAUTHENTICATED']);
      await browser.data('mutation { login }');
      expect(await browser.data('{ guarded mine }')).toEqual({ guarded: 'guarded', mine: 'mine' });
      await browser.data('mutation { logout }');
      expect(codesOf(await browser.ask('{ guarded mine }'))).toEqual(['UNAUTHENTICATED']);
    });

    it('takes no outage for nobody', async () => {
      await browser.data('mutation { login }');
      store.failing.add('read');
      expect(codesOf(await browser.ask('{ guarded }'))).toEqual(['SERVICE_UNAVAILABLE']);
    });
  });

  describe('SignedInGuard above the whole application', () => {
    it('guards each operation but the public ones, with one read for all of a request', async () => {
      await start([AccountResolver, PostResolver, GLOBAL]);
      expect(codesOf(await browser.ask('{ mine }'))).toEqual(['UNAUTHENTICATED']);
      expect(await browser.data('{ publicPosts { title author } }')).toMatchObject({ publicPosts: { length: 3 } });
      await browser.data('mutation { login }');
      store.taken();
      await browser.data('{ mine posts { author } guarded }');
      expect(store.taken()).toBe('read');
      await browser.data('{ publicPosts { author } }');
      expect(store.taken()).toBe('');
    });

    it('takes no outage for nobody, and opens what is public all the same', async () => {
      await start([AccountResolver, PostResolver, GLOBAL]);
      await browser.data('mutation { login }');
      store.failing.add('read');
      expect(codesOf(await browser.ask('{ mine }'))).toEqual(['SERVICE_UNAVAILABLE']);
      expect(await browser.data('{ publicPosts { author } }')).toMatchObject({ publicPosts: { length: 3 } });
    });

    it('refuses an operation once, where Nest runs guards for fields', async () => {
      await start([AccountResolver, PostResolver, SecretResolver, GLOBAL], FIELDS);
      const refused = await browser.ask('{ posts { author about } }');
      expect(refused.errors).toHaveLength(1);
      expect(codesOf(refused)).toEqual(['UNAUTHENTICATED']);
    });

    it('lets the fields of a public operation pass without a read, but not where a field names it', async () => {
      await start([AccountResolver, PostResolver, SecretResolver, GLOBAL], FIELDS);
      expect(await browser.data('{ publicPosts { author about } }')).toMatchObject({
        publicPosts: [{ author: 'eve', about: 'about' }, {}, {}],
      });
      const refused = await browser.ask('{ publicPosts { title author secret } }');
      expect(codesOf(refused)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED']);
      expect(refused.data).toMatchObject({ publicPosts: [{ author: 'eve', secret: null }, {}, {}] });
      await browser.data('mutation { login }');
      store.taken();
      await browser.data('{ publicPosts { author about } }');
      expect(store.taken()).toBe('');
      expect(await browser.data('{ publicPosts { secret } posts { author secret } }')).toMatchObject({
        publicPosts: [{ secret: 'secret' }, {}, {}],
      });
      expect(store.taken()).toBe('read');
    });

    it('looks at a field whose class names it, also below a public operation of that class', async () => {
      await start([AccountResolver, PostResolver, NotesResolver], FIELDS);
      const refused = await browser.ask('{ notedPosts { author notes } }');
      expect(codesOf(refused)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED']);
      expect(refused.data).toMatchObject({ notedPosts: [{ author: 'eve', notes: null }, {}, {}] });
      await browser.data('mutation { login }');
      expect(await browser.data('{ notedPosts { notes } }')).toMatchObject({
        notedPosts: [{ notes: 'notes' }, {}, {}],
      });
    });

    it('guards a subscription as it begins', async () => {
      await start([AccountResolver, PostResolver, GLOBAL]);
      const nobody = app.socket(browser);
      expect(codesOf(await nobody.ask('subscription { news { title } }'))).toEqual(['UNAUTHENTICATED']);
      const open = nobody.start('subscription { publicNews { title author } }');
      await news.publish({ publicNews: { title: 'free' } });
      expect((await open.next()).data).toEqual({ publicNews: { title: 'free', author: 'eve' } });
      open.stop();
      await news.empty();
      await browser.data('mutation { login }');
      const closed = app.socket(browser).start('subscription { news { title } }');
      await news.publish({ news: { title: 'for users' } });
      expect((await closed.next()).data).toEqual({ news: { title: 'for users' } });
      closed.stop();
    });

    it('looks at the fields of each event, where Nest runs guards for fields', async () => {
      await start([AccountResolver, PostResolver, SecretResolver, GLOBAL], FIELDS);
      const open = app.socket(browser).start('subscription { publicNews { title about author } }');
      await news.publish({ publicNews: { title: 'free' } });
      const event = await open.next();
      expect(codesOf(event)).toEqual(['UNAUTHENTICATED']);
      expect(event.data).toEqual({ publicNews: { title: 'free', author: null, about: 'about' } });
      open.stop();
    });
  });

  describe('@FreshSignIn()', () => {
    beforeEach(async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime('2030-01-01T12:00:00.000Z');
      await start([AccountResolver, PostResolver, GLOBAL]);
    });

    it('refuses with FORBIDDEN and what is missing, until the user has confirmed', async () => {
      expect(codesOf(await browser.ask('{ fresh }'))).toEqual(['UNAUTHENTICATED']);
      await browser.data('mutation { login }');
      expect(await browser.data('{ fresh }')).toEqual({ fresh: 'fresh' });
      vi.setSystemTime(Date.now() + 6 * MINUTE);
      const { errors } = await browser.ask('{ fresh }');
      expect(errors).toHaveLength(1);
      expect(errors?.[0]).toMatchObject({
        message: 'Sign in again: this needs a fresh sign-in.',
        extensions: {
          code: 'FORBIDDEN',
          reason: 'FRESH_SIGN_IN_REQUIRED',
          maxAge: 300,
          signedInAt: '2030-01-01T12:00:00.000Z',
        },
      });
      await browser.data('mutation { confirm }');
      expect(await browser.data('{ fresh }')).toEqual({ fresh: 'fresh' });
    });
  });

  it.each([
    ['SignedInGuard', UseGuards(SignedInGuard)],
    ['FreshSignInGuard', FreshSignIn('5m')],
  ])('the application does not start where the %s of a field would never run', async (name, decorator) => {
    @Resolver('Post')
    class FieldResolver {
      @ResolveField()
      secret(): string {
        return 'secret';
      }
    }
    const { prototype } = FieldResolver;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, 'secret') as PropertyDescriptor;
    (decorator as MethodDecorator)(prototype, 'secret', descriptor);
    await expect(start([AccountResolver, PostResolver, FieldResolver])).rejects.toThrow(
      `The ${name} of FieldResolver.secret would never run`,
    );
    await start([AccountResolver, PostResolver, FieldResolver], FIELDS);
  });
});
