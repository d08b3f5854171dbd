import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Controller, Get, Req, type INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import flash from 'connect-flash';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionService } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Next = (error?: unknown) => void;
type Middleware = (request: object, response: object, next: Next) => void;

interface FlashRequest {
  readonly session: Session<{ messages: string[] }>;
  flash(type: string, message?: string): string[];
}

/** An instance of Passport of its own, which no other test file shares. */
class Accounts {
  readonly passport = new passport.Passport();
  lookUps = 0;

  constructor() {
    this.passport.use(
      new LocalStrategy({ usernameField: 'name', passwordField: 'word' }, (name, word, done) =>
        done(null, word === 'right' ? { name } : false, { message: 'wrong password' }),
      ),
    );
    this.passport.serializeUser((user, done) => done(null, (user as { name: string }).name));
    this.passport.deserializeUser((name: string, done) => {
      this.lookUps += 1;
      done(null, { name });
    });
  }
}

/** Opens the session ahead of the middleware behind it. */
function openAhead(nest: INestApplication): Middleware {
  const sessions = nest.get(SessionService);
  return (request, _response, next) => void sessions.open(request).then(() => next(), next);
}

@Controller()
class MessageController {
  @Get('messages')
  messages(@Session() session: Session<{ messages: string[] }>): object {
    const { messages = [] } = session;
    delete session.messages;
    return { messages };
  }

  @Get('leave')
  leave(@Session() _session: Session, @Req() request: FlashRequest): object {
    return { count: request.flash('info', 'saved') };
  }

  @Get('take')
  take(@Session() _session: Session, @Req() request: FlashRequest): object {
    return { info: request.flash('info'), error: request.flash('error') };
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('who')
  who(@Req() request: { user?: object; session?: object; raw?: { user?: object; session?: object } }): object {
    return {
      user: request.user ?? request.raw?.user ?? null,
      isSame: request.raw === undefined || request.session === request.raw.session,
    };
  }
}

describe('the middleware of Passport and connect-flash on express', () => {
  let app: SessionApp;
  let store: SpyStore;
  let accounts: Accounts;
  let client: Client;

  beforeEach(async () => {
    store = new SpyStore();
    accounts = new Accounts();
    const attempt = (options: object): Middleware => accounts.passport.authenticate('local', options) as Middleware;
    app = await SessionApp.start('express', {
      session: { store },
      controllers: [MessageController],
      setUp: (nest) => {
        (nest as NestExpressApplication).useStaticAssets(join(fileURLToPath(import.meta.url), '..'), {
          prefix: '/files',
        });
        nest.use(flash());
        nest.use(['/login', '/who', '/login-with-flash'], openAhead(nest), accounts.passport.session());
        nest.use('/login-with-flash', attempt({ failureRedirect: '/take', failureFlash: true }));
        nest.use('/login', attempt({ successRedirect: '/who', failureRedirect: '/messages', failureMessage: true }));
      },
    });
    client = app.client();
  });

  afterEach(() => app.close());

  it('redirects after a login, to a page that knows the user', async () => {
    const answer = await client.get('/login?name=ada&word=right');
    expect([answer.status, answer.header('location')]).toEqual([302, '/who']);
    expect(await (await client.get('/who')).json()).toEqual({ user: { name: 'ada' }, isSame: true });
  });

  it('redirects after a wrong password, to a page that shows the message once', async () => {
    const answer = await client.get('/login?name=ada&word=wrong');
    expect([answer.status, answer.header('location')]).toEqual([302, '/messages']);
    expect(await (await client.get('/messages')).json()).toEqual({ messages: ['wrong password'] });
    expect(await (await client.get('/messages')).json()).toEqual({ messages: [] });
  });

  it('carries the message as a flash message, too', async () => {
    await client.get('/login-with-flash?name=ada&word=wrong');
    expect(await (await client.get('/take')).json()).toEqual({ info: [], error: ['wrong password'] });
    expect(await (await client.get('/take')).json()).toEqual({ info: [], error: [] });
  });

  it('keeps flash messages for the next request, and for that alone', async () => {
    expect(await (await client.get('/leave')).json()).toEqual({ count: 1 });
    expect(await (await client.get('/leave')).json()).toEqual({ count: 2 });
    expect(await (await client.get('/take')).json()).toEqual({ info: ['saved', 'saved'], error: [] });
    expect(await (await client.get('/take')).json()).toEqual({ info: [], error: [] });
  });

  it('reads no session and looks up no user for a static file, or a page that the middleware does not serve', async () => {
    await client.get('/login?name=ada&word=right');
    store.taken();
    accounts.lookUps = 0;
    const answers = [await client.get('/files/passport-middleware.spec.ts'), await client.get('/plain')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect([store.taken(), accounts.lookUps]).toEqual(['', 0]);
  });
});

describe.each(platforms)('passport.session() as middleware on %s', (platform) => {
  let app: SessionApp;
  let accounts: Accounts;

  beforeEach(async () => {
    accounts = new Accounts();
    app = await SessionApp.start(platform, {
      controllers: [MessageController],
      setUp: (nest) => {
        nest.use(openAhead(nest));
        nest.use(accounts.passport.session());
        nest.use('/login', (request: Express.Request, response: { end(body: string): void }, next: Next) => {
          request.logIn({ name: 'ada' }, (error) => (error ? next(error) : response.end('in')));
        });
      },
    });
  });

  afterEach(() => app.close());

  it('signs in and knows the user, and the handler has the session that the middleware has', async () => {
    const client = app.client();
    expect(await (await client.get('/who')).json()).toEqual({ user: null, isSame: true });
    expect(await (await client.get('/login')).text()).toBe('in');
    expect(await (await client.get('/who')).json()).toEqual({ user: { name: 'ada' }, isSame: true });
    expect(accounts.lookUps).toBe(1);
  });
});
