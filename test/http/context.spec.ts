import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

import {
  BadRequestException,
  Body,
  CanActivate,
  Catch,
  Controller,
  ExceptionFilter,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  OnApplicationBootstrap,
  Param,
  PipeTransform,
  Post,
  Query,
  Req,
  Scope,
  Sse,
  StreamableFile,
  UseFilters,
  UploadedFile,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { FileInterceptor } from '@nestjs/platform-express';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { from, map, mergeMap, Observable, of } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionConfigurationError, SessionModule, SessionService } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms } from '../fixtures/platforms.js';
import { pipeline } from '../fixtures/raw-exchange.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string; seen: number; places: string[] };
type AnySession = Session<Data>;

/** Knows no request. */
@Injectable()
class AccountService {
  constructor(@Inject(SessionService) readonly sessions: SessionService) {}

  current(): Promise<AnySession> {
    return this.sessions.current<Data>();
  }

  async user(): Promise<string | undefined> {
    return (await this.current()).user;
  }

  async login(user: string): Promise<void> {
    (await this.current()).user = user;
  }

  /** Asks again and again, with a pause of another length each time. */
  async users(pauses: readonly number[]): Promise<string[]> {
    const found: string[] = [];
    for (const pause of pauses) {
      found.push((await this.user()) ?? 'nobody');
      if (pause === 0) await new Promise((resolve) => void setImmediate(resolve));
      else await wait(pause);
    }
    return [...found, (await this.user()) ?? 'nobody'];
  }
}

/** Notes in the session of the request which parts of Nest have found it, and whether it is one object. */
@Injectable()
class Notes {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  async add(place: string): Promise<void> {
    const session = await this.accounts.current();
    session.places = [...(session.places ?? []), place];
  }
}

@Injectable()
class NotingMiddleware implements NestMiddleware {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  async use(_request: object, _response: object, next: () => void): Promise<void> {
    await this.notes.add('middleware');
    next();
  }
}

@Injectable()
class NotingGuard implements CanActivate {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  async canActivate(): Promise<boolean> {
    await this.notes.add('guard');
    return true;
  }
}

@Injectable()
class NotingInterceptor implements NestInterceptor {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  async intercept(_context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await this.notes.add('interceptor');
    return next.handle().pipe(mergeMap((value: unknown) => from(this.notes.add('after')).pipe(map(() => value))));
  }
}

@Injectable()
class NotingPipe implements PipeTransform {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  async transform(value: unknown): Promise<unknown> {
    await this.notes.add('pipe');
    return value;
  }
}

@Catch(BadRequestException)
@Injectable()
class NotingFilter implements ExceptionFilter {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  async catch(error: HttpException, host: ArgumentsHost): Promise<void> {
    await this.notes.add('filter');
    host.switchToHttp().getResponse<Reply>().status(error.getStatus()).send({ from: 'filter' });
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly #opening: Promise<AnySession>;

  constructor(@Inject(AccountService) accounts: AccountService) {
    this.#opening = accounts.current();
  }

  async user(): Promise<string | undefined> {
    return (await this.#opening).user;
  }
}

@Controller('per-request')
class PerRequestController {
  constructor(@Inject(PerRequest) private readonly perRequest: PerRequest) {}

  @Get()
  async user(): Promise<object> {
    return { user: await this.perRequest.user() };
  }
}

const events = new EventEmitter();

/** Listens as `@OnEvent()` lets a provider listen: nothing injects it, and the emitter knows no request. */
@Injectable()
class Listener implements OnApplicationBootstrap {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  onApplicationBootstrap(): void {
    events.removeAllListeners().on('ordered', (done: (user: string) => void) => {
      setImmediate(() => void this.accounts.user().then((user) => done(user ?? 'nobody')));
    });
  }
}

/** Takes no session, and so can have one through its service alone. */
@Controller()
class AccountController {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Post('login/:user')
  async login(@Param('user') user: string): Promise<void> {
    await this.accounts.login(user);
  }

  @Post('login-with-body')
  async loginWithBody(@Body() body: { user: string }): Promise<object> {
    await this.accounts.login(body.user);
    return { user: await this.accounts.user() };
  }

  @Get('user')
  async user(): Promise<object> {
    return { user: (await this.accounts.user()) ?? null };
  }

  @Get('users')
  users(@Query('pauses') pauses: string): Promise<string[]> {
    return this.accounts.users(pauses.split(',').map(Number));
  }

