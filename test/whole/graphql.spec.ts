import type { AddressInfo } from 'node:net';

import type { INestApplication, Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { MemoryStore, SessionStoreError } from '../../lib/index.js';
import { Chapter } from '../fixtures/chapter.js';
import { Client } from '../fixtures/client.js';
import { codesOf, GraphqlBrowser } from '../fixtures/graphql-app.js';
import { GraphqlSocket } from '../fixtures/graphql-socket.js';
import { createOn, type Platform } from '../fixtures/platforms.js';

let chapter: Chapter;

beforeAll(() => {
  chapter = new Chapter('graphql');
}, 60_000);

it('finds the request for Passport in the context of a resolver', async () => {
  const { ResolverGuard } = await chapter.load<{
    ResolverGuard: new () => { getRequest(context: object): object; getAuthenticateOptions(): object };
  }>('resolver.guard.ts');
  const req = {};
  const context = new ExecutionContextHost([{}, {}, { req }, {}], class {}, () => {});
  context.setType('graphql');
  expect(new ResolverGuard().getRequest(context)).toBe(req);
  expect(new ResolverGuard().getAuthenticateOptions()).toEqual({ property: 'nothing' });
});

describe.each<{ name: string; platform: Platform; file: string }>([
  { name: 'ApolloModule', platform: 'express', file: 'apollo.module.ts' },
  { name: 'ApolloModule', platform: 'fastify', file: 'apollo.module.ts' },
  { name: 'MercuriusModule', platform: 'fastify', file: 'mercurius.module.ts' },
])('the program of docs/graphql.md with $name on $platform', ({ name, platform, file }) => {
  let app: INestApplication;
  let port: number;
  let browser: GraphqlBrowser;

  beforeEach(async () => {
    const { [name]: module } = await chapter.load<Record<string, Type>>(file);
    app = await createOn(platform, module as Type, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    ({ port } = app.getHttpServer().address() as AddressInfo);
    browser = new GraphqlBrowser(new Client(port));
  });

  afterEach(() => app.close());

  const logIn = (): Promise<object> => browser.data('mutation { login(name: "ada", password: "lovelace") { name } }');

  it('signs in and out', async () => {
    expect(codesOf(await browser.ask('{ me { name } }'))).toEqual(['UNAUTHENTICATED']);
    await logIn();
    expect(await browser.data('{ me { name isMe } accounts { name isMe } }')).toEqual({
      me: { name: 'ada', isMe: true },
      accounts: [
        { name: 'ada', isMe: true },
        { name: 'grace', isMe: false },
      ],
    });
    expect(await browser.data('mutation { logout }')).toEqual({ logout: true });
    expect(codesOf(await browser.ask('{ me { name } }'))).toEqual(['UNAUTHENTICATED']);
    expect(browser.client.cookieHeader).toBe('');
  });

  it('sends messages, and closes the socket at the logout', async () => {
    await logIn();
    const socket = new GraphqlSocket(port, browser.client.cookieHeader);
    const stream = socket.start('subscription { sent { from text isMine } }');
    const received = new AbortController();
    const first = stream.next().finally(() => received.abort());
    // The subscription may begin a moment after the first messages.
    while (!received.signal.aborted) await browser.data('mutation { send(text: "hello") { text } }');
    expect(await first).toEqual({ data: { sent: { from: 'ada', text: 'hello', isMine: true } } });
    await browser.data('mutation { logout }');
    expect(await socket.closed).toBe(4401);
  });

  it('hides what the server itself did wrong, and keeps the code', async () => {
    await logIn();
    const read = vi.spyOn(MemoryStore.prototype, 'read').mockRejectedValue(new SessionStoreError('Of the back-end.'));
    onTestFinished(() => read.mockRestore());
    const { errors } = await browser.ask('{ me { name } }');
    expect(errors).toEqual([
      expect.objectContaining({
        message: 'The server failed. Try again later.',
        path: ['me'],
        extensions: { code: 'SERVICE_UNAVAILABLE' },
      }),
    ]);
    expect((await browser.ask('{ nothing }')).errors?.[0]?.message).toMatch(/^Cannot query field/);
  });

  it('sends the code of an exception of Nest from Apollo alone', async () => {
    const result = await browser.ask('mutation { login(name: "ada", password: "byron") { name } }');
    expect(result.errors?.map(({ message }) => message)).toEqual(['Unauthorized']);
    expect(result.errors?.[0]?.extensions?.['code']).toBe(name === 'ApolloModule' ? 'UNAUTHENTICATED' : undefined);
  });

  it('refuses a subscription without a session', async () => {
    const socket = new GraphqlSocket(port, '');
    expect(codesOf(await socket.ask('subscription { sent { text } }'))).toEqual(['UNAUTHENTICATED']);
    await socket.close();
  });
});
