import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['fatal', 'error', 'warn'] });
app.useStaticAssets(fileURLToPath(new URL('public', import.meta.url)));
await app.listen(process.env['PORT'] ?? 3000, '127.0.0.1');
console.log(`One session, two applications: http://localhost:${process.env['PORT'] ?? 3000}`);
