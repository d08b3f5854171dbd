import { ApolloDriver } from '@nestjs/apollo';
import { Injectable, UseGuards, type ExecutionContext } from '@nestjs/common';
import { Context, GqlExecutionContext, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver } from '@nestjs/mercurius';
import { PassportModule } from '@nestjs/passport';
import { afterEach, describe, expect, it } from 'vitest';

import type { Client } from '../fixtures/client.js';
import {
  AccountController,
  lookUps,
  PasswordStrategy,
  UserGuard,
  UserSerializer,
  type PassportRequest,
} from '../fixtures/passport-accounts.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface GraphqlContext {
  readonly req: PassportRequest;
}

/** Finds the request where GraphQL has it, as the documentation of Nest does it. */
@Injectable()
class ResolverGuard extends UserGuard {
  override getRequest(context: ExecutionContext): PassportRequest {
    return GqlExecutionContext.create(context).getContext<GraphqlContext>().req;
  }
}

@Resolver()
class WhoResolver {
  @UseGuards(ResolverGuard)
  @Query(() => String)
  who(@Context() { req }: GraphqlContext): string {
    return req.user?.name ?? 'a stranger';
  }

  @Query(() => String)
  plain(): string {
    return 'plain';
  }
}

describe.each(platforms)('AuthGuard before a resolver on %s', (platform) => {
  let app: SessionApp;

  afterEach(() => app.close());

  async function ask(client: Client, query: string): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return (await client.post('/graphql', { headers, body: JSON.stringify({ query }) })).json();
  }

  it('knows the user, and reads no session for a query that does not ask', async () => {
    const store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store },
      imports: [
        PassportModule,
        GraphQLModule.forRoot({
          driver: platform === 'fastify' ? MercuriusDriver : ApolloDriver,
          autoSchemaFile: true,
          context: (request: { req?: object }) => ({ req: request.req ?? request }),
        }),
      ],
      providers: [PasswordStrategy, UserSerializer, WhoResolver],
      controllers: [AccountController],
    });
    const client = app.client();
    expect(await ask(client, '{ who }')).toEqual({ data: { who: 'a stranger' } });
    await client.post('/login?name=ada&password=right');
    expect(await ask(client, '{ who }')).toEqual({ data: { who: 'ada' } });
    store.taken();
    lookUps.count = 0;
    expect(await ask(client, '{ plain }')).toEqual({ data: { plain: 'plain' } });
    expect([store.taken(), lookUps.count]).toEqual(['', 0]);
  });
});
