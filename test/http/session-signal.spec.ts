import type { ServerResponse } from 'node:http';

import { Controller, Get, Post, Res, Sse, UseGuards } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { EMPTY, NEVER, of, Subject, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';

import { SessionEndings } from '../../lib/engine/session-endings.js';
import { Session, SessionGuard, untilEnded, type SessionEndedError } from '../../lib/index.js';
import type { Answer, Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Data = { user: string };
type Tick = { data: string };

let ticks: Subject<Tick>;
/** Where the slow stream waits before Nest gets its observable. */
let gate: Gate;
let reasons: unknown[];
/** Notes which application is asked for signals. */
let watch: MockInstance<SessionEndings['watch']>;

const watchedNow = (): number => (watch.mock.contexts.at(-1) as SessionEndings | undefined)?.size ?? NaN;

@Controller()
class FeedController {
  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  @UseGuards(SessionGuard)
  @Sse('feed')
  feed(@Session() session: Session<Data>): Observable<Tick> {
    return ticks.pipe(untilEnded(session));
  }

  /** Anybody may listen. */
  @Sse('open-feed')
  openFeed(@Session() session: Session<Data>): Observable<Tick> {
    return ticks.pipe(untilEnded(session));
  }

  @Sse('slow-feed')
  async slowFeed(@Session() session: Session<Data>): Promise<Observable<Tick>> {
    const stream = NEVER.pipe(untilEnded<never>(session));
    await gate.stop();
    return stream;
  }

  /** What a handler does by itself. */
  @Get('written-feed')
  writtenFeed(@Session() session: Session<Data>, @Res() reply: ServerResponse & { raw?: ServerResponse }): void {
    const response = reply.raw ?? reply;
    response.write('begin\n');
    session.signal.addEventListener('abort', () => {
      const { reason } = session.signal.reason as SessionEndedError;
      reasons.push(reason);
      response.end(reason);
    });
  }

  @Get('look')
  look(@Session() session: Session<Data>): boolean {
    return session.signal.aborted;
  }

  @Get('throws')
  async throws(@Session() session: Session<Data>): Promise<void> {
    const { signal } = session;
    await session.destroy();
    signal.throwIfAborted();
  }
}

describe('untilEnded', () => {
  const controller = (): AbortController => new AbortController();

  it('passes all on, the end and an error too, and then listens no longer', async () => {
    const { signal } = controller();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const seen: unknown[] = [];
    of(1, 2)
      .pipe(untilEnded({ signal }))
      .subscribe({ next: (value) => seen.push(value), complete: () => seen.push('end') });
    expect([seen, remove.mock.calls.length]).toEqual([[1, 2, 'end'], 1]);
  });

  it('completes a stream whose session has ended already, without subscribing to it', () => {
    const ended = controller();
    ended.abort();
    const source = new Subject();
    const seen: unknown[] = [];
    source.pipe(untilEnded(ended)).subscribe({ complete: () => seen.push('end') });
    expect([seen, source.observed]).toEqual([['end'], false]);
  });

  it('unsubscribes from the source as the session ends', () => {
    const ending = controller();
    const source = new Subject();
    const seen: unknown[] = [];
    source.pipe(untilEnded(ending)).subscribe({ complete: () => seen.push('end') });
    ending.abort();
    expect([seen, source.observed]).toEqual([['end'], false]);
    EMPTY.pipe(untilEnded(ending)).subscribe();
  });
});

describe.each(platforms)('on %s', (platform) => {
  let app: SessionApp;
  let store: SpyStore;
  let client: Client;

  beforeEach(() => {
    ticks = new Subject();
    gate = new Gate();
    reasons = [];
    store = new SpyStore();
    watch = vi.spyOn(SessionEndings.prototype, 'watch');
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    ticks.complete();
    await app.close();
  });

  async function start(session: SessionAppOptions['session'] = {}): Promise<void> {
    app = await SessionApp.start(platform, { controllers: [FeedController], session: { store, ...session } });
    client = app.client();
    await client.post('/login');
  }

  /** An event stream that has begun. */
  async function stream(path = '/feed', by = client): Promise<Answer> {
    const answer = await by.get(path);
    expect(answer.status).toBe(200);
    return answer;
  }

  /** When every stream has closed on the server's side too. */
  const nothingWatched = (): Promise<void> => eventually(async () => expect(watchedNow()).toBe(0));

  it('a logout by another request ends the event stream, and no other one', async () => {
    await start();
    const mine = await stream();
    const other = app.client();
    await other.post('/login');
    const theirs = await stream('/feed', other);
    ticks.next({ data: 'one' });
    await client.post('/logout', { cookie: client.cookieHeader });
    expect(await mine.text()).toContain('data: one');
    ticks.next({ data: 'two' });
    ticks.complete();
    expect(await theirs.text()).toContain('data: two');
  });

  it('a browser that reconnects after that meets the guard', async () => {
    await start();
    const cookie = client.cookieHeader;
    const mine = await stream();
    await client.post('/logout');
    await mine.text();
    expect((await client.get('/feed', { cookie })).status).toBe(401);
  });

  it('a login by another request ends the stream of the old id', async () => {
    await start();
    const mine = await stream();
    await client.post('/login');
    await mine.text();
  });

  it('the idle timeout ends the stream', async () => {
    await start({ idleTimeout: 1 });
    await (await stream()).text();
  });

  it('a session that was deleted in the back-end ends its stream at the recheck', async () => {
    await start({ recheck: 0.05 });
    const mine = await stream();
    await store.inner.delete(store.lastKey);
    await mine.text();
  });

  it('an outage of the store ends no stream', async () => {
    await start({ recheck: 0.05 });
    const mine = await stream();
    store.failing = new Set(['read']);
    store.taken();
    await eventually(async () => expect(store.calls.length).toBeGreaterThan(3));
    ticks.next({ data: 'still here' });
    await store.inner.delete(store.lastKey);
    store.failing.clear();
    expect(await mine.text()).toContain('still here');
  });

  it('a stream of an id that was retired ends at once', async () => {
    await start();
    const cookie = client.cookieHeader;
    await client.post('/logout');
    await (await client.get('/open-feed', { cookie })).text();
  });

  it('a stream whose session ends before Nest subscribes to it ends at once', async () => {
    await start();
    const cookie = client.cookieHeader;
    const mine = client.get('/slow-feed');
    await gate.reached;
    await client.post('/logout', { cookie });
    gate.open();
    await (await mine).text();
  });

  it('a handler that writes the response itself is told why', async () => {
    await start();
    const mine = await stream('/written-feed');
    await client.post('/logout');
    expect(await mine.text()).toBe('begin\ndestroyed');
    expect(reasons).toEqual(['destroyed']);
  });

  it('an error of the signal that a handler throws is a 401', async () => {
    await start();
    const answer = await client.get('/throws');
    expect([answer.status, await answer.json()]).toEqual([
      401,
      expect.objectContaining({ message: 'The session has ended: it was destroyed, as by a logout.' }),
    ]);
  });

  it('nothing is watched any more once the client of a stream has left', async () => {
    await start();
    const streams = await Promise.all([stream(), stream(), stream('/written-feed')]);
    expect(watchedNow()).toBe(1);
    for (const { message } of streams) message.destroy();
    await nothingWatched();
    await client.post('/logout');
    expect(reasons).toEqual([]);
  });

  it('nothing is watched any more once an ordinary response was sent', async () => {
    await start();
    for (let n = 0; n < 20; n++) expect(await (await client.get('/look')).text()).toBe('false');
    await nothingWatched();
  });

  it('nothing is watched any more once the application has ended a stream, or the application itself', async () => {
    await start();
    const mine = await stream();
    ticks.complete();
    await mine.text();
    await nothingWatched();
    ticks = new Subject();
    const last = await stream();
    const closing = app.app.close();
    last.message.destroy();
    await closing;
    expect(watchedNow()).toBe(0);
  });
});

describe('a response of', () => {
  let app: SessionApp;
  let cookie: string;

  beforeEach(async () => {
    watch = vi.spyOn(SessionEndings.prototype, 'watch');
    app = await SessionApp.start('fastify', { controllers: [FeedController] });
    const client = app.client();
    await client.post('/login');
    cookie = client.cookieHeader;
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await app.close();
  });

  it('inject() is watched until it was sent', async () => {
    const fastify = app.app.getHttpAdapter() as FastifyAdapter;
    expect((await fastify.inject({ url: '/look', headers: { cookie } })).payload).toBe('false');
    await eventually(async () => expect(watchedNow()).toBe(0));
  });
});
