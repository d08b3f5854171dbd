import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';

import {
  ArgumentsHost,
  BadRequestException,
  CanActivate,
  Catch,
  Controller,
  ExceptionFilter,
  ExecutionContext,
  Get,
  Head,
  HttpException,
  Inject,
  Injectable,
  NotFoundException,
  Options,
  Param,
  PipeTransform,
  Post,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  UseFilters,
  UseGuards,
  UsePipes,
} from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Observable, of } from 'rxjs';

import { Session, SessionService } from '../../lib/index.js';
import type { Answer, Client } from '../fixtures/client.js';
import { nestMajor, platforms, type Platform } from '../fixtures/platforms.js';
import { rawOf, takenOver, type Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Marked = Session<{ mark: string; user: string }>;

@Injectable()
class RefusingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.open<{ mark: string }>(context);
    session.mark = markOf(context);
    return false;
  }
}

@Injectable()
class MarkingGuard extends RefusingGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    return true;
  }
}

@Injectable()
class ThrowingPipe implements PipeTransform {
  transform(value: unknown): unknown {
    if (value === 'never') return value;
    throw new BadRequestException('the pipe refuses');
  }
}

@Catch(NotFoundException)
@Injectable()
class MarkingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async catch(error: HttpException, host: ArgumentsHost): Promise<void> {
    const session = await this.sessions.open<{ mark: string }>(host);
    session.mark = markOf(host);
    const reply = host.switchToHttp().getResponse<Reply>();
    reply.status(error.getStatus()).send({ from: 'filter' });
  }
}

function markOf(host: ArgumentsHost): string {
  const { url } = host.switchToHttp().getRequest<{ url: string }>();
  return url.split('=')[1] ?? '';
}

const ticks = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

@Controller()
class AnswersController {
  @Get('mark')
  mark(@Session() session: Marked): object {
    return { mark: session.mark ?? null };
  }

  @Get('start')
  start(@Session() session: Marked): string {
    session.user = 'ada';
    return 'started';
  }

  @Get('value/:mark')
  value(@Session() session: Marked, @Param('mark') mark: string): object {
    session.mark = mark;
    return { mark };
  }

  @Head('head/:mark')
  head(@Session() session: Marked, @Param('mark') mark: string): void {
    session.mark = mark;
  }

  @Options('options/:mark')
  options(@Session() session: Marked, @Param('mark') mark: string): string {
    session.mark = mark;
    return 'fine';
  }

  @Get('observable/:mark')
  observable(@Session() session: Marked, @Param('mark') mark: string): Observable<string> {
    return new Observable((subscriber) => {
      session.mark = mark;
      subscriber.next('seen');
      subscriber.complete();
    });
  }

  @Get('thrown/:mark')
  thrown(@Session() session: Marked, @Param('mark') mark: string): never {
    session.mark = mark;
    throw new BadRequestException('thrown');
  }

  @UseGuards(RefusingGuard)
  @Get('refused')
  refused(): string {
    return 'never';
  }

  @UseGuards(MarkingGuard)
  @UsePipes(ThrowingPipe)
  @Get('pipe/:anything')
  pipeFails(@Param('anything') anything: string): string {
    return anything;
  }

  @UseFilters(MarkingFilter)
  @Get('filtered')
  filtered(): never {
    throw new NotFoundException();
  }

  @Get('send/:mark')
  send(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    reply.send('sent');
  }

  @Get('json/:mark')
  json(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    reply.send({ sent: true });
  }

  @Get('end/:mark')
  end(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    takenOver(reply).end('ended');
  }

  @Get('end-empty/:mark')
  endEmpty(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    takenOver(reply).end();
  }

  @Get('write-head/:mark')
  writeHead(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    takenOver(reply).writeHead(202, { 'Content-Type': 'text/plain', 'Set-Cookie': 'other=1' }).end('written');
  }

  @Get('redirect/:mark')
  redirect(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    // On Fastify, Nest has set the status 200 before, and redirect() keeps it.
    reply.status(302).redirect('/elsewhere');
  }

