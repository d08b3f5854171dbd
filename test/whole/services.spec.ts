import type { AddressInfo } from 'node:net';

import type { INestApplication, Type } from '@nestjs/common';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Chapter } from '../fixtures/chapter.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';

let chapter: Chapter;
let app: INestApplication | undefined;

beforeAll(() => {
  chapter = new Chapter('services');
}, 60_000);

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(platform: Platform, file: string, name: string): Promise<Client> {
  const { [name]: module } = await chapter.load<Record<string, Type>>(file);
  app = await createOn(platform, module as Type, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return new Client((app.getHttpServer().address() as AddressInfo).port);
}

const JSON_BODY = { headers: { 'content-type': 'application/json' } };

// nestjs-cls keeps the proxy providers of all applications in one place, so the program that has one comes last.
describe('the programs of docs/services.md', () => {
  it.each(platforms)('fill a cart through a service that knows no request, on %s', async (platform) => {
    const client = await start(platform, 'cart.module.ts', 'CartModule');
    expect(await (await client.get('/cart')).json()).toEqual([]);
    await client.post('/cart', { ...JSON_BODY, body: '{"title":"Orlando"}' });
    await client.post('/cart', { ...JSON_BODY, body: '{"title":"Emma"}' });
    expect(await (await client.get('/cart')).json()).toEqual(['Orlando', 'Emma']);
  });

  it.each(platforms)(
    'count visits through nestjs-cls, and open no session for other routes, on %s',
    async (platform) => {
      const client = await start(platform, 'cls.module.ts', 'VisitModule');
      const help = await client.get('/visits/help');
      expect([help.status, help.header('vary')]).toEqual([200, undefined]);
      await client.post('/visits');
      expect(await (await client.post('/visits')).text()).toBe('2');
    },
  );

  it.each(platforms)(
    'keep notes through a proxy provider, and open no session for other routes, on %s',
    async (platform) => {
      const client = await start(platform, 'cls-proxy.module.ts', 'NoteModule');
      const help = await client.get('/notes/help');
      expect([help.status, help.header('vary')]).toEqual([200, undefined]);
      await client.post('/notes');
      expect(await (await client.post('/notes')).json()).toHaveLength(2);
      await client.post('/notes/clear');
      expect(client.cookieHeader).toBe('');
      expect(await (await client.post('/notes')).json()).toHaveLength(1);
    },
  );
});

it('binds a function that is called later to the request, as docs/services.md does', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const { NewsletterService } = await chapter.load<{
    NewsletterService: new (sessions: object) => {
      subscribe(done: (user: string) => void): void;
      send(): Promise<void>;
    };
  }>('newsletter.service.ts');
  const request = new AsyncLocalStorage<{ user: string }>();
  const service = new NewsletterService({ current: () => Promise.resolve(request.getStore()) });
  const users: string[] = [];
  request.run({ user: 'ada' }, () => service.subscribe((user) => void users.push(user)));
  await service.send();
  expect(users).toEqual(['ada']);
});