  @Get('same')
  async same(@Session() session: AnySession, @Req() request: { session: unknown }): Promise<object> {
    const opened = [session, request.session, await this.accounts.sessions.open(request)];
    const again = await Promise.all([this.accounts.current(), this.accounts.current()]);
    return { same: [...opened, ...again].every((other) => other === again[0]) };
  }

  @Get('ordered')
  ordered(): Promise<object> {
    return new Promise((resolve) => void events.emit('ordered', (user: string) => resolve({ user })));
  }

  @Get('observable')
  observable(): Observable<object> {
    return of(1).pipe(mergeMap(async () => ({ user: await this.accounts.user() })));
  }

  @Get('streamed')
  streamed(): StreamableFile {
    const { accounts } = this;
    async function* users(): AsyncGenerator<string> {
      for (let at = 0; at < 3; at++) {
        await new Promise((resolve) => void setImmediate(resolve));
        yield `${await accounts.user()};`;
      }
    }
    return new StreamableFile(Readable.from(users(), { objectMode: false }));
  }

  @Sse('events')
  events(): Observable<{ data: string }> {
    return from([5, 1]).pipe(mergeMap(async (pause) => ({ data: (await this.accounts.users([pause])).join() })));
  }

  @Get('in-update')
  async inUpdate(): Promise<object> {
    const session = await this.accounts.current();
    const found: unknown[] = [];
    await session.update(async (data) => {
      const inside = await this.accounts.current();
      const error = await inside.save().catch((reason: unknown) => reason);
      found.push(inside === session, error instanceof SessionConfigurationError);
      data.seen = (data.seen ?? 0) + 1;
    });
    return { found, seen: (await this.accounts.current()).seen };
  }

  @Post('listened')
  listened(@Req() request: { raw?: Readable } & Readable): Promise<object> {
    const stream = request.raw ?? request;
    const found: Record<string, string> = {};
    const look = (name: string) => async (): Promise<void> => {
      found[name] = (await this.accounts.user().catch((error: Error) => error.name)) ?? 'nobody';
    };
    return new Promise((resolve) => {
      const looking: Promise<void>[] = [];
      stream.once(
        'end',
        AsyncResource.bind(() => looking.push(look('bound')())),
      );
      stream.once('end', () => looking.push(look('other')()));
      stream.once('end', () => void Promise.all(looking).then(() => resolve(found)));
      stream.resume();
    });
  }

  @Get('plain')
  plain(): object {
    return {};
  }

  @UseGuards(NotingGuard)
  @UseInterceptors(NotingInterceptor)
  @Get('noted/:id')
  async noted(@Param('id', NotingPipe) id: string): Promise<object> {
    await new Notes(this.accounts).add(`handler ${id}`);
    return { places: (await this.accounts.current()).places };
  }

  @UseFilters(NotingFilter)
  @Get('thrown')
  thrown(): never {
    throw new BadRequestException();
  }

  @Get('places')
  async places(): Promise<object> {
    return { places: (await this.accounts.current()).places };
  }
}

@Module({ providers: [AccountService, Notes] })
class NotingModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(NotingMiddleware).forRoutes('noted/*path', 'thrown');
  }
}

@Catch()
class ShowingFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Reply>().status(500).send(String(error));
  }
}

const PARTS = {
  controllers: [AccountController, PerRequestController],
  providers: [AccountService, Notes, PerRequest, Listener],
  imports: [NotingModule],
};

/** Sends a request whose body comes in parts, each sent when the server has had time to read the one before. */
async function slowPosts(
  port: number,
  [path, type]: readonly [path: string, type: string],
  bodies: readonly string[],
): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  let seen = '';
  let arrived = (): void => undefined;
  socket.on('data', (chunk) => {
    seen += chunk.toString();
    arrived();
  });
  const found: string[] = [];
  for (const body of bodies) {
    const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', `Content-Type: ${type}`];
    socket.write([...head, `Content-Length: ${body.length}`, '\r\n'].join('\r\n'));
    for (const part of [body.slice(0, 3), body.slice(3, 7), body.slice(7)]) {
      await wait(5);
      socket.write(part);
    }
    while (!seen.endsWith('}')) await new Promise<void>((resolve) => (arrived = resolve));
    found.push(seen.slice(seen.indexOf('\r\n\r\n') + 4));
    seen = '';
  }
  socket.destroy();
  return found;
}