  @Get('late/:mark')
  late(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    setImmediate(() => {
      session.mark = mark;
      reply.send('late');
    });
  }

  @Get('passthrough/:mark')
  passthrough(
    @Session() session: Marked,
    @Param('mark') mark: string,
    @Res({ passthrough: true }) reply: Reply,
  ): string {
    session.mark = mark;
    reply.header('X-Passed', 'through');
    return 'passed';
  }

  @Redirect('/elsewhere', 302)
  @Get('redirect-decorator/:mark')
  redirectDecorator(@Session() session: Marked, @Param('mark') mark: string): void {
    session.mark = mark;
  }

  @Get('streamable/:mark')
  streamable(@Session() session: Marked, @Param('mark') mark: string): StreamableFile {
    session.mark = mark;
    return new StreamableFile(Buffer.from('file'));
  }

  @Sse('sse/:mark')
  sse(@Session() session: Marked, @Param('mark') mark: string): Observable<{ data: string }> {
    session.mark = mark;
    return of({ data: 'one' }, { data: 'two' });
  }

  @Get('write/:mark')
  async write(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): Promise<void> {
    session.mark = mark;
    const raw = takenOver(reply);
    raw.write('one ');
    await ticks();
    raw.write('two ');
    raw.end('three');
  }

  @Get('piped/:mark')
  piped(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    Readable.from(['one ', 'two ', 'three']).pipe(takenOver(reply));
  }

  @Get('flushed/:mark')
  async flushed(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): Promise<void> {
    session.mark = mark;
    takenOver(reply).flushHeaders();
    await ticks();
    rawOf(reply).end('flushed');
  }

  @Get('double/:mark')
  double(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    reply.send('first');
    reply.send('second');
  }

  @Get('throws-after-send/:mark')
  throwsAfterSend(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    reply.send('first');
    throw new Error('too late');
  }

  @Get('generator/:mark')
  async *generator(@Session() session: Marked, @Param('mark') mark: string): AsyncGenerator<string> {
    session.mark = mark;
    await ticks();
    yield 'one ';
    yield 'two';
  }

  @Get('web-response/:mark')
  webResponse(@Session() session: Marked, @Param('mark') mark: string): Response {
    session.mark = mark;
    return new Response('web', { status: 201, headers: { 'x-web': 'yes' } });
  }

  @Post('promised/:mark')
  async promised(@Session() session: Marked, @Param('mark') mark: string): Promise<object> {
    await ticks();
    session.mark = mark;
    return { mark };
  }
}

interface Case {
  readonly name: string;
  readonly path: (mark: string) => string;
  readonly status: number;
  readonly method?: string;
  readonly body?: string;
}

const by =
  (route: string) =>
  (mark: string): string =>
    `/${route}/${mark}`;

