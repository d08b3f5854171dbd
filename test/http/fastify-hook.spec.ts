import { Controller, Get, Req, type INestApplication } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { SessionService } from '../../lib/index.js';
import { SessionApp } from '../fixtures/session-app.js';

@Controller()
class CountingController {
  @Get('visits')
  visits(@Req() request: { session: { visits?: number } }): object {
    request.session.visits = (request.session.visits ?? 0) + 1;
    return { visits: request.session.visits };
  }
}

let app: SessionApp | undefined;
let asked: string[];

afterEach(() => app?.close());

/** Middleware opens the session; the application has a hook of its own on Fastify's requests. */
function setUp(nest: INestApplication): void {
  const sessions = nest.get(SessionService);
  (nest.getHttpAdapter() as unknown as FastifyAdapter).setOnRequestHook((request, _reply, done) => {
    asked.push(request.url);
    done();
  });
  nest.use((request: object, _response: unknown, next: (error?: unknown) => void) => {
    sessions.open(request).then(() => next(), next);
  });
}

describe('a hook of the application on the requests of Fastify', () => {
  it('keeps no session of middleware from being saved', async () => {
    asked = [];
    app = await SessionApp.start('fastify', {
      session: { secret: 'x'.repeat(32), cookie: { secure: false } },
      controllers: [CountingController],
      setUp,
    });
    const client = app.client();
    await client.get('/visits');
    expect(await (await client.get('/visits')).json()).toEqual({ visits: 2 });
    expect(asked).toEqual(['/visits', '/visits']);
    expect(app.warnings).toEqual([]);
  });
});
