import { Controller, Get, Inject, Post, Query } from '@nestjs/common';
import Memcached from 'memcached';
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { SESSION_STORE, Session, type SessionModuleOptions, type SessionStore } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { nestMajor, platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const PAGE = `foreign-values:${process.pid}:${nestMajor}:page`;
const LINES = `foreign-values:${process.pid}:${nestMajor}:lines`;

@Controller()
class PageController {
  constructor(@Inject(SESSION_STORE) private readonly store: SessionStore) {}

  @Post('login')
  login(@Session() session: Session<{ user: string }>, @Query('user') user: string): void {
    session.user = user;
  }

  @Get('me')
  me(@Session() session: Session<{ user: string }>): object {
    return { user: session.user ?? null };
  }

  @Get('page')
  async page(): Promise<object> {
    const [page, lines] = await Promise.all([this.store.get(PAGE), this.store.get(LINES)]);
    return { found: page !== undefined && lines !== undefined };
  }
}

const leftovers: (() => unknown)[] = [];

const clients: readonly (readonly [string, () => SessionModuleOptions])[] = [
  ['a client of its own', () => ({ store: 'memcached', memcached: { servers: inject('memcachedServer') } })],
  [
    'a client of yours',
    () => {
      const client = new Memcached(inject('memcachedServer'));
      leftovers.push(() => client.end());
      return { store: 'memcached', memcached: { client } };
    },
  ],
];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

describe.each(platforms)('On %s', (platform) => {
  describe.each(clients)('with %s', (_name, options) => {
    beforeAll(async () => {
      const wire = new MemcachedWire(inject('memcachedServer'));
      const answers = 'END\r\nVALUE session:x 0 15 1\r\n{"user":"mallory"}\r\nEND\r\nEND\r\n';
      await wire.set(PAGE, Buffer.from(`<p>${'é'.repeat(60)}</p>\r\n${answers.repeat(3)}`, 'latin1'));
      await wire.set(LINES, Buffer.from('caf\xe9 cr\xe8me br\xfbl\xe9e\r\n'.repeat(40), 'latin1'));
    });

    it('12 users see their own sessions beside values of another program that are no UTF-8', async () => {
      const session: SessionModuleOptions = { secret: 's'.repeat(32), ...options() };
      const app = await SessionApp.start(platform, { session, controllers: [PageController] });
      leftovers.push(() => app.close());
      const users = Array.from({ length: 12 }, (_, index) => [`user-${index}`, app.client()] as const);
      for (const [user, client] of users) await client.post(`/login?user=${user}`);
      const seen: unknown[] = [];
      const ask = async ([user, client]: readonly [string, Client]): Promise<void> => {
        const answer = await client.get('/me');
        const body = await answer.text();
        if (answer.status !== 200 || body !== JSON.stringify({ user })) seen.push([user, answer.status, body]);
      };
      const reader = app.client();
      const read = async (): Promise<void> => {
        const body = await (await reader.get('/page')).text();
        if (body !== '{"found":true}') seen.push(['page', body]);
      };
      for (let round = 0; round < 15; round++) {
        await Promise.all([...Array.from({ length: 4 }, read), ...users.map(ask)]);
      }
      expect(seen).toEqual([]);
    });
  });
});
