import type { AddressInfo } from 'node:net';

import type { INestApplication, Type } from '@nestjs/common';
import { afterEach, beforeAll, expect, it } from 'vitest';

import { Chapter } from '../fixtures/chapter.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms } from '../fixtures/platforms.js';

let chapter: Chapter;
let app: INestApplication | undefined;

beforeAll(() => {
  chapter = new Chapter('events');
}, 60_000);

afterEach(async () => {
  await app?.close();
  app = undefined;
});

it.each(platforms)('the programs of docs/events.md keep an audit log and count events, on %s', async (platform) => {
  const { AuditModule, AuditLog } = await chapter.load<Record<string, Type>>('audit.module.ts');
  const { counts } = await chapter.load<{ counts: Record<string, number> }>('tracing.ts');
  const before = { created: 0, regenerated: 0, ended: 0, ...counts };
  app = await createOn(platform, AuditModule as Type, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const client = new Client((app.getHttpServer().address() as AddressInfo).port);
  for (const path of ['/login', '/login', '/logout']) expect((await client.post(path)).status).toBe(201);
  expect(app.get<{ lines: string[] }>(AuditLog as Type).lines).toEqual([
    'ada signed in (POST /login)',
    'ada signed in (POST /login)',
    'a session of ada ended: logout (POST /logout)',
  ]);
  expect(counts).toEqual({ created: before.created + 2, regenerated: before.regenerated + 1, ended: before.ended + 1 });
});
