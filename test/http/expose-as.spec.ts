import { Controller, Get, Inject, Post, Req, Session as NestSession } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { Session, SessionModule, SessionService, type SessionModuleOptions } from '../../lib/index.js';
import { checkedPropertyName } from '../../lib/options/request-properties.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';

type Data = { visits: number; user: string };

type ShowingRequest = Readonly<Record<string, unknown>> & { readonly httpSession?: Session<Data> };

/** The properties of the request under which this object shows. */
function namesOf(request: ShowingRequest, session: object): string[] {
  return Object.keys(request).filter((name) => request[name] === session);
}

@Controller()
class ShowingController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Get('names')
  names(@Session() session: Session<Data>, @Req() request: ShowingRequest): object {
    session.visits = (session.visits ?? 0) + 1;
    return { visits: session.visits, names: namesOf(request, session) };
  }

  /** Every name that this request has. */
  @Get('properties')
  properties(@Req() request: object): string[] {
    const names: string[] = [];
    for (let owner: object | null = request; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
      names.push(...Object.getOwnPropertyNames(owner));
    }
    return names;
  }

  @Post('login')
  login(@Session() session: Session<Data>, @Req() request: ShowingRequest): Promise<object> {
    return new Promise((resolve) =>
      session.regenerate(() => {
        const current = this.sessions.opened<Data>(request);
        if (current !== undefined) current.user = 'ada';
        resolve({ isNew: current !== session, names: namesOf(request, current ?? {}) });
      }),
    );
  }
}

@Controller()
class NestController {
  @Get('nest')
  nest(@NestSession() session: object): object {
    return { ...session };
  }
}

@Controller()
class AdminController {
  @Get('admin')
  admin(@Session() session: Session, @Session.of('admin') admin: Session, @Req() request: ShowingRequest): object {
    return { session: namesOf(request, session), admin: namesOf(request, admin) };
  }
}

describe.each(platforms)('exposeAs on %s', (platform) => {
  let app: SessionApp | undefined;

  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  async function start(session: SessionModuleOptions, more: SessionAppOptions = {}): Promise<SessionApp> {
    app = await SessionApp.start(platform, { session, controllers: [ShowingController], ...more });
    return app;
  }

  it.each([
    ['session', {}],
    ['session', { exposeAs: 'session' }],
    ['httpSession', { exposeAs: 'httpSession' }],
    ['$', { exposeAs: '$' }],
  ])('shows the session as request.%s with %j', async (name, options) => {
    const client = (await start(options)).client();
    expect(await (await client.get('/names')).json()).toEqual({ visits: 1, names: [name] });
    expect(await (await client.get('/names')).json()).toEqual({ visits: 2, names: [name] });
    expect(await (await client.post('/login')).json()).toEqual({ isNew: true, names: [name] });
  });

  it('takes no name that a request has already', async () => {
    const client = (await start({})).client();
    const names = await (await client.get('/properties')).json<string[]>();
    expect(names).toEqual(expect.arrayContaining(['headers', 'url', platform === 'express' ? 'rawHeaders' : 'raw']));
    const accepted = names.filter((name) => {
      try {
        return checkedPropertyName(name) === name;
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual([]);
  });

  it('shows the session nowhere with false', async () => {
    const client = (await start({ exposeAs: false })).client();
    expect(await (await client.get('/names')).json()).toEqual({ visits: 1, names: [] });
    expect(await (await client.post('/login')).json()).toEqual({ isNew: true, names: [] });
  });

  it('leaves request.session to another library, and gives the session to @Session() all the same', async () => {
    const started = await start(
      { exposeAs: 'httpSession' },
      {
        setUp: (nest) => {
          nest.use((request: { session?: object }, _response: unknown, next: () => void) => {
            request.session = { theirs: true };
            next();
          });
        },
      },
    );
    expect(await (await started.client().get('/names')).json()).toEqual({ visits: 1, names: ['httpSession'] });
    expect(started.warnings).toEqual([]);
  });

  it('shows the session where the application has told Fastify that there will be one', async () => {
    const decorate = (name: string, value: unknown): SessionAppOptions => ({
      setUp: (nest) => {
        if (platform !== 'fastify') return;
        (nest.getHttpAdapter().getInstance() as FastifyInstance).decorateRequest(name, value);
      },
    });
    for (const value of [null, undefined]) {
      const started = await start({}, decorate('session', value));
      expect(await (await started.client().get('/names')).json()).toEqual({ visits: 1, names: ['session'] });
      await started.close();
    }
    app = undefined;
  });

  it.each([
    ["'httpSession'", 'httpSession'],
    ['false', false],
  ] as const)("refuses to start with %s where a handler takes Nest's own @Session()", async (shown, exposeAs) => {
    await expect(start({ exposeAs }, { controllers: [NestController] })).rejects.toThrow(
      `NestController.nest takes @Session() of @nestjs/common, which reads request.session, but exposeAs is ${shown}: import Session from 'nest-session'.`,
    );
  });

  it('shows the session of a module with a name where it is told to, and nowhere else', async () => {
    const controllers = [AdminController];
    const first = await start({}, { imports: [SessionModule.forRoot({ name: 'admin' })], controllers });
    expect(await (await first.client().get('/admin')).json()).toEqual({ session: ['session'], admin: [] });
    await first.close();
    const imports = [SessionModule.forRoot({ name: 'admin', exposeAs: 'adminSession' })];
    const second = await start({}, { imports, controllers });
    expect(await (await second.client().get('/admin')).json()).toEqual({
      session: ['session'],
      admin: ['adminSession'],
    });
  });

  it('refuses two modules under one name of the request', async () => {
    const imports = [SessionModule.forRoot({ name: 'admin', exposeAs: 'session' })];
    await expect(start({}, { imports })).rejects.toThrow(
      "The SessionModules 'default' and 'admin' both show their session as request.session: give one of them another `exposeAs`, or leave it out where the module has a name.",
    );
  });
});
