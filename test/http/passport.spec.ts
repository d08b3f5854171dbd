import { Controller, Get, Req, UnauthorizedException } from '@nestjs/common';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Session, SessionService } from '../../lib/index.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface PassportRequest {
  readonly user?: { readonly name: string };
  readonly session: Record<string, unknown>;
}

@Controller()
class PassportController {
  @Get('fill')
  fill(@Session() session: Session<{ cart: string[] }>): void {
    session.cart = ['book'];
  }

  @Get('me')
  me(@Req() request: PassportRequest): object {
    if (request.user === undefined) throw new UnauthorizedException();
    return { ...request.user, cart: request.session.cart };
  }
}

/** Passport itself is Express middleware. */
describe('Passport 0.7 on express', () => {
  let app: SessionApp;
  const store = new SpyStore();

  beforeAll(async () => {
    const authenticator = new passport.Passport();
    authenticator.use(
      new LocalStrategy({ usernameField: 'name', passwordField: 'word' }, (name, word, done) =>
        done(null, word === 'right' ? { name } : false),
      ),
    );
    authenticator.serializeUser((user, done) => done(null, (user as { name: string }).name));
    authenticator.deserializeUser((name: string, done) => done(null, { name }));
    app = await SessionApp.start('express', {
      session: { store },
      controllers: [PassportController],
      setUp: (nest) => {
        const sessions = nest.get(SessionService);
        nest.use((request: object, _response: unknown, next: (error?: unknown) => void) => {
          sessions.open(request).then(() => next(), next);
        });
        nest.use(authenticator.session());
        nest.use('/login', authenticator.authenticate('local', { keepSessionInfo: true }));
        nest.use('/login', (_request: object, response: { end(body: string): void }) => response.end('in'));
        nest.use('/logout', (request: Express.Request, response: { end(body: string): void }) =>
          request.logout(() => response.end('out')),
        );
      },
    });
  });

  afterAll(() => app.close());

  it('signs in under a new id and keeps the cart, knows the user, and signs out', async () => {
    const client = app.client();
    await client.get('/fill');
    const anonymous = client.cookieHeader;
    expect(await (await client.get('/login?name=ada&word=right')).text()).toBe('in');
    expect(client.cookieHeader).not.toBe(anonymous);
    expect(await (await client.get('/me')).json()).toEqual({ name: 'ada', cart: ['book'] });
    expect((await client.get('/me', { cookie: anonymous })).status).toBe(401);
    const signedIn = client.cookieHeader;
    expect(await (await client.get('/logout')).text()).toBe('out');
    expect((await client.get('/me')).status).toBe(401);
    expect((await client.get('/me', { cookie: signedIn })).status).toBe(401);
  });

  it('refuses a wrong password and leaves the session as it was', async () => {
    const client = app.client();
    await client.get('/fill');
    const anonymous = client.cookieHeader;
    expect((await client.get('/login?name=ada&word=wrong')).status).toBe(401);
    expect(client.cookieHeader).toBe(anonymous);
  });
});
