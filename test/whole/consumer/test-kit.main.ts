import assert from 'node:assert/strict';

import { NestFactory } from '@nestjs/core';
import { fakeSession, signIn } from 'nest-session/testing';

import { AppModule, Carts } from './app.module.js';

/** Uses the test kit without a test runner. A failure is the exit code. */
async function main(): Promise<void> {
  const session = fakeSession<{ likes: number }>({ likes: 1 });
  await session.update((data) => (data.likes = (data.likes ?? 0) + 1));
  assert.deepEqual({ ...session }, { likes: 2 });
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
  const cookie = await signIn<{ user: string }>(app, { user: 'ada' });
  const opened = await app.get(Carts).of({ url: '/', headers: { cookie } });
  assert.equal(opened.user, 'ada');
  await app.close();
}

void main();
