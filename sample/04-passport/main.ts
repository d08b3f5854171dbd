import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { AppModule } from './app.module.js';

const port = process.env['PORT'] ?? 3000;
const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  logger: ['warn', 'error'],
});
app.useStaticAssets({ root: fileURLToPath(new URL('public', import.meta.url)), prefix: '/public/' });
await app.listen(port, process.env['HOST'] ?? '127.0.0.1');
console.log(`The shop is at http://localhost:${port}`);