describe.each(platforms)('a service that asks for the current session on %s', (platform) => {
  const store = new SpyStore();
  let app: SessionApp;
  let client: Client;

  beforeAll(async () => {
    app = await SessionApp.start(platform, {
      session: { store, context: true },
      ...PARTS,
      setUp: (nest) => {
        // Fastify refuses a body whose type it does not know; Express leaves it to the handler, as this does.
        const server = nest.getHttpAdapter().getInstance() as Partial<FastifyInstance>;
        server.addContentTypeParser?.('x/y', (_request, _payload, done) => done(null));
      },
    });
  });

  beforeEach(async () => {
    client = app.client();
    await client.post('/login/ada');
    store.taken();
  });

  afterAll(() => app.close());

  it('gets the session of the request that it runs in', async () => {
    expect(await (await client.get('/user')).json()).toEqual({ user: 'ada' });
    expect(await (await app.client().get('/user')).json()).toEqual({ user: null });
  });

  it('gets the object that everyone else gets, with one read', async () => {
    expect(await (await client.get('/same')).json()).toEqual({ same: true });
    expect(store.taken()).toBe('read');
  });

  it('costs a route that does not ask no store command and no cookie', async () => {
    const answer = await client.get('/plain');
    expect([answer.setCookie, answer.header('vary'), store.taken()]).toEqual([[], undefined, '']);
  });

  it('is saved before the response when nothing else touches the session', async () => {
    const order: string[] = [];
    const gate = store.pause('create');
    const answering = app
      .client()
      .post('/login/eve')
      .then((answer) => {
        order.push('answered');
        return answer;
      });
    await gate.reached;
    await client.get('/plain');
    order.push('saved');
    gate.open();
    expect((await answering).cookie()).toBeDefined();
    expect(order).toEqual(['saved', 'answered']);
  });

  it('meets the exception filters with a save that fails', async () => {
    store.failing.add('create');
    const answer = await app.client().post('/login/eve');
    store.failing.clear();
    expect([answer.status, answer.header('retry-after'), answer.setCookie]).toEqual([503, expect.any(String), []]);
  });

  it('meets an outage as an error, not as an empty session', async () => {
    store.failing.add('read');
    const answer = await client.get('/user');
    store.failing.clear();
    expect(answer.status).toBe(503);
  });

  it('gets it in middleware, guards, interceptors, pipes and handlers', async () => {
    const answer = await client.get('/noted/1');
    const places = ['middleware', 'guard', 'interceptor', 'pipe', 'handler 1'];
    expect(await answer.json()).toEqual({ places });
    expect(await (await client.get('/places')).json()).toEqual({ places: [...places, 'after'] });
    expect(store.taken()).toBe('read replace read');
  });

  it('gets it in exception filters', async () => {
    expect(await (await client.get('/thrown')).json()).toEqual({ from: 'filter' });
    expect(await (await client.get('/places')).json()).toEqual({ places: ['middleware', 'filter'] });
  });

  it.each([
    ['an Observable', '/observable', '{"user":"ada"}'],
    ['a stream', '/streamed', 'ada;ada;ada;'],
    ['a request-scoped provider', '/per-request', '{"user":"ada"}'],
    ['the listener of an event emitter', '/ordered', '{"user":"ada"}'],
  ])('gets it in %s', async (_where, path, text) => {
    expect(await (await client.get(path)).text()).toBe(text);
    expect(store.taken()).toBe('read');
  });

  it('gets it in an event stream', async () => {
    const stream = await (await client.get('/events')).text();
    expect(stream.match(/data: .*/g)).toEqual(['data: ada,ada', 'data: ada,ada']);
  });

  it('gets it in the function of an update, where the methods of the session still reject', async () => {
    expect(await (await client.get('/in-update')).json()).toEqual({ found: [true, true], seen: 1 });
  });

  it('gets it after a body that came in parts, on a connection that is kept', async () => {
    const users = ['first', 'second', 'third'];
    const found = await slowPosts(
      app.port,
      ['/login-with-body', 'application/json'],
      users.map((user) => JSON.stringify({ user })),
    );
    expect(found.map((text) => JSON.parse(text) as object)).toEqual(users.map((user) => ({ user })));
  });

  it('gets it in the bound listener of an event of the connection, and not in another one', async () => {
    const answer = await client.post('/listened', { headers: { 'content-type': 'x/y' }, body: 'body' });
    expect(await answer.json()).toEqual({ bound: 'ada', other: 'SessionConfigurationError' });
  });

  it('gets that of each of the requests that were sent at once on one connection', async () => {
    const headers = [`Cookie: ${client.cookieHeader}`];
    const answers = await pipeline(app.port, ['GET /users?pauses=3,0', 'GET /user', 'GET /users?pauses=0'], headers);
    expect(answers.map(({ body }) => body.toString())).toEqual([
      '["ada","ada","ada"]',
      '{"user":"ada"}',
      '["ada","ada"]',
    ]);
  });

  it('is refused outside a request', async () => {
    const accounts = app.app.get(AccountService);
    await expect(accounts.current()).rejects.toThrow(SessionConfigurationError);
    await expect(accounts.current()).rejects.toThrow('sessions.current() was called outside any request');
  });
});

