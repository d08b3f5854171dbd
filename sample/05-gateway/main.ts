import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';

const port = process.env['PORT'] ?? 3000;
const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['fatal', 'error', 'warn'] });
app.useStaticAssets(fileURLToPath(new URL('public', import.meta.url)));
app.enableShutdownHooks(); // on Ctrl+C the last sessions are saved before the store is closed
await app.listen(port, process.env['HOST'] ?? '127.0.0.1');
console.log(`The chat is at http://localhost:${port}`);
