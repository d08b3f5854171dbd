import {
  Catch,
  Controller,
  Get,
  HttpException,
  Next,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionDestroyedError, type SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string };

@Controller()
class EndingController {
  @Get('start')
  start(@Session() session: Session<Data>): void {
    session.user = 'ada';
  }

  @Get('who')
  who(@Session() session: Session<Data>): object {
    return { user: session.user ?? null };
  }

  @Get('by-callback')
  byCallback(@Session() session: Session<Data>, @Res() reply: Reply): void {
    session.regenerate((error) => reply.status(error ? 500 : 200).send({ signedIn: !error }));
  }

  @Get('by-hand')
  async byHand(@Session() session: Session<Data>, @Res() reply: Reply): Promise<void> {
    try {
      await session.destroy();
      reply.send({ signedOut: true });
    } catch {
      reply.status(502).send({ signedOut: false });
    }
  }

  @Get('after-save')
  async afterSave(@Session() session: Session<Data>, @Res() reply: Reply): Promise<void> {
    await session.regenerate();
    session.user = 'bob';
    await session.save();
    EndingController.fail();
    await session.destroy().catch(() => undefined);
    reply.status(500).send({});
  }

  static fail: () => void = () => undefined;

  @Get('by-value')
  async byValue(@Session() session: Session<Data>, @Res({ passthrough: true }) reply: Reply): Promise<object> {
    const failed = await session.destroy().then(
      () => false,
      () => true,
    );
    if (failed) reply.status(502);
    return { signedOut: !failed };
  }

  @Get('by-exception')
  async byException(@Session() session: Session<Data>): Promise<object> {
    await session.regenerate().catch(() => {
      throw new HttpException('signing in is not possible now', 418);
    });
    session.user = 'grace';
    return {};
  }

  @Get('by-next')
  byNext(@Session() session: Session<Data>, @Next() next: (error: unknown) => void, @Res() _reply: unknown): void {
    session.regenerate((error) => next(error));
  }

  @Get('ignored')
  async ignored(@Session() session: Session<Data>): Promise<object> {
    await session.regenerate().catch(() => undefined);
    session.user = 'grace';
    return { signedIn: true };
  }

  @Get('not-awaited')
  notAwaited(@Session() session: Session<Data>): object {
    void session.regenerate();
    session.user = 'grace';
    return { signedIn: true };
  }

  /** A second click: another request has ended the session meanwhile. */
  @Get('second-click')
  async secondClick(@Session() session: Session<Data>): Promise<object> {
    await EndingController.meanwhile();
    let error: unknown;
    await session.regenerate().catch((failure: unknown) => (error = failure));
    session.user = 'nobody';
    const reloaded = await session.reload().catch((failure: unknown) => failure);
    await session.save();
    return { again: error instanceof SessionDestroyedError, reloaded: reloaded instanceof SessionDestroyedError };
  }

  @Get('second-click-not-awaited')
  async secondClickNotAwaited(@Session() session: Session<Data>): Promise<object> {
    await EndingController.meanwhile();
    void session.regenerate();
    return { signedIn: true };
  }

  static meanwhile: () => Promise<unknown> = () => Promise.resolve();
}

@Catch(HttpException)
class OwnFilter implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<Reply>();
    reply.status(exception.getStatus()).send({ filtered: exception.message });
  }
}

describe.each(platforms)('a destroy or regenerate that fails on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  async function start(session: SessionModuleOptions = {}): Promise<void> {
    await app?.close();
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store, ...session },
      controllers: [EndingController],
      setUp: (nest) => void nest.useGlobalFilters(new OwnFilter()),
    });
    client = app.client();
    await client.get('/start');
    for (const verb of ['set', 'delete', 'replace'] as const) store.failing.add(verb);
  }

  beforeEach(() => start());

  afterEach(() => app.close());

  it.each([
    ['a callback that answers 500', 'by-callback', 500, { signedIn: false }],
    ['a handler that answers 502 by hand', 'by-hand', 502, { signedOut: false }],
    ['a value under the status 502', 'by-value', 502, { signedOut: false }],
    ['an exception of its own', 'by-exception', 418, { filtered: 'signing in is not possible now' }],
  ])('lets %s go out as it is, without a cookie', async (_what, route, status, body) => {
    const answer = await client.get(`/${route}`);
    expect([answer.status, await answer.json(), answer.setCookie]).toEqual([status, body, []]);
    expect(app.warnings.filter((line) => line.includes('could not be saved'))).toEqual([]);
    store.failing.clear();
    expect(await (await client.get('/who')).json()).toEqual({ user: 'ada' });
  });

  it('sends the cookie of a session that was saved before', async () => {
    store.failing.clear();
    EndingController.fail = () => store.failing.add('set').add('delete');
    expect((await client.get('/after-save')).status).toBe(500);
    store.failing.clear();
    expect(await (await client.get('/who')).json()).toEqual({ user: 'bob' });
  });

  // Fastify has no `next` for handlers.
  if (platform === 'express') {
    it('lets the error page of next(error) go out, without a cookie', async () => {
      const answer = await client.get('/by-next');
      expect([answer.status, answer.setCookie]).toEqual([503, []]);
      expect(await answer.text()).not.toBe('');
    });
  }

  it.each(['ignored', 'not-awaited'])('does not let an answer go out that says all is well: %s', async (route) => {
    const answer = await client.get(`/${route}`);
    expect([answer.status, answer.setCookie]).toEqual([503, []]);
    store.failing.clear();
    expect(await (await client.get('/who')).json()).toEqual({ user: 'ada' });
  });

  describe('as another request has ended the session', () => {
    beforeEach(() => {
      store.failing.clear();
      const cookie = client.cookieHeader;
      EndingController.meanwhile = () => app.client().get('/by-hand', { cookie });
    });

    it('lets the handler answer by itself: nothing is saved, and no cookie leaves', async () => {
      const answer = await client.get('/second-click');
      expect([answer.status, await answer.json(), answer.setCookie]).toEqual([
        200,
        { again: true, reloaded: true },
        [],
      ]);
      store.taken();
      expect(await (await client.get('/who')).json()).toEqual({ user: null });
    });

    it('answers 409 where the handler did not wait for it', async () => {
      const answer = await client.get('/second-click-not-awaited');
      expect([answer.status, answer.setCookie]).toEqual([409, []]);
    });
  });
});