@Injectable()
class EagerService implements OnApplicationBootstrap {
  outcome: unknown;

  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  async onApplicationBootstrap(): Promise<void> {
    this.outcome = await this.accounts.user().catch(String);
  }
}

describe.each(platforms)('the current session on %s', (platform) => {
  let app: SessionApp | undefined;

  afterEach(() => app?.close());

  it('needs the option `context`, and the error says so', async () => {
    const filter = { provide: APP_FILTER, useClass: ShowingFilter };
    app = await SessionApp.start(platform, { ...PARTS, providers: [...PARTS.providers, filter] });
    const answer = await app.client().get('/user');
    expect(await answer.text()).toBe(
      'SessionConfigurationError: sessions.current() needs `context: true` among the options of the SessionModule: set it, or open the session of a request or context with sessions.open(source).',
    );
  });

  it('does not exist in a start-up hook, and the error says so', async () => {
    const providers = [...PARTS.providers, EagerService];
    app = await SessionApp.start(platform, { ...PARTS, session: { context: true }, providers });
    expect(app.app.get(EagerService).outcome).toContain('sessions.current() was called outside any request');
  });

  it('is found when a factory makes the options', async () => {
    class FactoryModule {}
    const sessions = SessionModule.forRootAsync({ useFactory: () => ({ context: true }) });
    Module({ ...PARTS, imports: [sessions, NotingModule] })(FactoryModule);
    const nest = await createOn(platform, FactoryModule, { logger: false });
    await nest.listen(0, '127.0.0.1');
    const client = new Client((nest.getHttpServer().address() as AddressInfo).port);
    await client.post('/login/ada');
    expect(await (await client.get('/user')).json()).toEqual({ user: 'ada' });
    await nest.close();
  });

  it('keeps the hook that the application sets on the adapter of Fastify', async () => {
    if (platform !== 'fastify') return;
    const seen: unknown[] = [];
    app = await SessionApp.start(platform, {
      ...PARTS,
      session: { context: true },
      setUp: (nest) => {
        const accounts = nest.get(AccountService);
        (nest.getHttpAdapter() as FastifyAdapter).setOnRequestHook((_request, _reply, done) => {
          void accounts.user().then((user) => {
            seen.push(user);
            done();
          });
        });
      },
    });
    const client = app.client();
    await client.post('/login/ada');
    expect(await (await client.get('/user')).json()).toEqual({ user: 'ada' });
    expect(seen).toEqual([undefined, 'ada']);
  });
});

describe('a service that asks for the current session after multer on express', () => {
  @Controller()
  class UploadController {
    constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

    @UseInterceptors(FileInterceptor('file'))
    @Post('upload')
    async upload(@UploadedFile() file: { size: number }): Promise<object> {
      await this.accounts.login(`sent ${file.size}`);
      return { user: await this.accounts.user() };
    }
  }

  it('gets it after a file that came in parts', async () => {
    const controllers = [UploadController];
    const app = await SessionApp.start('express', { ...PARTS, session: { context: true }, controllers });
    const head = ['--b', 'Content-Disposition: form-data; name="file"; filename="a"', '\r\n'].join('\r\n');
    const type = 'multipart/form-data; boundary=b';
    expect(await slowPosts(app.port, ['/upload', type], [`${head}the file\r\n--b--\r\n`])).toEqual([
      '{"user":"sent 8"}',
    ]);
    await app.close();
  });
});
