import {
  Inject,
  Injectable,
  Session as NestSession,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Context,
  GqlExecutionContext,
  Mutation,
  Query,
  ResolveField,
  Resolver,
  type FieldMiddleware,
} from '@nestjs/graphql';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, SessionGuard, SessionModule, SessionService } from '../../lib/index.js';
import { codesOf, GraphqlApp, graphqlDrivers, type GraphqlOptions } from '../fixtures/graphql-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; n: number };

interface Visitor {
  name: string;
}

/** Schema first: decorators alone would keep the types of all tests in one place. */
const TYPES = `
  type Visitor {
    name: String!
    signedInAs: String
    admin: String
    secret: String
    noted: String
    length: String
  }
  type Query {
    user: String
    visitor: Visitor!
    hasLoaders: Boolean
    forAdmins: String
    plain: String
    passed: Int
  }
  type Mutation {
    enter: String
    leave: String
    enterAsAdmin: String
  }
`;

@Resolver('Visitor')
class VisitorResolver {
  @Mutation()
  enter(@Session() session: Session<Data>): string {
    return (session.user = 'ada');
  }

  @Mutation()
  async leave(@Session() session: Session<Data>): Promise<string> {
    await session.destroy();
    return 'left';
  }

  @Query()
  user(@Session('user') user: string | undefined): string | undefined {
    return user;
  }

  @Query()
  hasLoaders(@Context() context: { loaders?: object }): boolean {
    return context.loaders !== undefined;
  }

  @Query()
  visitor(): Visitor {
    return { name: 'visitor' };
  }

  @ResolveField()
  signedInAs(@Session('user') user: string | undefined): string | undefined {
    return user;
  }
}

/** The usual context of each driver that is not the default. */
const OWN_CONTEXTS: Readonly<Record<string, GraphqlOptions>> = {
  'Apollo on express': { context: ({ req, res }: { req: object; res: object }) => ({ req, res, loaders: {} }) },
  'Apollo on fastify': { context: (request: object, reply: object) => ({ req: request, reply, loaders: {} }) },
  'Mercurius on fastify': { context: (req: object, reply: object) => ({ req, reply, loaders: {} }) },
};

/** As an application writes it that needs nothing of the request: Nest adds it. */
class Loaders {
  readonly loaders = {};
}

