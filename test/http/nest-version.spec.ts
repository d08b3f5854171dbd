import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { NestFactory } from '@nestjs/core';
import { expect, it } from 'vitest';

import { nestMajor } from '../fixtures/platforms.js';

it('runs on the NestJS that the test project names', async () => {
  const root = nestMajor === 11 ? '../nest-11/package.json' : '../../package.json';
  const require = createRequire(fileURLToPath(new URL(root, import.meta.url)));
  const { version } = require('@nestjs/core/package.json') as { version: string };
  expect(version.split('.')[0]).toBe(String(nestMajor));
  const core = (await import(require.resolve('@nestjs/core'))) as typeof import('@nestjs/core');
  expect(core.NestFactory).toBe(NestFactory);
});
