import {
  ArgumentsHost,
  CallHandler,
  CanActivate,
  Catch,
  Controller,
  Delete,
  ExceptionFilter,
  ExecutionContext,
  Get,
  HttpException,
  Inject,
  Injectable,
  NestInterceptor,
  Param,
  ParseIntPipe,
  Post,
  Put,
  Req,
  Session as NestSession,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { tap, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SESSION_STORE, SessionGuard, SessionService, type SessionStore } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

interface Data {
  user: { name: string };
  count: number;
}

@Injectable()
class OpeningGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.open<Data>(context)).user?.name === 'ada';
  }
}

@Injectable()
class CountingInterceptor implements NestInterceptor {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const session = await this.sessions.open<Data>(context);
    return next.handle().pipe(tap(() => (session.count = (session.count ?? 0) + 1)));
  }
}

@Catch(HttpException)
@Injectable()
class TellingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  catch(error: HttpException, host: ArgumentsHost): void {
    const name = this.sessions.opened<Data>(host)?.user?.name ?? 'nobody';
    const reply = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    reply.status(error.getStatus()).send({ name });
  }
}

abstract class BaseController {
  @Get('inherited')
  inherited(@Session('user') user: unknown): unknown {
    return { user: user ?? null };
  }
}

@Controller()
class AccessController extends BaseController {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionService) private readonly sessions: SessionService,
  ) {
    super();
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate({ keep: true });
    session.user = { name: 'ada' };
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }

  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session('user') user: unknown): unknown {
    return user;
  }

  @Get('guarded')
  @UseGuards(SessionGuard)
  guarded(@Req() request: { session: Session<Data> }): unknown {
    return request.session.user;
  }

  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { count: session.count ?? null };
  }

  @Put('count')
  count(@Session() session: Session<Data>): object {
    session.count = (session.count ?? 0) + 1;
    return { count: session.count };
  }

  @Put('rename/:name')
  rename(@Session('user') user: { name: string }, @Param('name') name: string): void {
    user.name = name;
  }

  @Get('piped')
  piped(@Session('count', ParseIntPipe) count: number): object {
    return { count };
  }

  @Get('nest')
  nest(@NestSession() theirs: unknown, @Session() ours: unknown): object {
    return { same: theirs === ours };
  }

  @Put('nest-count')
  nestCount(@NestSession() session: Session<Data>): object {
    session.count = (session.count ?? 0) + 10;
    return { count: session.count };
  }

  @Get('same')
  async same(@Session() session: unknown, @Req() request: { session: unknown }): Promise<object> {
    const opened = await this.sessions.open(request);
    return { same: [opened, this.sessions.opened(request), request.session].every((other) => other === session) };
  }

  @Get('opened')
  opened(@Req() request: object): object {
    return { open: this.sessions.opened(request) !== undefined };
  }

  @Get('late-open')
  async lateOpen(@Req() request: object): Promise<object> {
    const session = await this.sessions.open<Data>(request);
    session.count = 99;
    return { count: 99 };
  }

  @UseGuards(OpeningGuard)
  @UseFilters(TellingFilter)
  @Get('by-guard')
  byGuard(): string {
    return 'passed';
  }

  @UseInterceptors(CountingInterceptor)
  @Get('by-interceptor')
  byInterceptor(): string {
    return 'counted';
  }

  @UseFilters(TellingFilter)
  @Get('by-filter')
  byFilter(@Session() session: Session<Data>): never {
    session.count = 7;
    throw new HttpException('no', 409);
  }

  @Get('store')
  async cached(): Promise<object> {
    await this.store.set('random_key', 'val', 3600);
    const value = await this.store.get('random_key');
    return { value, deleted: await this.store.delete('random_key'), again: await this.store.delete('random_key') };
  }

  @Delete('keys/:key')
  remove(@Param('key') key: string): Promise<boolean> {
    return this.store.delete(key);
  }
}

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;

  beforeEach(async () => {
    store = new SpyStore();
    app = await SessionApp.start(platform, {
      session: { store },
      controllers: [AccessController],
      providers: [OpeningGuard, CountingInterceptor, TellingFilter],
    });
  });

  afterEach(() => app.close());

  it('signs in, knows the user, and signs out', async () => {
    const client = app.client();
    expect((await client.get('/me')).status).toBe(401);
    expect((await client.post('/login')).cookie()).toMatch(
      /^session=[\w-]{32}; Max-Age=1209600; Path=\/; Expires=.+ GMT; HttpOnly; SameSite=Lax$/,
    );
    expect(await (await client.get('/me')).json()).toEqual({ name: 'ada' });
    const out = await client.post('/logout');
    expect(out.cookie()).toMatch(
      /^session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/,
    );
    expect(client.jar.size).toBe(0);
    expect((await client.get('/me')).status).toBe(401);
  });

  it('gives every asker the same object', async () => {
    const client = app.client();
    expect(await (await client.get('/same')).json()).toEqual({ same: true });
    expect(await (await client.get('/nest')).json()).toEqual({ same: true });
  });

  it("saves what a handler with Nest's own @Session() wrote", async () => {
    const client = app.client();
    await client.send('PUT', '/nest-count');
    expect(await (await client.send('PUT', '/nest-count')).json()).toEqual({ count: 20 });
  });

  it('hands out one key, sees nested changes in it, and runs pipes on it', async () => {
    const client = app.client();
    await client.post('/login');
    await client.send('PUT', '/rename/grace');
    expect(await (await client.get('/me')).json()).toEqual({ name: 'grace' });
    expect((await client.get('/piped')).status).toBe(400);
    await client.send('PUT', '/count');
    expect(await (await client.get('/piped')).json()).toEqual({ count: 1 });
  });

  it('opens ahead for inherited handlers', async () => {
    const client = app.client();
    await client.post('/login');
    expect(await (await client.get('/inherited')).json()).toEqual({ user: { name: 'ada' } });
  });

  it('shows the session on the request of a guarded handler', async () => {
    const client = app.client();
    await client.post('/login');
    expect(await (await client.get('/guarded')).json()).toEqual({ name: 'ada' });
  });

  it('is open to guards, interceptors and filters', async () => {
    const client = app.client();
    expect(await (await client.get('/by-guard')).json()).toEqual({ name: 'nobody' });
    await client.post('/login');
    expect(await (await client.get('/by-guard')).text()).toBe('passed');
    await client.get('/by-interceptor');
    expect(await (await client.get('/read')).json()).toEqual({ count: 1 });
    const refused = await client.get('/by-filter');
    expect([refused.status, await refused.json()]).toEqual([409, { name: 'ada' }]);
    expect(await (await client.get('/read')).json()).toEqual({ count: 7 });
  });

  it('is not open on a route that does not ask, and opens late where asked late', async () => {
    const client = app.client();
    await client.post('/login');
    expect(await (await client.get('/opened')).json()).toEqual({ open: false });
    await client.get('/late-open');
    expect(await (await client.get('/read')).json()).toEqual({ count: 99 });
  });

  it('gives direct access to the back-end', async () => {
    expect(await (await app.client().get('/store')).json()).toEqual({ value: 'val', deleted: true, again: false });
  });

  describe('counts store calls:', () => {
    it('none, and no cookie, on a route that does not ask', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      const answer = await client.get('/plain');
      expect(store.taken()).toBe('');
      expect(answer.setCookie).toEqual([]);
      expect(answer.header('vary')).toBeUndefined();
    });

    it('none for a visitor without a cookie, until something is written: then one write', async () => {
      const client = app.client();
      await client.get('/read');
      expect((await client.get('/me')).status).toBe(401);
      expect(store.taken()).toBe('');
      await client.send('PUT', '/count');
      expect(store.taken()).toBe('create');
    });

    it('one read for a read, one read and one write for a change', async () => {
      const client = app.client();
      await client.send('PUT', '/count');
      store.taken();
      await client.get('/read');
      expect(store.taken()).toBe('read');
      await client.send('PUT', '/count');
      expect(store.taken()).toBe('read replace');
    });

    it('one read for a guard, a decorator and a service together', async () => {
      const client = app.client();
      await client.post('/login');
      store.taken();
      await client.get('/me');
      expect(store.taken()).toBe('read');
    });

    it('ten reads and no write for ten unmodified requests', async () => {
      const client = app.client();
      await client.send('PUT', '/count');
      store.taken();
      for (let request = 0; request < 10; request++) await client.get('/read');
      expect(store.taken()).toBe(Array.from({ length: 10 }, () => 'read').join(' '));
    });
  });

  it('says that the answer depends on the cookie, and forbids to store the one that sets it', async () => {
    const client = app.client();
    const first = await client.send('PUT', '/count');
    expect([first.header('vary'), first.header('cache-control')]).toEqual(['Cookie', 'no-store']);
    const second = await client.get('/read');
    expect([second.header('vary'), second.header('cache-control')]).toEqual(['Cookie', undefined]);
  });
});
