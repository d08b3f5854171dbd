import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard, V8Serializer, type SessionModuleOptions } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

const HOUR = 3_600_000;

type Data = { user: string; notes: string[] };

@Controller()
class NotesController {
  @Post('note')
  note(@Session() session: Session<Data>, @Body() body: { size: number; letter?: string }): void {
    (session.notes ??= []).push((body.letter ?? 'n').repeat(body.size));
  }

  @Get('notes')
  notes(@Session() session: Session<Data>): object {
    return { notes: session.notes?.length ?? 0 };
  }

  @UseGuards(SessionGuard)
  @Get('guarded')
  guarded(): string {
    return 'passed';
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Post('logout')
  logout(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }
}

const apps: SessionApp[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const app of apps.splice(0)) await app.close();
});

describe.each(platforms)('on %s', (platform) => {
  async function start(store: SpyStore, session: SessionModuleOptions = {}): Promise<SessionApp> {
    const app = await SessionApp.start(platform, { session: { store, ...session }, controllers: [NotesController] });
    apps.push(app);
    return app;
  }

  function note(client: Client, size: number, letter = 'n'): ReturnType<Client['post']> {
    const body = JSON.stringify({ size, letter });
    return client.post('/note', { body, headers: { 'content-type': 'application/json' } });
  }

  describe('a record that grows', () => {
    it('stops at maxRecordBytes with an error, and is kept as it was', async () => {
      const store = new SpyStore();
      const app = await start(store, { maxRecordBytes: 10_000 });
      const client = app.client();
      expect((await note(client, 9000)).status).toBe(201);
      store.taken();
      expect((await note(client, 9000)).status).toBe(500);
      expect(store.taken()).toBe('read');
      expect(app.warnings.join()).toContain('raise `maxRecordBytes`');
      expect(await (await client.get('/notes')).json()).toEqual({ notes: 1 });
    });

    it('stops at one million bytes where nothing is configured', async () => {
      const client = (await start(new SpyStore())).client();
      const sizes = Array.from({ length: 11 }, () => 99_000);
      const statuses: number[] = [];
      for (const size of sizes) statuses.push((await note(client, size)).status);
      expect(statuses).toEqual([...Array<number>(10).fill(201), 500]);
    });

    it('is measured in bytes, not in characters', async () => {
      const serializer = {
        stringify: (value: unknown) => JSON.stringify(value),
        parse: (text: string) => JSON.parse(text),
      };
      const client = (await start(new SpyStore(), { maxRecordBytes: 10_000, serializer })).client();
      expect((await note(client, 3000, 'n')).status).toBe(201);
      expect((await note(client, 3000, '€')).status).toBe(500);
    });

    it('opens as a new session where another process has let it grow, without being parsed', async () => {
      const store = new SpyStore();
      const client = (await start(store)).client();
      await note(client, 50_000);
      const strict = await start(store, { maxRecordBytes: 10_000 });
      const parse = vi.spyOn(JSON, 'parse');
      const answer = await strict.client().get('/notes', { cookie: client.cookieHeader });
      expect(parse.mock.calls.some(([text]) => String(text).length > 10_000)).toBe(false);
      parse.mockRestore();
      expect(await answer.json()).toEqual({ notes: 0 });
      expect(strict.warnings.join()).toContain('has more than 10000 bytes');
    });
  });

  describe('whoever signs out where the record is not accepted', () => {
    it.each<[string, SessionModuleOptions, number]>([
      ['as it has expired by the options of this process', { idleTimeout: '10m' }, HOUR],
      ['as it is written by another serializer', { serializer: new V8Serializer() }, 0],
      ['as it is too large here', { maxRecordBytes: 1000 }, 0],
    ])('ends it for all: %s', async (_why, options, later) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      for (const route of ['/logout', '/login']) {
        const store = new SpyStore();
        const other = await start(store);
        const client = other.client();
        await note(client, 2000);
        const cookie = client.cookieHeader;
        vi.setSystemTime(Date.now() + later);
        const app = await start(store, options);
        expect((await app.client().get('/guarded', { cookie })).status).toBe(401);
        expect((await other.client().get('/guarded', { cookie })).status).toBe(200);
        const answer = await app.client().post(route, { cookie });
        expect([answer.status, answer.setCookie.length]).toEqual([201, 1]);
        expect((await other.client().get('/guarded', { cookie })).status).toBe(401);
      }
    });
  });

  it('a session whose time of renewal is an hour ahead is renewed at once, and lives on', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const store = new SpyStore();
    const client = (await start(store, { idleTimeout: '2h' })).client();
    const now = Date.now();
    vi.setSystemTime(now + HOUR);
    await note(client, 1);
    vi.setSystemTime(now);
    store.taken();
    const answer = await client.get('/notes');
    expect([store.taken(), answer.setCookie.length]).toEqual(['read replace', 1]);
    const stored = JSON.parse((await store.inner.get(store.lastKey)) ?? '{}') as { _seen: number; _created: number };
    expect([stored._seen, stored._created].map((time) => time <= now / 1000)).toEqual([true, true]);
    await client.get('/notes');
    expect(store.taken()).toBe('read');
    for (let minutes = 20; minutes <= 300; minutes += 20) {
      vi.setSystemTime(now + minutes * 60_000);
      expect(await (await client.get('/notes')).json()).toEqual({ notes: 1 });
    }
  });
});
