import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline as pumped } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';

import { Controller, Get, Header, Param, Res, StreamableFile, type INestApplication } from '@nestjs/common';
import compression from 'compression';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Session, SessionService } from '../../lib/index.js';
import { Gate } from '../fixtures/gate.js';
import { platforms, smokeAndRest, type Platform } from '../fixtures/platforms.js';
import { pipeline } from '../fixtures/raw-exchange.js';
import { rawOf, takenOver, type Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Marked = Session<{ mark: string }>;
type Next = (error?: unknown) => void;

const MB = 1024 * 1024;

/**
 * 5 MB of text, of which more than 1 MB cannot be compressed away. It begins with a letter: @fastify/compress takes a text that begins
 * with '80' for a zlib stream (RFC 1950, section 2.2), and sends it uncompressed under `Content-Encoding: gzip`.
 */
const TEXT = `text ${randomBytes(1.25 * MB).toString('hex')}${'nest '.repeat(0.5 * MB)}`;
const MD5 = md5(TEXT);
const CHUNK = 64 * 1024;

function md5(data: string | Buffer): string {
  return createHash('md5').update(data).digest('hex');
}

function* chunksOf(size: number): Generator<string> {
  for (let at = 0; at < TEXT.length; at += size) yield TEXT.slice(at, at + size);
}

/** How much of the text has been asked for; each request that streams it starts anew. */
let produced = 0;

function* counted(): Generator<string> {
  produced = 0;
  for (const chunk of chunksOf(CHUNK)) {
    produced += chunk.length;
    yield chunk;
  }
}

/** Node's own response, for plain text. */
function textOn(reply: Reply): ServerResponse {
  const raw = takenOver(reply);
  raw.setHeader('Content-Type', 'text/plain');
  return raw;
}

@Controller()
class BigController {
  /** Where the next slow requests stand still. */
  readonly gates: Gate[] = [];

  @Get('mark')
  mark(@Session() session: Marked): object {
    return { mark: session.mark ?? null };
  }

  @Get('start')
  start(@Session() session: Marked): void {
    session.mark = 'start';
  }

  @Header('Content-Type', 'text/plain')
  @Get('value/:mark')
  value(@Session() session: Marked, @Param('mark') mark: string): string {
    session.mark = mark;
    return TEXT;
  }

  @Get('sent/:mark')
  sent(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    rawOf(reply).setHeader('Content-Type', 'text/plain');
    reply.send(TEXT);
  }

  @Get('streamable/:mark')
  streamable(@Session() session: Marked, @Param('mark') mark: string): StreamableFile {
    session.mark = mark;
    return new StreamableFile(Readable.from(counted(), { objectMode: false }), { type: 'text/plain' });
  }

  @Get('ended/:mark')
  ended(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    textOn(reply).end(TEXT);
  }

  @Get('piped/:mark')
  piped(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    Readable.from(counted(), { objectMode: false }).pipe(textOn(reply));
  }

  @Get('pumped/:mark')
  async pumped(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): Promise<void> {
    session.mark = mark;
    await pumped(counted(), textOn(reply));
  }

  @Get('written/:mark')
  written(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    const raw = textOn(reply);
    const chunks = counted();
    const goOn = (): void => {
      let next = chunks.next();
      while (next.done !== true && raw.write(next.value)) next = chunks.next();
      if (next.done === true) raw.end();
    };
    raw.on('drain', goOn);
    goOn();
  }

  /** Chunks that a compressor takes without asking the writer to wait. */
  @Get('crumbs/:mark')
  crumbs(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    Readable.from(['one ', 'two ', 'three']).pipe(textOn(reply));
  }

  @Get('written-crumbs/:mark')
  async writtenCrumbs(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): Promise<void> {
    session.mark = mark;
    const raw = textOn(reply);
    for (const chunk of ['one ', 'two ', 'three']) if (!raw.write(chunk)) await once(raw, 'drain');
    raw.end();
  }

  @Get('pumped-crumbs/:mark')
  async pumpedCrumbs(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): Promise<void> {
    session.mark = mark;
    await pumped(['one ', 'two ', 'three'], textOn(reply));
  }

  @Get('small/:mark')
  small(@Session() session: Marked, @Param('mark') mark: string): string {
    session.mark = mark;
    return 'smäll';
  }

  @Get('small-ended/:mark')
  smallEnded(@Session() session: Marked, @Param('mark') mark: string, @Res() reply: Reply): void {
    session.mark = mark;
    textOn(reply).end('smäll');
  }

  @Get('slow/:mark')
  async slow(@Session() session: Marked, @Param('mark') mark: string): Promise<string> {
    await this.gates.shift()?.stop();
    session.mark = mark;
    return 'slow';
  }
}

/** The order in which the compressor and the first who asks for the session come. */
type Order = 'no compressor' | 'a compressor, then the session' | 'the session, then a compressor';
const orders = smokeAndRest<Order>(
  ['a compressor, then the session', 'the session, then a compressor'],
  ['no compressor'],
);

const BIG_ROUTES = smokeAndRest(['value', 'piped'], ['sent', 'streamable', 'ended', 'pumped', 'written']);
const CRUMBS = smokeAndRest(['crumbs'], ['written-crumbs', 'pumped-crumbs']);
/** What reaches Node's response past Fastify, and so past a compressor that is a hook of Fastify's. */
const PAST_FASTIFY = ['ended', 'piped', 'pumped', 'written', ...CRUMBS];

async function start(platform: Platform, order: Order, store: SpyStore): Promise<SessionApp> {
  return SessionApp.start(platform, {
    session: { store },
    controllers: [BigController],
    setUp: async (app) => {
      const steps = [async () => openInMiddleware(app), () => compress(platform, app)];
      if (order === 'no compressor') return;
      if (order === 'a compressor, then the session') steps.reverse();
      for (const step of steps) await step();
    },
  });
}

function openInMiddleware(app: INestApplication): void {
  const sessions = app.get(SessionService);
  app.use((incoming: IncomingMessage, _response: ServerResponse, next: Next) => {
    sessions.open(incoming).then(() => next(), next);
  });
}

async function compress(platform: Platform, app: INestApplication): Promise<void> {
  if (platform === 'express') return void app.use(compression({ level: 1 }));
  const { default: plugin } = await import('@fastify/compress');
  const { register } = app as unknown as { register(plugin: unknown, options: object): Promise<void> };
  await register.call(app, plugin, { zlibOptions: { level: 1 } });
}

const rejections: unknown[] = [];
const keep = (reason: unknown): void => void rejections.push(reason);

beforeAll(() => void process.on('unhandledRejection', keep).on('uncaughtExceptionMonitor', keep));
afterEach(() => expect(rejections.splice(0)).toEqual([]));
afterAll(() => void process.off('unhandledRejection', keep).off('uncaughtExceptionMonitor', keep));

describe.each(platforms)('on %s', (platform) => {
  describe.each(orders)('with %s', (order) => {
    const store = new SpyStore();
    let app: SessionApp;

    beforeAll(async () => {
      app = await start(platform, order, store);
    });

    afterAll(() => app.close());

    afterEach(() => {
      store.delay = 0;
      expect((app.warnings as string[]).splice(0)).toEqual([]);
    });

    const isCompressed = (route: string): boolean =>
      order !== 'no compressor' && (platform === 'express' || !PAST_FASTIFY.includes(route));

    describe.each(BIG_ROUTES)('5 MB (%s)', (route) => {
      it.each(['identity', 'gzip'])('arrive whole as %s, after the session is saved', async (encoding) => {
        const client = app.client();
        store.delay = 20;
        const answer = await client.get(`/${route}/${encoding}`, { headers: { 'Accept-Encoding': encoding } });
        expect([answer.status, answer.cookie()]).toEqual([200, expect.stringContaining('session=')]);
        expect(await (await client.get('/mark')).json()).toEqual({ mark: encoding });
        const isGzip = encoding === 'gzip' && isCompressed(route);
        expect(answer.header('content-encoding') ?? 'identity').toBe(isGzip ? 'gzip' : 'identity');
        const bytes = await answer.bytes();
        expect(md5(isGzip ? gunzipSync(bytes) : bytes)).toBe(MD5);
      });

      it('send no body to HEAD, and the session is saved', async () => {
        const client = app.client();
        await client.get('/start');
        store.delay = 20;
        const answer = await client.send('HEAD', `/${route}/head`, { headers: { 'Accept-Encoding': 'gzip' } });
        expect(answer.status).toBe(200);
        expect(await (await client.get('/mark')).json()).toEqual({ mark: 'head' });
        expect(await answer.text()).toBe('');
      });
    });

    it.each(CRUMBS)('a stream of a few bytes comes to its end (%s)', async (route) => {
      const client = app.client();
      store.delay = 20;
      for (const encoding of ['gzip', 'identity']) {
        const answer = await client.get(`/${route}/${encoding}`, { headers: { 'Accept-Encoding': encoding } });
        const bytes = await answer.bytes();
        const isGzip = answer.header('content-encoding') === 'gzip';
        expect(isGzip).toBe(encoding === 'gzip' && isCompressed(route));
        expect((isGzip ? gunzipSync(bytes) : bytes).toString()).toBe('one two three');
      }
    });

    it.each(smokeAndRest(['piped'], ['streamable', 'pumped', 'written']))(
      'a stream waits for the save and not in memory (%s)',
      async (route) => {
        produced = 0;
        const save = store.pause('create');
        const answering = app.client().get(`/${route}/held`, { headers: { 'Accept-Encoding': 'gzip' } });
        await save.reached;
        // As many turns as a stream that does not wait would need.
        for (let turn = 0; turn < (2 * TEXT.length) / CHUNK; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        expect(produced).toBeLessThan(TEXT.length / 4);
        save.open();
        const answer = await answering;
        const bytes = await answer.bytes();
        expect(md5(answer.header('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes)).toBe(MD5);
      },
    );

    // Express's compressor forms the head before it passes the body on, session or not; Node then has no length to tell.
    const isHeadFirst = platform === 'express' && order === 'the session, then a compressor';

    it.each(isHeadFirst ? ['small'] : ['small', 'small-ended'])(
      'a small answer has a Content-Length (%s)',
      async (route) => {
        const client = app.client();
        for (const mark of ['new', 'existing']) {
          const answer = await client.get(`/${route}/${mark}`, { headers: { 'Accept-Encoding': 'gzip' } });
          expect(answer.header('content-length')).toBe('6');
          expect(answer.header('transfer-encoding')).toBeUndefined();
          expect(await answer.text()).toBe('smäll');
        }
      },
    );

    it('pipelined requests are answered in their order, each whole and with its own cookie', async () => {
      store.delay = 20;
      const targets = [
        'small/1',
        'value/2',
        'streamable/3',
        'ended/4',
        'small-ended/5',
        'piped/6',
        'written/7',
        'small/8',
      ];
      const answers = await pipeline(
        app.port,
        targets.map((target) => `GET /${target}`),
      );
      const cookies = answers.map(({ headers }) => headers.get('set-cookie') ?? []);
      expect(cookies.map((lines) => lines.length)).toEqual(targets.map(() => 1));
      expect(new Set(cookies.flat().map((line) => line.split(';')[0])).size).toBe(targets.length);
      const bodies = answers.map(({ body }) => (body.length < 100 ? body.toString() : md5(body)));
      expect(bodies).toEqual(targets.map((target) => (target.startsWith('small') ? 'smäll' : MD5)));
    });

    it('a pipelined HEAD in between does not disturb the others', async () => {
      store.delay = 20;
      const answers = await pipeline(app.port, ['GET /small/1', 'HEAD /value/2', 'HEAD /piped/3', 'GET /small/4']);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(answers.map(({ body }) => body.toString())).toEqual(['smäll', '', '', 'smäll']);
    });

    it('a connection is kept alive from answer to answer', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      store.delay = 20;
      const reused: boolean[] = [];
      for (const target of ['small/1', 'value/2', 'piped/3', 'small-ended/4']) {
        const outgoing = request({ host: '127.0.0.1', port: app.port, path: `/${target}`, agent }).end();
        const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
        reused.push(outgoing.reusedSocket);
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks);
        expect(body.length < 100 ? body.toString() : md5(body)).toBe(target.startsWith('small') ? 'smäll' : MD5);
      }
      expect(reused).toEqual([false, true, true, true]);
      agent.destroy();
    });

    describe('a client that is gone', () => {
      /** Sends a request, and goes away as soon as `moment` has come; answers when the server knows. */
      async function abort(path: string, moment: Promise<unknown>, cookie = ''): Promise<void> {
        const gone = once(app.app.getHttpServer() as NodeJS.EventEmitter, 'connection').then(([socket]) =>
          once(socket as NodeJS.EventEmitter, 'close'),
        );
        const headers = { 'Accept-Encoding': 'gzip', ...(cookie === '' ? {} : { cookie }) };
        const outgoing = request({ host: '127.0.0.1', port: app.port, path, headers, agent: false });
        outgoing.on('error', () => {}).end();
        await moment;
        outgoing.destroy();
        await gone;
      }

      it.each(smokeAndRest(['piped'], ['value', 'streamable', 'pumped-crumbs', 'small-ended']))(
        'while the save is held leaves the record behind and the server unharmed (%s)',
        async (route) => {
          const client = app.client();
          await client.get('/start');
          const save = store.pause('replace');
          const saved = store.pause('replace', undefined, 'after');
          await abort(`/${route}/aborted`, save.reached, client.cookieHeader);
          save.open();
          await saved.reached;
          saved.open();
          expect(await (await client.get('/mark')).json()).toEqual({ mark: 'aborted' });
          quietly(app);
        },
      );

      it('while the handler runs has its changes saved', async () => {
        const client = app.client();
        await client.get('/start');
        const handler = new Gate();
        app.app.get(BigController).gates.push(handler);
        const saved = store.pause('replace', undefined, 'after');
        await abort('/slow/while-running', handler.reached, client.cookieHeader);
        handler.open();
        await saved.reached;
        saved.open();
        expect(await (await client.get('/mark')).json()).toEqual({ mark: 'while-running' });
      });

      it.each(smokeAndRest(['piped'], ['value', 'streamable', 'pumped']))(
        'in the middle of the body does no harm (%s)',
        async (route) => {
          const client = app.client();
          const answer = await client.get(`/${route}/cut`, { headers: { 'Accept-Encoding': 'gzip' } });
          answer.message.destroy();
          expect(await (await client.get('/mark')).json()).toEqual({ mark: 'cut' });
          quietly(app);
        },
      );
    });

    if (platform === 'fastify') {
      it.each([...BIG_ROUTES, ...CRUMBS])('inject() gets the whole answer and its cookie (%s)', async (route) => {
        store.delay = 20;
        const fastify = app.app.getHttpAdapter().getInstance() as Injectable;
        const headers = { 'accept-encoding': 'gzip' };
        const answer = await fastify.inject({ method: 'GET', url: `/${route}/injected`, headers });
        const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
        const isGzip = answer.headers['content-encoding'] === 'gzip';
        expect(isGzip).toBe(isCompressed(route));
        const body = isGzip ? gunzipSync(answer.rawPayload) : answer.rawPayload;
        expect(CRUMBS.includes(route) ? body.toString() : md5(body)).toBe(
          CRUMBS.includes(route) ? 'one two three' : MD5,
        );
        const next = await fastify.inject({ method: 'GET', url: '/mark', headers: { cookie } });
        expect(next.json()).toEqual({ mark: 'injected' });
      });
    }
  });
});

/** Frameworks may say that a stream was cut off; that is not what these tests are about. */
function quietly(app: SessionApp): void {
  (app.warnings as string[]).splice(0);
}

interface Injectable {
  inject(request: { method: string; url: string; headers: object }): Promise<{
    readonly headers: Readonly<Record<string, unknown>>;
    readonly rawPayload: Buffer;
    json(): unknown;
  }>;
}
