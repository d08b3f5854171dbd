import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionGuard, SessionService } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

/** The context that an enhancer of one GraphQL resolver call is given: source, arguments, context, info. */
function resolverCall(context: unknown): ExecutionContextHost {
  const host = new ExecutionContextHost([{}, {}, context, {}]);
  host.setType('graphql');
  return host;
}

/** The same call, as another enhancer sees it: Nest makes a context for each, over one array of arguments. */
function seenAgain(call: ExecutionContextHost): ExecutionContextHost {
  const host = new ExecutionContextHost(call.getArgs());
  host.setType('graphql');
  return host;
}

describe.each(platforms)('a GraphQL context on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let sessions: SessionService;
  let guard: SessionGuard;
  let cookie: string;

  beforeEach(async () => {
    store = new SpyStore();
    app = await SessionApp.start(platform, { session: { store }, setUp: (nest) => nest.use(starts(nest)) as never });
    sessions = app.app.get(SessionService);
    guard = new SessionGuard(sessions);
    const client = app.client();
    await client.get('/start');
    cookie = client.cookieHeader;
    store.taken();
  });

  afterEach(() => app.close());

  function starts(nest: INestApplication) {
    return async (request: object, response: { end(text: string): void }): Promise<void> => {
      const session = await nest.get(SessionService).open<{ user: string }>(request);
      session.user = 'ada';
      response.end('started');
    };
  }

  it('of a subscription opens anew for each event, with one read for all who ask', async () => {
    const handshake = { headers: { cookie }, url: '/graphql', method: 'GET', socket: {} };
    const first = resolverCall({ req: handshake });
    expect(await guard.canActivate(first)).toBe(true);
    expect(sessions.opened(seenAgain(first))).toBe(await sessions.open(seenAgain(first)));
    expect(store.taken()).toBe('read');
    await (await sessions.open(resolverCall({ req: handshake }))).destroy();
    await expect(guard.canActivate(resolverCall({ req: handshake }))).rejects.toMatchObject({ status: 401 });
  });

  it('of a query has the one session of its request', async () => {
    const request = { headers: { cookie }, url: '/graphql', method: 'POST', socket: {}, res: new FakeResponse() };
    const [one, other] = [resolverCall({ req: request }), resolverCall({ req: request })];
    expect(await sessions.open(one)).toBe(await sessions.open(other));
    expect(store.taken()).toBe('read');
  });

  it('without a request is refused with what to do', async () => {
    for (const context of [undefined, {}, { req: 'text' }]) {
      await expect(sessions.open(resolverCall(context))).rejects.toThrow('let the `context` option give it as `req`');
    }
  });
});

/** As much of a response as a session that is only read asks for. */
class FakeResponse {
  readonly headersSent = false;
  writeHead(): void {}
  write(): void {}
  end(): void {}
  flushHeaders(): void {}
  on(): void {}
}
