import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['fatal', 'error', 'warn'] });
app.useStaticAssets(fileURLToPath(new URL('public', import.meta.url)));
app.enableShutdownHooks(); // on Ctrl+C the last sessions are saved before the store is closed
await app.listen(process.env['PORT'] ?? 3000, process.env['HOST'] ?? '0.0.0.0');
console.log(`The demo page is at http://localhost:${process.env['PORT'] ?? 3000}`);