describe.each(graphqlDrivers)('a GraphQL module with $name', (driver) => {
  const apps: GraphqlApp[] = [];

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
  });

  async function start(
    graphql: GraphqlOptions = {},
    { providers = [VisitorResolver], ...rest }: Pick<ModuleMetadata, 'imports' | 'providers'> = {},
  ): Promise<GraphqlApp> {
    const app = await GraphqlApp.start(driver, {
      graphql: { typeDefs: TYPES, autoSchemaFile: false, ...graphql },
      providers,
      ...rest,
    });
    apps.push(app);
    return app;
  }

  it.each([
    ['of its own', OWN_CONTEXTS[driver.name] as GraphqlOptions],
    ['without the request', { context: () => ({ loaders: {} }) }],
    ['of a class', { context: () => new Loaders() }],
  ])('has the session in a context %s', async (_what, graphql) => {
    const browser = (await start(graphql)).browser();
    expect(await browser.data('{ hasLoaders }')).toEqual({ hasLoaders: true });
    expect((await browser.send('mutation { enter }')).cookie()).toBeDefined();
    expect(await browser.data('{ user visitor { signedInAs } }')).toEqual({
      user: 'ada',
      visitor: { signedInAs: 'ada' },
    });
  });

  it('says what to put into a context without a request', async () => {
    const app = await start({ context: () => ({ req: { not: 'a request' } }) });
    for (const query of ['{ user }', '{ visitor { signedInAs } }']) {
      const { errors } = await app.browser().ask(query);
      expect(errors?.[0]?.message).toContain('let the `context` option give it as `req`');
      expect(errors?.[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR');
    }
    expect(await app.browser().data('{ hasLoaders visitor { name } }')).toEqual({
      hasLoaders: false,
      visitor: { name: 'visitor' },
    });
  });

  it('gives the sessions of several modules by name, also to the resolver of a field', async () => {
    @Resolver('Visitor')
    class AdminResolver extends VisitorResolver {
      @Mutation()
      enterAsAdmin(@Session.of('admin') session: Session<Data>): string {
        return (session.user = 'grace');
      }

      @ResolveField()
      admin(@Session.of('admin', 'user') user: string | undefined): string | undefined {
        return user;
      }

      @UseGuards(SessionGuard.of('admin'))
      @Query()
      forAdmins(): string {
        return 'passed';
      }
    }
    const app = await start({}, { imports: [SessionModule.forRoot({ name: 'admin' })], providers: [AdminResolver] });
    const browser = app.browser();
    await browser.data('mutation { enter }');
    expect(codesOf(await browser.ask('{ forAdmins }'))).toEqual(['UNAUTHENTICATED']);
    expect(await browser.data('{ visitor { signedInAs admin } }')).toEqual({
      visitor: { signedInAs: 'ada', admin: null },
    });
    await browser.data('mutation { enterAsAdmin }');
    expect(await browser.data('{ forAdmins visitor { signedInAs admin } }')).toEqual({
      forAdmins: 'passed',
      visitor: { signedInAs: 'ada', admin: 'grace' },
    });
  });

  it('keeps two applications apart that share a resolver and run at once', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    const [here, there] = [one.browser(), other.browser()];
    await here.data('mutation { enter }');
    for (const [name, value] of here.client.jar) there.client.jar.set(name, value);
    expect(await here.data('{ visitor { signedInAs } }')).toEqual({ visitor: { signedInAs: 'ada' } });
    expect(await there.data('{ visitor { signedInAs } }')).toEqual({ visitor: { signedInAs: null } });
    await here.data('mutation { leave }');
    expect(await here.data('{ visitor { signedInAs } }')).toEqual({ visitor: { signedInAs: null } });
  });

  it('gives a guard of the whole application the session that the resolver then takes', async () => {
    @Injectable()
    class CountingGuard implements CanActivate {
      constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

      async canActivate(context: ExecutionContext): Promise<boolean> {
        const session = await this.sessions.open<Data>(GqlExecutionContext.create(context));
        session.n = (session.n ?? 0) + 1;
        return session === this.sessions.opened(context);
      }
    }
    @Resolver()
    class CountResolver {
      @Query()
      plain(): string {
        return 'plain';
      }

      @Query()
      passed(@Session('n') n: number): number {
        return n;
      }
    }
    const providers = [CountResolver, { provide: APP_GUARD, useClass: CountingGuard }];
    const browser = (await start({}, { providers })).browser();
    await browser.data('{ plain }');
    expect(await browser.data('{ passed }')).toEqual({ passed: 2 });
  });

  describe('whose fields have guards and interceptors', () => {
    @Resolver('Visitor')
    class GuardedFields extends VisitorResolver {
      @UseGuards(SessionGuard)
      @ResolveField()
      secret(@Session() session: Session<Data>): string {
        session.n = (session.n ?? 0) + 1;
        return `secret ${session.n}`;
      }
    }

    it('refuses a field under SessionGuard', async () => {
      const app = await start(
        { fieldResolverEnhancers: ['guards', 'interceptors', 'filters'] },
        { providers: [GuardedFields] },
      );
      const browser = app.browser();
      const refused = await browser.ask('{ visitor { name secret } }');
      expect(codesOf(refused)).toEqual(['UNAUTHENTICATED']);
      expect(refused.data).toEqual({ visitor: { name: 'visitor', secret: null } });
      await browser.data('mutation { enter }');
      expect(await browser.data('{ visitor { secret } }')).toEqual({ visitor: { secret: 'secret 1' } });
      expect(await browser.data('{ visitor { secret } }')).toEqual({ visitor: { secret: 'secret 2' } });
    });

    it('does not start where the guard of a field would never run', async () => {
      await expect(start({}, { providers: [GuardedFields] })).rejects.toThrow(
        "The SessionGuard of GuardedFields.secret would never run, as it resolves a field of a type: set fieldResolverEnhancers: ['guards']",
      );
    });
  });

  it('does not start where the guard of a class with fields alone would never run', async () => {
    @UseGuards(SessionGuard)
    @Resolver('Visitor')
    class SecretResolver {
      @ResolveField()
      secret(): string {
        return 'secret';
      }
    }
    await expect(start({}, { providers: [VisitorResolver, SecretResolver] })).rejects.toThrow(
      'The SessionGuard of SecretResolver.secret would never run',
    );
  });

  it('gives a pipe of the parameter of a field its value', async () => {
    const shout = { transform: (value: string | undefined) => value?.toUpperCase() };
    @Resolver('Visitor')
    class LoudResolver extends VisitorResolver {
      @ResolveField()
      noted(@Session('user', shout) user: string | undefined): string | undefined {
        return user;
      }
    }
    const browser = (await start({}, { providers: [LoudResolver] })).browser();
    await browser.data('mutation { enter }');
    expect(await browser.data('{ visitor { noted } }')).toEqual({ visitor: { noted: 'ADA' } });
  });

  it('has the session in queries that Mercurius has compiled', async () => {
    const browser = (await start(driver.isMercurius ? { jit: 1 } : {})).browser();
    await browser.data('mutation { enter }');
    for (let times = 0; times < 5; times++) {
      expect(await browser.data('{ user visitor { name signedInAs } }')).toEqual({
        user: 'ada',
        visitor: { name: 'visitor', signedInAs: 'ada' },
      });
      expect(await browser.data('mutation { enter }')).toEqual({ enter: 'ada' });
    }
    await browser.data('mutation { leave }');
    expect(await browser.data('{ user }')).toEqual({ user: null });
  });

  it('keeps the middleware of a field, which sees its value', async () => {
    const seen: unknown[] = [];
    const note: FieldMiddleware = async (_call, next) => {
      const value: unknown = await next();
      seen.push(value);
      return value;
    };
    @Resolver('Visitor')
    class NotedResolver extends VisitorResolver {
      @ResolveField('noted', () => String, { nullable: true, middleware: [note] })
      noted(@Session('user') user: string | undefined): string | undefined {
        return user;
      }
    }
    const browser = (await start({}, { providers: [NotedResolver] })).browser();
    await browser.data('mutation { enter }');
    expect(await browser.data('{ visitor { noted } }')).toEqual({ visitor: { noted: 'ada' } });
    expect(seen).toEqual(['ada']);
  });

  it("does not start where a resolver takes Nest's own @Session(), which is empty there", async () => {
    @Resolver()
    class NestResolver {
      @Query()
      user(@NestSession() session: Data): string {
        return session.user;
      }
    }
    await expect(start({}, { providers: [NestResolver] })).rejects.toThrow(
      'NestResolver.user takes the @Session() of @nestjs/common, which is empty in a resolver',
    );
  });

  it('does not start where a resolver takes the session of a module that is not there', async () => {
    @Resolver()
    class LostResolver {
      @Query()
      user(@Session.of('lost', 'user') user: string): string {
        return user;
      }
    }
    await expect(start({}, { providers: [LostResolver] })).rejects.toThrow(
      "LostResolver.user takes @Session.of('lost')",
    );
  });

  it('costs a resolver nothing that cannot reach the session', async () => {
    const store = new SpyStore();
    @Resolver('Visitor')
    class PlainFields {
      @Query()
      visitor(): Visitor {
        return { name: 'visitor' };
      }

      @ResolveField()
      length(): string {
        return 'short';
      }
    }
    await start({}, { providers: [PlainFields] });
    const { visitor, length } = PlainFields.prototype;
    for (const target of [visitor, PlainFields]) {
      expect(Reflect.getMetadata('__interceptors__', target)).toBeUndefined();
    }
    expect(Reflect.getMetadata('graphql:field_resolver_middleware', length)).toBeUndefined();
    expect(store.taken()).toBe('');
  });
});
