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
  const before = { created: 0, 'signed-in': 0, 'signed-out': 0, regenerated: 0, ended: 0, ...counts };
  app = await createOn(platform, AuditModule as Type, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const client = new Client((app.getHttpServer().address() as AddressInfo).port);
  const paths = ['/login/ada', '/confirm', '/login/grace', '/login/grace', '/leave', '/login/ada'];
  for (const path of paths) expect((await client.post(path)).status).toBe(201);
  const other = new Client((app.getHttpServer().address() as AddressInfo).port);
  for (const path of ['/login/ada', '/others', '/logout']) expect((await other.post(path)).status).toBe(201);
  const lines = app.get<{ lines: string[] }>(AuditLog as Type).lines;
  const by = / by ([\w-]{22}) /.exec(lines.join('\n'))?.[1];
  expect(lines).toEqual([
    'ada signed in with pwd (POST /login/:name)',
    'ada proved again who they are, with pwd, otp (POST /confirm)',
    'the sign-in of ada is over (POST /login/:name)',
    'grace signed in with pwd (POST /login/:name)',
    'the sign-in of grace is over (POST /login/:name)',
    'grace signed in with pwd (POST /login/:name)',
    'the sign-in of grace is over (POST /leave)',
    'ada signed in with pwd (POST /login/:name)',
    'ada signed in with pwd (POST /login/:name)',
    `a session of ada ended: another-session by ${by} (POST /others)`,
    'a session of ada ended: logout (POST /logout)',
  ]);
  expect(counts).toEqual({
    created: before.created + 5,
    'signed-in': before['signed-in'] + 6,
    'signed-out': before['signed-out'] + 3,
    regenerated: before.regenerated + 3,
    ended: before.ended + 2,
  });
});