const cases: readonly Case[] = [
  { name: 'a value', path: by('value'), status: 200 },
  { name: 'a promise', path: by('promised'), status: 201, method: 'POST' },
  { name: 'an Observable', path: by('observable'), status: 200, body: 'seen' },
  { name: 'a thrown error', path: by('thrown'), status: 400 },
  { name: 'a guard that refuses', path: (mark) => `/refused?mark=${mark}`, status: 403 },
  { name: 'a pipe that fails', path: (mark) => `/pipe/x?mark=${mark}`, status: 400 },
  { name: 'a filter that changes the session', path: (mark) => `/filtered?mark=${mark}`, status: 404 },
  { name: '@Res() send', path: by('send'), status: 200, body: 'sent' },
  { name: '@Res() json', path: by('json'), status: 200, body: '{"sent":true}' },
  { name: '@Res() end', path: by('end'), status: 200, body: 'ended' },
  { name: '@Res() end without a body', path: by('end-empty'), status: 200, body: '' },
  { name: '@Res() writeHead', path: by('write-head'), status: 202, body: 'written' },
  { name: '@Res() redirect', path: by('redirect'), status: 302 },
  { name: '@Res() answered late', path: by('late'), status: 200, body: 'late' },
  { name: '@Res({ passthrough: true })', path: by('passthrough'), status: 200, body: 'passed' },
  { name: '@Redirect()', path: by('redirect-decorator'), status: 302 },
  { name: 'a StreamableFile', path: by('streamable'), status: 200, body: 'file' },
  { name: '@Sse()', path: by('sse'), status: 200 },
  { name: '@Res() write', path: by('write'), status: 200, body: 'one two three' },
  { name: '@Res() pipe', path: by('piped'), status: 200, body: 'one two three' },
  { name: '@Res() flushHeaders', path: by('flushed'), status: 200, body: 'flushed' },
  { name: 'a double send', path: by('double'), status: 200, body: 'first' },
  { name: 'an error thrown after send', path: by('throws-after-send'), status: 200, body: 'first' },
  { name: 'HEAD', path: by('head'), status: 200, method: 'HEAD', body: '' },
  { name: 'OPTIONS', path: by('options'), status: 200, method: 'OPTIONS', body: 'fine' },
  { name: 'a 404 whose middleware changed the session', path: (mark) => `/nowhere?marked=${mark}`, status: 404 },
  { name: 'middleware that answers', path: (mark) => `/from-middleware?answered=${mark}`, status: 200, body: 'middle' },
  { name: 'middleware that throws', path: (mark) => `/from-middleware?thrown=${mark}`, status: 418 },
  ...(nestMajor < 12
    ? []
    : [
        { name: 'an async generator', path: by('generator'), status: 200 },
        { name: 'a web Response', path: by('web-response'), status: 201, body: 'web' },
      ]),
];

async function start(platform: Platform, store: SpyStore): Promise<SessionApp> {
  return SessionApp.start(platform, {
    session: { store },
    controllers: [AnswersController],
    providers: [RefusingGuard, MarkingGuard, MarkingFilter],
    setUp: (app) => {
      const sessions = app.get(SessionService);
      app.use(
        (request: { url: string; originalUrl?: string }, response: ServerResponse, next: (error?: unknown) => void) => {
          const [, verb, mark] = /[?&](marked|answered|thrown)=(.*)$/.exec(request.originalUrl ?? request.url) ?? [];
          if (verb === undefined) return next();
          sessions.open<{ mark: string }>(request).then((session) => {
            session.mark = mark;
            if (verb === 'answered') response.end('middle');
            else if (verb === 'thrown') next(new HttpException('from middleware', 418));
            else next();
          }, next);
        },
      );
    },
  });
}

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  const store = new SpyStore();

  beforeAll(async () => {
    app = await start(platform, store);
  });

  afterAll(() => app.close());

  /** Sends the next request the moment the head of the answer is there, and answers what that request saw. */
  async function seenAfter(client: Client, { path, method = 'GET' }: Case, mark: string): Promise<[Answer, unknown]> {
    store.delay = 20;
    const answer = await client.send(method, path(mark));
    store.delay = 0;
    const { mark: seen } = await (await client.get('/mark')).json();
    return [answer, seen];
  }

  describe.each(cases)('$name', (answerCase) => {
    it('starts a new session before the head leaves', async () => {
      const client = app.client();
      const [answer, seen] = await seenAfter(client, answerCase, 'new');
      expect(answer.status).toBe(answerCase.status);
      expect(answer.cookie()).toContain('session=');
      expect(seen).toBe('new');
      if (answerCase.body !== undefined) expect(await answer.text()).toBe(answerCase.body);
    });

    it('saves an existing session before the head leaves', async () => {
      const client = app.client();
      await (await client.get('/start')).text();
      const [answer, seen] = await seenAfter(client, answerCase, 'again');
      expect(answer.status).toBe(answerCase.status);
      expect(answer.cookie()).toBeUndefined();
      expect(seen).toBe('again');
    });
  });
});
